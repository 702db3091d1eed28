import { legendOf, measured, type Query } from './query.ts'
import { quotient } from './quotient.ts'
import { requested } from './requested.ts'
import { aggregate, type Grouping } from './scope.ts'

/** Used cores of containers. */
export const cpuUsage = (group: Grouping) =>
  measured('cpu-usage', group.by, aggregate('sum', group, rateOf('container_cpu_time_seconds_total')))

/** Requested cores of unfinished pods. */
export const cpuRequests = (group: Grouping) => requested('k8s_container_cpu_request', 'cpu-requests', group)

/** CPU limits of unfinished pods, in cores. */
export const cpuLimits = (group: Grouping) => requested('k8s_container_cpu_limit', 'cpu-limits', group)

/** Used cores as a share of requested ones, from 0 up. */
export const cpuUsageOverRequests = (group: Grouping) => quotient(cpuUsage(group), cpuRequests(group))

/** Used cores as a share of the limits, from 0 up. */
export const cpuUsageOverLimits = (group: Grouping) => quotient(cpuUsage(group), cpuLimits(group))

/** The share of throttled CFS periods of a container, 0 to 1. From cAdvisor. */
export function cpuThrottling(group: Grouping): Query {
  const periods = aggregate('sum', group, rateOf('container_cpu_cfs_periods_total'))
  return {
    expr: `${aggregate('sum', group, rateOf('container_cpu_cfs_throttled_periods_total'))} / ${periods}`,
    legend: legendOf(group.by),
    truth: { of: 'cpu-throttled-periods', over: 'cpu-periods', by: group.by },
    emptyWhen: { because: 'only a container with a CPU limit has CFS periods' },
    nanWhen: { because: 'a container without CFS periods has no share', noneOf: periods },
    prerequisites: ['cadvisor'],
  }
}

function rateOf(metric: string): (filter: string) => string {
  return filter => `rate(${metric}{${filter}}[$__rate_interval])`
}
