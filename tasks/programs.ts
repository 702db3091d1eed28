/**
 * Every program of the KWOK path is there when this ends: named by a variable, in the cache, on PATH, or newly downloaded
 * or built into the cache. Needs nothing but Node.js where the official releases can be downloaded, and Go elsewhere.
 *
 *   tsx tasks/programs.ts
 *   KUBECTL_BINARY=/usr/local/bin/kubectl tsx tasks/programs.ts
 */
import { describeFound, ensurePrograms, kwokPrograms } from '../lib/binaries.ts'
import { print, runTask } from '../lib/task.ts'

await runTask(
  {
    about: 'Finds, downloads or builds every program that the KWOK path runs, and prints where each is.',
    settings: ['grafana'],
  },
  async ({ lab }) => {
    // Grafana's is large, and had only when it is asked for.
    const names = [...kwokPrograms, ...(lab.settings.grafana === 'own' ? (['grafana'] as const) : [])]
    const found = await ensurePrograms(names)
    const width = Math.max(...names.map(name => name.length))
    for (const name of names) {
      print(`${name.padEnd(width)}  ${found[name].version.padEnd(9)}  ${describeFound(found[name])}`)
    }
  },
)
