/**
 * Checks the dashboards on a running lab. Runs every query of every panel and variable as Grafana would. Reports each one that fails, returns
 * no data, NaN, a constant or duplicate rows, and each number that differs from the Kubernetes API or the usage model (lib/checks/verify/pass-criteria.ts
 * defines when a number passes). Exit code 1 when a check fails.
 *
 *   tsx tasks/verify.ts
 *   tsx tasks/verify.ts --dashboards 'mine/*.json' --junit verify.xml
 *   jsonnet rules.jsonnet | tsx tasks/verify.ts --rules -
 *   tsx tasks/verify.ts --kube-context my-cluster
 */
import { writeFileSync } from 'node:fs'
import { loadChecked } from '../dashboards/load-checked.ts'
import { junitXml } from '../lib/checks/verify/junit.ts'
import { reachLab, verifyLab } from '../lib/checks/verify/verify-lab.ts'
import { exitCode, reportText } from '../lib/checks/verify/verify-report.ts'
import { withProgress } from '../lib/cli/progress.ts'
import { skippedLines } from '../lib/kube/source-documents.ts'
import { print, runTask, say } from '../lib/lab/task.ts'

const about = 'Checks every query and number of the dashboards on a running lab; exit code 1 when a check fails.'
const settings = ['prometheusUrl', 'dashboardsDir', 'rulesDir', 'kubeContext'] as const
const flags = {
  'no-wait': 'do not wait until the series cover the rate window',
  verbose: 'list the ten slowest queries',
}
const options = {
  dashboards:
    "verify these dashboards instead of the lab's: a file, a folder, a pattern in quotes, or - for standard input; repeatable",
  rules: 'verify these rules instead, also when Prometheus has not loaded them: as --dashboards',
  json: 'write the report as JSON to this file; - prints it instead of the table',
  junit: 'also write the report as JUnit XML to this file',
}

await runTask(
  { about, settings, flags, options, on: 'either', ignoreCreationSettings: true },
  async ({ lab: opened, flags: chosen, options: given }) => {
    const { skipped, ...checked } = await loadChecked(opened.settings, given)
    for (const line of skippedLines(skipped)) say(line)
    const { lab, api, close } = await reachLab(opened)
    try {
      const waitsForWindow = !chosen.has('no-wait')
      const report = await withProgress('Verifying', onProgress =>
        verifyLab(lab, {
          ...checked,
          api,
          onProgress,
          waitsForWindow,
          retries: true,
        }),
      )
      const json = `${JSON.stringify(report, null, 2)}\n`
      const jsonFiles = given['json'] ?? []
      for (const path of jsonFiles) if (path !== '-') writeFileSync(path, json)
      for (const path of given['junit'] ?? []) writeFileSync(path, junitXml(report))
      print(jsonFiles.includes('-') ? json.trimEnd() : reportText(report, { slowest: chosen.has('verbose') ? 10 : 3 }))
      return exitCode(report)
    } finally {
      close()
    }
  },
)
