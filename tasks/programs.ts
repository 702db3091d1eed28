/**
 * Finds every program of the KWOK path, from a variable, in the cache or on PATH, else downloads or builds it into the cache. Needs only
 * Node.js when it can download the official releases, else Go. In the Docker runtime it finds kwokctl and kubectl, and pulls the missing
 * images.
 *
 *   tsx tasks/programs.ts
 *   KUBECTL_BINARY=/usr/local/bin/kubectl tsx tasks/programs.ts
 */

import { ensureImages } from '../lib/docker/pull-images.ts'
import { runtimeOf } from '../lib/lab/runtime.ts'
import { print, runTask, say } from '../lib/lab/task.ts'
import { describeFound, ensurePrograms, findProgram, kwokPrograms, type ProgramName } from '../lib/programs/programs.ts'

await runTask(
  {
    about: 'Finds, downloads or builds every program of the KWOK path, or pulls its images, and prints them.',
    settings: ['runtime', 'grafana'],
  },
  async ({ lab }) => {
    const isDocker = runtimeOf(lab) === 'docker'
    // Grafana is large: it is downloaded only for GRAFANA=own, and used when it is installed.
    const { grafana } = lab.settings
    const isTaken =
      grafana === 'own' || (grafana === 'auto' && !isDocker && (await findProgram('grafana')) !== undefined)
    const own: readonly ProgramName[] = isTaken ? ['grafana'] : []
    const names: readonly ProgramName[] = isDocker ? ['kwokctl', 'kubectl'] : [...kwokPrograms, ...own]
    const found = await ensurePrograms(names)
    const width = Math.max(...names.map(name => name.length))
    for (const name of names) {
      print(`${name.padEnd(width)}  ${found[name].version.padEnd(9)}  ${describeFound(found[name])}`)
    }
    if (isDocker) for (const image of await ensureImages(lab, say)) print(image)
  },
)
