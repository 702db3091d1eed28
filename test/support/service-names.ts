import { services } from '../../lib/services/service-list.ts'

/** The services of a lab in the binary runtime without a Grafana. */
export const processNames: readonly string[] = services
  .filter(({ name, process }) => process !== undefined && name !== 'grafana')
  .map(({ name }) => name)

/** The services of a lab in the Docker runtime without JAEGER=true. */
export const containerNames: readonly string[] = services
  .filter(({ name, container, isOnMachine }) => (container !== undefined || isOnMachine === true) && name !== 'jaeger')
  .map(({ name }) => name)
