/**
 * Shows each part of the lab: up or down, address, pid, memory and log, then how many nodes, pods and series there are.
 * Exit code 1 when a part is down.
 *
 *   tsx tasks/kwok-status.ts
 *   tsx tasks/kwok-status.ts --cluster-name small
 */
import { relative } from 'node:path'
import { requireCluster } from '../lib/kwokctl.ts'
import { countAll, formatTable, partStatuses } from '../lib/status.ts'
import { print, runTask } from '../lib/task.ts'

const about = 'Shows the parts of the lab and what they hold; exit code 1 when a part is down.'

await runTask({ about, settings: [], takesLabAsItIs: true }, async ({ lab }) => {
  requireCluster(lab)
  const parts = await partStatuses(lab)
  const rows = parts.map(({ name, process: running, address, logFile }) => [
    name,
    running === undefined ? 'down' : 'up',
    address || '-',
    running === undefined ? '-' : String(running.pid),
    running === undefined ? '-' : `${Math.round(running.residentBytes / 2 ** 20)} MiB`,
    logFile.startsWith(process.cwd()) ? relative(process.cwd(), logFile) : logFile,
  ])
  print(`Lab "${lab.settings.clusterName}", context ${lab.context}\n`)
  print(formatTable([['PART', 'STATE', 'ADDRESS', 'PID', 'MEMORY', 'LOG'], ...rows]))
  const counts = await countAll(lab)
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
  const down = parts.filter(part => part.process === undefined).map(part => part.name)
  if (down.length === 0) return 0
  print(`\nDown: ${down.join(', ')}\n  Next: make kwok starts them again`)
  return 1
})
