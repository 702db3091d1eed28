/**
 * Every program of the KWOK path is there when this ends: named by a variable, in the cache, on PATH, or newly downloaded
 * or built into the cache. Needs nothing but Node.js where the official releases can be downloaded, and Go elsewhere. In the
 * Docker runtime these are kwokctl and kubectl, and every image is at the engine, pulled where it was not.
 *
 *   tsx tasks/programs.ts
 *   KUBECTL_BINARY=/usr/local/bin/kubectl tsx tasks/programs.ts
 */

import { ensureImages } from '../lib/docker/pull-images.ts'
import { print, runTask, say } from '../lib/lab/task.ts'
import { describeFound, ensurePrograms, findProgram, kwokPrograms, type ProgramName } from '../lib/programs/programs.ts'
import { neededImages } from '../lib/services/service-list.ts'

await runTask(
  {
    about:
      'Finds, downloads or builds every program that the KWOK path runs, or pulls its images, and prints what there is.',
    settings: ['runtime', 'grafana'],
  },
  async ({ lab }) => {
    const images = neededImages(lab)
    const isDocker = images.length > 0
    // Grafana's is large: it is had only when it is asked for, and taken where it is there.
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
    await ensureImages(images, say)
    for (const { reference } of images) print(reference)
  },
)
