/**
 * Prints, for each program of the KWOK and the k3d path, where it is or how the lab can get it, and Node.js, Go and the free disk space.
 * Changes nothing. Exit code 1 when the lab can't get a required program, with what to do about it. Grafana is optional unless
 * GRAFANA=grafana. In the Docker runtime most programs are images: for each, whether the engine has it.
 *
 *   tsx tasks/doctor.ts
 *   XDG_CACHE_HOME=/data/cache tsx tasks/doctor.ts
 */
import type { Settings } from '../lib/cli/settings.ts'
import { formatTable } from '../lib/cli/table.ts'
import { isAtEngine, type NeededImage } from '../lib/docker/pull-images.ts'
import { print, runTask, say } from '../lib/lab/task.ts'
import { doctorReport } from '../lib/programs/doctor.ts'
import { dockerPrograms, k3dPrograms, kwokPrograms, type ProgramName } from '../lib/programs/program-catalog.ts'
import { neededImages } from '../lib/services/service-list.ts'

const about = 'Prints where each program is or how the lab can get it, and what is missing.'

await runTask({ about, settings: ['runtime', 'grafana', 'rulesDir'] }, async ({ lab }) => {
  const images = neededImages(lab)
  const isDocker = images.length > 0
  const names = [...new Set([...kwokPrograms, ...k3dPrograms, 'grafana' as const])]
  const optional = optionalPrograms(isDocker, lab.settings)
  const { table, problems } = await doctorReport(names, { optional })
  print(table)
  for (const { what, next } of problems) say(`${what}\n  Next: ${next}`)
  if (isDocker) print(`\n${await imageTable(images)}`)
  return problems.length === 0 ? 0 : 1
})

/** The programs that the lab does not need, each with the reason. */
function optionalPrograms(isDocker: boolean, settings: Settings): Partial<Record<ProgramName, string>> {
  if (!isDocker && settings.grafana === 'grafana') return {}
  if (!isDocker) return { grafana: "only for GRAFANA=grafana; else the lab's page shows the dashboards" }
  const onMachine = dockerPrograms(settings)
  const reason = (name: string) =>
    name === 'promtool' ? 'only for RULES_DIR' : 'only for RUNTIME=binary; here it is in an image'
  const others = [...kwokPrograms, 'grafana' as const].filter(name => !onMachine.includes(name))
  return Object.fromEntries(others.map(name => [name, reason(name)]))
}

async function imageTable(images: readonly NeededImage[]): Promise<string> {
  const rows = await Promise.all(
    images.map(async ({ name, reference }) => [
      name,
      (await isAtEngine(reference)) ? 'present' : 'to be pulled',
      reference,
    ]),
  )
  return formatTable([['IMAGE', 'STATE', 'REFERENCE'], ...rows])
}
