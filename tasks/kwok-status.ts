/**
 * Shows each part of the lab as up, down or unhealthy (it runs, but does not answer correctly), with address, pid, memory and log, then the
 * number of nodes, pods and series, and the running scenarios. Exit code 1 when a part is not up.
 *
 *   tsx tasks/kwok-status.ts
 *   tsx tasks/kwok-status.ts --cluster-name small
 *   tsx tasks/kwok-status.ts --password        # only the password of Grafana's user admin
 */
import { relative } from 'node:path'
import { makeCommand } from '../lib/cli/settings.ts'
import { formatTable } from '../lib/cli/table.ts'
import { readDashboardFiles } from '../lib/grafana/dashboard-files.ts'
import { sourcePaths } from '../lib/kube/source-files.ts'
import { countAll, partStatuses } from '../lib/kwok/lab-status.ts'
import { print, runClusterTask } from '../lib/lab/task.ts'
import { scenarioLines } from '../lib/scenarios/scenario-journal.ts'
import { grafanaPassword } from '../lib/services/grafana-password.ts'
import { userRulesLines, userRulesStatus } from '../lib/services/user-rules.ts'

const about = 'Shows the parts of the lab, nodes, pods and series; exit code 1 when a part is not up.'

const flags = { password: "print only the password of Grafana's user admin" }

await runClusterTask({ about, settings: [], flags, ignoreCreationSettings: true }, async ({ lab, flags: chosen }) => {
  if (chosen.has('password')) return print(grafanaPassword(lab))
  const [parts, counts] = await Promise.all([partStatuses(lab), countAll(lab)])
  const rows = parts.map(({ name, process: running, trouble, address, logFile }) => [
    name,
    running === undefined ? 'down' : trouble === undefined ? 'up' : 'unhealthy',
    address || '-',
    running === undefined ? '-' : String(running.pid),
    running === undefined ? '-' : `${Math.round(running.residentBytes / 2 ** 20)} MiB`,
    logFile.startsWith(process.cwd()) ? relative(process.cwd(), logFile) : logFile,
  ])
  print(`Lab "${lab.settings.clusterName}", context ${lab.context}\n`)
  print(formatTable([['PART', 'STATE', 'ADDRESS', 'PID', 'MEMORY', 'LOG'], ...rows]))
  const phases = [...(counts.podPhases ?? [])].map(([phase, count]) => `${count} ${phase}`)
  const all = [...(counts.podPhases?.values() ?? [])].reduce((sum, count) => sum + count, 0)
  const known = (value: number | undefined) => (value === undefined ? 'unknown' : String(value))
  print(`\nNodes   ${known(counts.nodes)}`)
  print(
    counts.labPods === undefined
      ? 'Pods    unknown'
      : `Pods    ${all}: ${phases.join(', ') || 'none'}; ${counts.labPods} by kwok-pods, ${all - counts.labPods} others`,
  )
  print(`Series  ${known(counts.series)}`)
  const rules = userRulesLines(userRulesStatus(lab))
  const { refused } = readDashboardFiles(sourcePaths(lab.settings, 'dashboardsDir'))
  for (const line of [...rules, ...refused.map(({ error }) => `Refused: ${error.message}`)]) print(line)
  for (const line of scenarioLines(lab)) print(line)
  const down = parts.filter(part => part.process === undefined).map(part => part.name)
  if (down.length > 0) {
    print(`\nDown: ${down.join(', ')}\n  Next: ${makeCommand('kwok', lab.settings.clusterName)} starts them again`)
  }
  const unhealthy = parts.filter(part => part.trouble !== undefined)
  for (const { name, trouble, logFile } of unhealthy) print(`\nUnhealthy: ${name}: ${trouble}\n  Next: read ${logFile}`)
  return down.length + unhealthy.length === 0 ? 0 : 1
})
