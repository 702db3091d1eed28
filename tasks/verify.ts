/**
 * Proves the dashboards on a running lab. Every query of every panel and variable is asked as Grafana would ask it; one
 * that fails, gives nothing, NaN, a constant or rows twice is named, and so is a number that differs from what the Kubernetes
 * API and the usage model say. Exit code 1 when anything is wrong.
 *
 *   tsx tasks/verify.ts
 *   tsx tasks/verify.ts --dashboards 'mine/*.json' --junit verify.xml
 *   tsx tasks/verify.ts --kube-context my-cluster
 */
import { writeFileSync } from 'node:fs'
import { loadDashboards } from '../dashboards/load.ts'
import { junitXml } from '../lib/checks/verify/junit.ts'
import { reachLab, verifyLab } from '../lib/checks/verify/verify-lab.ts'
import { exitCode, reportText } from '../lib/checks/verify/verify-report.ts'
import { startProgress } from '../lib/cli/progress.ts'
import { print, runTask } from '../lib/lab/task.ts'

const about = 'Proves every number of the dashboards on a running lab; exit code 1 when one is wrong.'
const settings = ['prometheusUrl', 'dashboardsDir', 'kubeContext'] as const
const switches = {
  'no-wait': 'do not wait until the series are as long as the rate window',
  verbose: 'name the ten slowest queries',
}
const texts = {
  dashboards: 'verify these dashboards instead of the own ones: a file, a folder, or a pattern in quotes; repeatable',
  json: 'write the report as JSON to this file; - prints it instead of the table',
  junit: 'also write the report as JUnit XML to this file',
}

await runTask(
  { about, settings, switches, texts, on: 'either', takesLabAsItIs: true },
  async ({ lab: opened, switches: chosen, texts: given }) => {
    const dashboards = loadDashboards(opened.settings, given['dashboards'])
    const { lab, api, close } = await reachLab(opened)
    const progress = startProgress('Verifying')
    try {
      const onProgress = progress.detail
      const report = await verifyLab(lab, {
        ...{ ...dashboards, api, onProgress },
        ...{ waitsForWindow: !chosen.has('no-wait'), retries: true },
      })
      const json = `${JSON.stringify(report, null, 2)}\n`
      const jsonFiles = given['json'] ?? []
      for (const path of jsonFiles) if (path !== '-') writeFileSync(path, json)
      for (const path of given['junit'] ?? []) writeFileSync(path, junitXml(report))
      print(jsonFiles.includes('-') ? json.trimEnd() : reportText(report, { slowest: chosen.has('verbose') ? 10 : 5 }))
      return exitCode(report)
    } finally {
      progress.end()
      close()
    }
  },
)
