/**
 * Prints, for every program of the KWOK and the k3d path, where it is or how it would be had, and Node.js, Go and the free disk space.
 * Changes nothing. Ends with 1 when something can't be had, and says what to do.
 *
 *   tsx tasks/doctor.ts
 *   XDG_CACHE_HOME=/data/cache tsx tasks/doctor.ts
 */
import { k3dPrograms, kwokPrograms } from '../lib/binaries/catalog.ts'
import { doctorReport } from '../lib/binaries/doctor.ts'
import { print, runTask, say } from '../lib/task.ts'

await runTask(
  { about: 'Prints where every program is or how it would be had, and what stands in the way.', settings: [] },
  async () => {
    const { table, problems } = await doctorReport([...new Set([...kwokPrograms, ...k3dPrograms])])
    print(table)
    for (const { what, next } of problems) say(`${what}\n  Next: ${next}`)
    return problems.length === 0 ? 0 : 1
  },
)
