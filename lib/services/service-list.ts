/**
 * The services of a lab. To add one:
 *
 * 1. `lib/services/<name>.ts` exports a `Service`: how it runs as a process and as a container, its ports, its probe. `defineService` makes
 *    both from one description.
 * 2. It is in the list below, which status, preflight, `kwok-down` and the images to pull are derived from.
 * 3. `tasks/kwok-<name>.ts` calls `labServices(lab).ensure(<name>)`, and the Makefile has its name in STEPS and KWOK_STEPS.
 *
 * `jaeger.ts` and `tasks/kwok-jaeger.ts` are the example.
 */
import { type ImageName, imageNames } from '../docker/images.ts'
import type { NeededImage } from '../docker/pull-images.ts'
import type { Lab } from '../lab/lab.ts'
import { imageOf } from '../lab/lab-images.ts'
import { runtimeOf } from '../lab/runtime.ts'
import { alertmanager } from './alertmanager.ts'
import { collector, collectorWatch } from './collector.ts'
import { grafana } from './grafana.ts'
import { jaeger } from './jaeger.ts'
import { kubeStateMetrics } from './kube-state-metrics.ts'
import { kubeletGateway } from './kubelet-gateway.ts'
import { lgtm } from './lgtm.ts'
import { metricsServer } from './metrics-server.ts'
import { page } from './page.ts'
import { prometheus } from './prometheus.ts'
import { scenarioHolder } from './scenario-holder.ts'
import { hasService, type Service } from './service.ts'
import { statsProxy } from './stats-proxy.ts'
import { traceSimulator } from './trace-simulator.ts'

/** In the order in which status shows them. */
export const services: readonly Service[] = [
  prometheus,
  lgtm,
  alertmanager,
  kubeletGateway,
  statsProxy,
  metricsServer,
  kubeStateMetrics,
  collector,
  collectorWatch,
  jaeger,
  traceSimulator,
  page,
  grafana,
  scenarioHolder,
]

/** The images that a lab runs; none in the binary runtime. An image with the name of a service is for that service alone. */
export function neededImages(lab: Lab): NeededImage[] {
  // Only the Docker runtime runs images; an empty list tells programs and doctor that programs run instead.
  if (runtimeOf(lab) === 'binary') return []
  const isNeeded = (image: ImageName) => services.every(each => each.name !== image || hasService(lab, each))
  return imageNames.filter(isNeeded).map(name => ({ name, reference: imageOf(lab, name) }))
}
