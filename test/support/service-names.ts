import { services } from '../../lib/services/service-list.ts'

/** The services of a lab with METRICS=otel in the binary runtime without a Grafana. */
export const processNames: readonly string[] = services
  .filter(
    ({ name, process }) => process !== undefined && !['grafana', 'kube-state-metrics', 'scenarios'].includes(name),
  )
  .map(({ name }) => name)

/** The services of a lab with METRICS=otel in the Docker runtime without JAEGER=true. */
export const containerNames: readonly string[] = services
  .filter(({ container, isOnMachine }) => container !== undefined || isOnMachine === true)
  .map(({ name }) => name)
  .filter(name => !['jaeger', 'kube-state-metrics', 'scenarios'].includes(name))
