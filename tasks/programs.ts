/**
 * Gets every program of the KWOK path: from a *_BINARY variable, the cache or PATH, else downloads or builds it into the cache. Needs only
 * Node.js where the official releases can be downloaded, else Go. In the Docker runtime gets kwokctl, kubectl and, for RULES_DIR, promtool,
 * and pulls every missing image.
 *
 *   tsx tasks/programs.ts
 *   KUBECTL_BINARY=/usr/local/bin/kubectl tsx tasks/programs.ts
 */

import { ensureImages } from '../lib/docker/pull-images.ts'
import { hasPrometheusMetrics } from '../lib/lab/metrics-dialects.ts'
import { print, runTask, say } from '../lib/lab/task.ts'
import {
  describeFound,
  dockerPrograms,
  ensurePrograms,
  findProgram,
  kwokPrograms,
  type ProgramName,
} from '../lib/programs/programs.ts'
import { neededImages } from '../lib/services/service-list.ts'

await runTask(
  {
    about: 'Finds, downloads or builds every program of the KWOK path, or pulls its images, and prints them.',
    settings: ['runtime', 'grafana', 'metrics', 'alertmanager', 'rulesDir'],
  },
  async ({ lab }) => {
    const images = neededImages(lab)
    const isDocker = images.length > 0
    // Grafana's archive is large: without GRAFANA=grafana only an installed one is used.
    const { grafana } = lab.settings
    const isTaken =
      grafana === 'grafana' || (grafana === 'auto' && !isDocker && (await findProgram('grafana')) !== undefined)
    const grafanaPrograms: readonly ProgramName[] = isTaken ? ['grafana'] : []
    const optional: ProgramName[] = hasPrometheusMetrics(lab) ? ['kube-state-metrics'] : []
    if (lab.settings.alertmanager) optional.push('alertmanager')
    const names = isDocker ? dockerPrograms(lab.settings) : [...kwokPrograms, ...optional, ...grafanaPrograms]
    const found = await ensurePrograms(names)
    const width = Math.max(...names.map(name => name.length))
    for (const name of names) {
      print(`${name.padEnd(width)}  ${found[name].version.padEnd(9)}  ${describeFound(found[name])}`)
    }
    await ensureImages(images, say)
    for (const { reference } of images) print(reference)
  },
)
