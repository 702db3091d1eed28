import type { Dimension } from '../../lib/checks/verify/query-expectations.ts'
import { legendOf, type Query } from './query.ts'
import { quotient } from './quotient.ts'
import { requested } from './requested.ts'
import { aggregate, type Scope } from './scope.ts'

/** Used cores of containers. */
export function cpuUsage(scope: Scope, by: readonly Dimension[]): Query {
  return {
    expr: aggregate('sum', scope, by, used),
    legend: legendOf(by),
    truth: { of: 'cpu-usage', by },
  }
}

/** Requested cores of unfinished pods. */
export function cpuRequests(scope: Scope, by: readonly Dimension[]): Query {
  return requested('k8s_container_cpu_request', 'cpu-requests', scope, by)
}

/** CPU limits of unfinished pods, in cores. */
export function cpuLimits(scope: Scope, by: readonly Dimension[]): Query {
  return requested('k8s_container_cpu_limit', 'cpu-limits', scope, by)
}

/** Used cores as a share of requested ones, from 0 up. */
export function cpuUsageOverRequests(scope: Scope, by: readonly Dimension[]): Query {
  return quotient(cpuUsage(scope, by), cpuRequests(scope, by))
}

/** Used cores as a share of the limits, from 0 up. */
export function cpuUsageOverLimits(scope: Scope, by: readonly Dimension[]): Query {
  return quotient(cpuUsage(scope, by), cpuLimits(scope, by))
}

/** The share of throttled CFS periods of a container, 0 to 1. From cAdvisor. */
export function cpuThrottling({ filter }: Scope, by: readonly Dimension[]): Query {
  const sum = (metric: string) => aggregate('sum', { filter }, by, rateOf(metric))
  return {
    expr: `${sum('container_cpu_cfs_throttled_periods_total')} / ${sum('container_cpu_cfs_periods_total')}`,
    legend: legendOf(by),
    truth: { of: 'cpu-throttled-periods', over: 'cpu-periods', by },
    emptyWhen: { because: 'only a container with a CPU limit has CFS periods' },
    nanWhen: {
      because: 'a container without CFS periods has no share',
      noneOf: sum('container_cpu_cfs_periods_total'),
    },
    prerequisites: ['cadvisor'],
  }
}

function used(filter: string): string {
  return rateOf('container_cpu_time_seconds_total')(filter)
}

function rateOf(metric: string): (filter: string) => string {
  return filter => `rate(${metric}{${filter}}[$__rate_interval])`
}
