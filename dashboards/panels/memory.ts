import type { Granularity } from '../granularity.ts'
import { type Column, type LabPanel, stat, table, timeseries } from '../panel-builders.ts'
import {
  memoryCache,
  memoryLimits,
  memoryRequests,
  memoryRss,
  memorySwap,
  memoryUsageOverLimits,
  memoryUsageOverRequests,
  memoryWorkingSet,
} from '../queries/memory.ts'
import { memoryAllocatable, nodeMemoryUtilisation } from '../queries/nodes.ts'
import { named, type Query } from '../queries/query.ts'
import { quotient } from '../queries/quotient.ts'
import { CADVISOR } from './sources.ts'

export function memoryUtilisationStat({ scope, by }: Granularity): LabPanel {
  return stat({
    title: 'Memory Utilisation',
    description: 'Working sets of the nodes, with their system, as a share of their memory.',
    unit: 'percentunit',
    query: nodeMemoryUtilisation(scope, by),
  })
}

export function memoryRequestsCommitmentStat({ scope, by }: Granularity): LabPanel {
  return stat({
    title: 'Memory Requests Commitment',
    description: 'Memory requests of pods, as a share of the allocatable memory. Finished pods do not count.',
    unit: 'percentunit',
    query: quotient(memoryRequests(scope, by), memoryAllocatable(scope, by)),
  })
}

export function memoryLimitsCommitmentStat({ scope, by }: Granularity): LabPanel {
  return stat({
    title: 'Memory Limits Commitment',
    description: 'Memory limits of pods, as a share of the allocatable memory.',
    unit: 'percentunit',
    query: quotient(memoryLimits(scope, by), memoryAllocatable(scope, by)),
  })
}

export function memoryUtilisationFromRequestsStat({ scope, by }: Granularity): LabPanel {
  return stat({
    title: 'Memory Utilisation (from requests)',
    description: 'Working sets as a share of the requests: the quotient of the two sums.',
    unit: 'percentunit',
    query: memoryUsageOverRequests(scope, by),
  })
}

export function memoryUtilisationFromLimitsStat({ scope, by }: Granularity): LabPanel {
  return stat({
    title: 'Memory Utilisation (from limits)',
    description: 'Working sets as a share of the memory limits: the quotient of the two sums.',
    unit: 'percentunit',
    query: memoryUsageOverLimits(scope, by),
  })
}

/** Working sets, with lines for their bounds. */
export function memoryUsageTimeseries(
  { each, scope, by }: Granularity,
  { title = 'Memory Usage', bounds = [] }: { title?: string; bounds?: readonly Query[] } = {},
): LabPanel {
  return timeseries({
    title,
    description: `Working sets of the containers of each ${each}: what counts against a limit, without page cache that the kernel can drop at once.`,
    unit: 'bytes',
    stacked: true,
    bounds: ['requests', 'limits', 'allocatable', 'capacity'],
    queries: [memoryWorkingSet(scope, by), ...bounds],
  })
}

/** Anonymous memory, with lines for its bounds. */
export function memoryRssTimeseries(
  { each, scope, by }: Granularity,
  { title, bounds = [] }: { title: string; bounds?: readonly Query[] },
): LabPanel {
  return timeseries({
    title,
    description: `Anonymous memory (RSS) of the containers of each ${each}, without page cache.`,
    unit: 'bytes',
    stacked: true,
    bounds: ['requests', 'limits', 'allocatable', 'capacity'],
    queries: [memoryRss(scope, by), ...bounds],
  })
}

/** Lines for requests and limits. */
export function memoryBounds({ scope, by }: Granularity): Query[] {
  const [requests, limits] = [memoryRequests(scope, by), memoryLimits(scope, by)]
  return [named(`${requests.legend} requests`, requests), named(`${limits.legend} limits`, limits)]
}

/** Memory usage, requests, limits and their quotients, after optional columns of counts. */
export function memoryQuotaTable(
  { each, scope, by, keys }: Granularity,
  { title = 'Memory Quota', counts = [] }: { title?: string; counts?: readonly Column[] } = {},
): LabPanel {
  return table({
    title,
    description: `Working set, requests and limits of each ${each} now. Finished pods have no requests and limits.`,
    unit: 'bytes',
    keys,
    columns: [...counts, ...quotaColumns(scope, by)],
  })
}

/** The same with the parts of the memory. */
export function memoryDetailTable({ each, scope, by, keys }: Granularity): LabPanel {
  return table({
    title: 'Memory Quota',
    description: `Working set, requests and limits of each ${each} now, and the parts of its memory. Cache and swap: ${CADVISOR}`,
    unit: 'bytes',
    keys,
    columns: [
      ...quotaColumns(scope, by),
      { name: 'Memory Usage (RSS)', query: memoryRss(scope, by) },
      { name: 'Memory Usage (Cache)', query: memoryCache(scope, by) },
      { name: 'Memory Usage (Swap)', query: memorySwap(scope, by) },
    ],
  })
}

function quotaColumns(scope: Granularity['scope'], by: Granularity['by']): Column[] {
  return [
    { name: 'Memory Usage', query: memoryWorkingSet(scope, by) },
    { name: 'Memory Requests', query: memoryRequests(scope, by) },
    { name: 'Memory Requests %', query: memoryUsageOverRequests(scope, by), unit: 'percentunit', decimals: 1 },
    { name: 'Memory Limits', query: memoryLimits(scope, by) },
    { name: 'Memory Limits %', query: memoryUsageOverLimits(scope, by), unit: 'percentunit', decimals: 1 },
  ]
}
