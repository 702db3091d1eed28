import type { Quantity } from '../../lib/checks/verify/query-expectations.ts'
import { measured, type Query } from './query.ts'
import { quotient } from './quotient.ts'
import { requested } from './requested.ts'
import { aggregate, type Grouping } from './scope.ts'

/** The working sets of containers in bytes: what counts against a limit, with the active page cache. */
export const memoryWorkingSet = (group: Grouping) =>
  bytes('container_memory_working_set_bytes', 'memory-working-set', group)

/** Anonymous memory of containers in bytes, without page cache. */
export const memoryRss = (group: Grouping) => bytes('container_memory_rss_bytes', 'memory-rss', group)

/** Page cache of containers in bytes. From cAdvisor. */
export function memoryCache(group: Grouping): Query {
  return { ...bytes('container_memory_cache', 'memory-cache', group), prerequisites: ['cadvisor'] }
}

/** Swap of containers in bytes. From cAdvisor. */
export function memorySwap(group: Grouping): Query {
  return { ...bytes('container_memory_swap', 'memory-swap', group), prerequisites: ['cadvisor'] }
}

/** Requested memory of unfinished pods in bytes. */
export const memoryRequests = (group: Grouping) =>
  requested('k8s_container_memory_request_bytes', 'memory-requests', group)

/** Memory limits of unfinished pods in bytes. */
export const memoryLimits = (group: Grouping) => requested('k8s_container_memory_limit_bytes', 'memory-limits', group)

/** The working set as a share of the requests, from 0 up. */
export const memoryUsageOverRequests = (group: Grouping) => quotient(memoryWorkingSet(group), memoryRequests(group))

/** The working set as a share of the limits, from 0 up. */
export const memoryUsageOverLimits = (group: Grouping) => quotient(memoryWorkingSet(group), memoryLimits(group))

function bytes(metric: string, of: Quantity, group: Grouping): Query {
  return measured(
    of,
    group.by,
    aggregate('sum', group, filter => `${metric}{${filter}}`),
  )
}
