/**
 * Prints, for every program of the KWOK and the k3d path, where it is or how it would be had, and Node.js, Go and the free disk space.
 * Changes nothing. Ends with 1 when something can't be had, and says what to do. Grafana's program is one that the lab does without,
 * unless GRAFANA=own.
 *
 *   tsx tasks/doctor.ts
 *   XDG_CACHE_HOME=/data/cache tsx tasks/doctor.ts
 */
import { k3dPrograms, kwokPrograms } from '../lib/binaries/catalog.ts'
import { doctorReport } from '../lib/binaries/doctor.ts'
import { print, runTask, say } from '../lib/task.ts'

const about = 'Prints where every program is or how it would be had, and what stands in the way.'

await runTask({ about, settings: ['grafana'] }, async ({ lab }) => {
  const names = [...new Set([...kwokPrograms, ...k3dPrograms, 'grafana' as const])]
  const spare = lab.settings.grafana === 'own' ? {} : { grafana: "the lab's page takes its place; for GRAFANA=own" }
  const { table, problems } = await doctorReport(names, { spare })
  print(table)
  for (const { what, next } of problems) say(`${what}\n  Next: ${next}`)
  return problems.length === 0 ? 0 : 1
})
