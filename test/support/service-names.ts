import { services } from '../../lib/services/service-list.ts'

/** The services that a setting or a command adds. */
const added = ['alertmanager', 'kube-state-metrics', 'scenarios']

/** The services of a lab with METRICS=otel in the binary runtime without a Grafana. */
export const processNames: readonly string[] = services
  .filter(({ process }) => process !== undefined)
  .map(({ name }) => name)
  .filter(name => !['grafana', ...added].includes(name))

/** The services of a lab with METRICS=otel in the Docker runtime without JAEGER=true. */
export const containerNames: readonly string[] = services
  .filter(({ container, isOnMachine }) => container !== undefined || isOnMachine === true)
  .map(({ name }) => name)
  .filter(name => !['jaeger', ...added].includes(name))
