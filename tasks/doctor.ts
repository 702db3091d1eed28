/**
 * Prints the source of every program of the KWOK and the k3d path, Node.js, Go and the free disk space. Changes nothing. Exit code 1 when a
 * program is not available, with the next step. Grafana is optional unless GRAFANA=own. In the Docker runtime most programs are images; it
 * prints which of them the engine has.
 *
 *   tsx tasks/doctor.ts
 *   XDG_CACHE_HOME=/data/cache tsx tasks/doctor.ts
 */
import { formatTable } from '../lib/cli/table.ts'
import { imageStates } from '../lib/docker/pull-images.ts'
import type { Lab } from '../lib/lab/lab.ts'
import { runtimeOf } from '../lib/lab/runtime.ts'
import { print, runTask, say } from '../lib/lab/task.ts'
import { doctorReport } from '../lib/programs/doctor.ts'
import { k3dPrograms, kwokPrograms, type ProgramName } from '../lib/programs/program-catalog.ts'

const about = 'Prints the source of every program, and the problems with their next steps.'

await runTask({ about, settings: ['runtime', 'grafana'] }, async ({ lab }) => {
  const isDocker = runtimeOf(lab) === 'docker'
  const names = [...new Set([...kwokPrograms, ...k3dPrograms, 'grafana' as const])]
  const optional = optionalPrograms(isDocker, lab.settings.grafana === 'own')
  const { table, problems } = await doctorReport(names, { optional })
  print(table)
  for (const { what, next } of problems) say(`${what}\n  Next: ${next}`)
  if (isDocker) print(`\n${await imageTable(lab)}`)
  return problems.length === 0 ? 0 : 1
})

/** The programs that the lab does not need, each with the reason. */
function optionalPrograms(isDocker: boolean, wantsGrafana: boolean): Partial<Record<ProgramName, string>> {
  const grafana = wantsGrafana ? {} : { grafana: "only for GRAFANA=own; else the lab's page shows the dashboards" }
  if (!isDocker) return grafana
  const onMachine = new Set<ProgramName>(['kwokctl', 'kubectl'])
  const images = kwokPrograms.filter(name => !onMachine.has(name))
  return Object.fromEntries(
    [...images, 'grafana'].map(name => [name, 'only for RUNTIME=binary; here it is in an image']),
  )
}

async function imageTable(lab: Lab): Promise<string> {
  const images = await imageStates(lab)
  const rows = images.map(({ name, reference, isThere }) => [name, isThere ? 'present' : 'to be pulled', reference])
  return formatTable([['IMAGE', 'STATE', 'REFERENCE'], ...rows])
}
