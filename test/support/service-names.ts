import { kubeStateMetrics } from '../../lib/services/kube-state-metrics.ts'
import { services as all } from '../../lib/services/service-list.ts'

// Labs of the tests have METRICS=otel.
const services = all.filter(each => each !== kubeStateMetrics)

/** The services of a lab in the binary runtime without a Grafana. */
export const processNames: readonly string[] = services
  .filter(({ name, process }) => process !== undefined && name !== 'grafana')
  .map(({ name }) => name)

/** The services of a lab in the Docker runtime without JAEGER=true. */
export const containerNames: readonly string[] = services
  .filter(({ name, container, isOnMachine }) => (container !== undefined || isOnMachine === true) && name !== 'jaeger')
  .map(({ name }) => name)
