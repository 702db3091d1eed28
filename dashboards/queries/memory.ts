import type { Dimension } from '../../lib/checks/verify/query-expectations.ts'
import { legendOf, type Query } from './query.ts'
import { quotient } from './quotient.ts'
import { requested } from './requested.ts'
import { aggregate, type Scope } from './scope.ts'

/** The working sets of containers in bytes: what counts against a limit, with the active page cache. */
export function memoryWorkingSet(scope: Scope, by: readonly Dimension[]): Query {
  return held('container_memory_working_set_bytes', scope, by, { truth: { of: 'memory-working-set', by } })
}

/** Anonymous memory of containers in bytes, without page cache. */
export function memoryRss(scope: Scope, by: readonly Dimension[]): Query {
  return held('container_memory_rss_bytes', scope, by, { truth: { of: 'memory-rss', by } })
}

/** Page cache of containers in bytes. From cAdvisor. */
export function memoryCache(scope: Scope, by: readonly Dimension[]): Query {
  return held('container_memory_cache', scope, by, { truth: { of: 'memory-cache', by }, prerequisites: ['cadvisor'] })
}

/** Swap of containers in bytes. From cAdvisor. */
export function memorySwap(scope: Scope, by: readonly Dimension[]): Query {
  return held('container_memory_swap', scope, by, { truth: { of: 'memory-swap', by }, prerequisites: ['cadvisor'] })
}

/** Requested memory of unfinished pods in bytes. */
export function memoryRequests(scope: Scope, by: readonly Dimension[]): Query {
  return requested('k8s_container_memory_request_bytes', 'memory-requests', scope, by)
}

/** Memory limits of unfinished pods in bytes. */
export function memoryLimits(scope: Scope, by: readonly Dimension[]): Query {
  return requested('k8s_container_memory_limit_bytes', 'memory-limits', scope, by)
}

/** The working set as a share of the requests, from 0 up. */
export function memoryUsageOverRequests(scope: Scope, by: readonly Dimension[]): Query {
  return quotient(memoryWorkingSet(scope, by), memoryRequests(scope, by))
}

/** The working set as a share of the limits, from 0 up. */
export function memoryUsageOverLimits(scope: Scope, by: readonly Dimension[]): Query {
  return quotient(memoryWorkingSet(scope, by), memoryLimits(scope, by))
}

function held(
  metric: string,
  scope: Scope,
  by: readonly Dimension[],
  expectations: Pick<Query, 'truth' | 'prerequisites'>,
): Query {
  return { expr: aggregate('sum', scope, by, filter => `${metric}{${filter}}`), legend: legendOf(by), ...expectations }
}
