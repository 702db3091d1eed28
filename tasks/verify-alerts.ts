/**
 * Proves alerts on a running lab. Starts each scenario of SCENARIOS, waits until the alerts that it must raise are pending and firing, checks
 * that their labels and annotations have no empty places, heals the scenario, and waits until they are resolved. Alerts that no scenario
 * explains fail. It loads a copy of the lab's alerts and of those of RULES_DIR in which `for` and `keep_firing_for` are divided by SPEED, and
 * removes it at the end. After an interruption the same command continues with the scenarios that are left. Exit code 1 when a check fails.
 *
 *   tsx tasks/verify-alerts.ts
 *   tsx tasks/verify-alerts.ts --scenarios crash-loop,quota-full --rules-dir mine/rules --junit alerts.xml
 *   tsx tasks/verify-alerts.ts --speed 1
 *   tsx tasks/verify-alerts.ts --kube-context my-cluster      # of the lab inside a cluster
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { alertJunit, alertReportText, failureCount } from '../lib/checks/alerts/alert-report.ts'
import { verifyAlerts } from '../lib/checks/alerts/verify-alerts.ts'
import { LabError } from '../lib/cli/errors.ts'
import { generatedDir } from '../lib/grafana/generated-files.ts'
import { print, runTask, say } from '../lib/lab/task.ts'

const about = 'Starts each scenario, and checks that its alerts wait, fire and resolve; exit code 1 when a check fails.'
const options = {
  json: 'write the report as JSON to this file; - prints it instead of the table',
  junit: 'also write the report as JUnit XML to this file',
}

const flags = { fresh: 'starts from the beginning, also after an interruption' }

// Without the lab's lock: to restart a part, the holder runs a step that needs it.
await runTask(
  { about, settings: ['rulesDir', 'scenarios', 'speed', 'kubeContext'], options, flags, on: 'either' },
  async ({ lab, options: given, flags: chosen }) => {
    const stopping = new AbortController()
    // A second signal ends the process.
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.once(name, () =>
        stopping.abort(
          new LabError(`Stopped by ${name}`, { why: 'everything is healed', next: 'run it again to continue' }),
        ),
      )
    }
    const ownRules = join(generatedDir, 'rules')
    const report = await verifyAlerts(lab, { ownRules, fresh: chosen.has('fresh'), signal: stopping.signal, say })
    const json = JSON.stringify(report, null, 2)
    const jsonFiles = given['json'] ?? []
    for (const path of jsonFiles) if (path !== '-') writeFileSync(path, `${json}\n`)
    for (const path of given['junit'] ?? []) writeFileSync(path, alertJunit(report))
    print(jsonFiles.includes('-') ? json : alertReportText(report))
    return failureCount(report) > 0 ? 1 : 0
  },
)
