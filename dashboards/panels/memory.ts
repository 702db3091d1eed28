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
    description: "The nodes' working sets, their own system included, of the memory they have.",
    unit: 'percentunit',
    query: nodeMemoryUtilisation(scope, by),
  })
}

export function memoryRequestsCommitmentStat({ scope, by }: Granularity): LabPanel {
  return stat({
    title: 'Memory Requests Commitment',
    description: 'Memory that pods ask for, of the memory that pods may use. Finished pods ask for nothing.',
    unit: 'percentunit',
    query: quotient(memoryRequests(scope, by), memoryAllocatable(scope, by)),
  })
}

export function memoryLimitsCommitmentStat({ scope, by }: Granularity): LabPanel {
  return stat({
    title: 'Memory Limits Commitment',
    description: 'Sum of the memory limits of pods, of the memory that pods may use.',
    unit: 'percentunit',
    query: quotient(memoryLimits(scope, by), memoryAllocatable(scope, by)),
  })
}

export function memoryUtilisationFromRequestsStat({ scope, by }: Granularity): LabPanel {
  return stat({
    title: 'Memory Utilisation (from requests)',
    description: 'Working sets, of the memory asked for: the quotient of the two sums.',
    unit: 'percentunit',
    query: memoryUsageOverRequests(scope, by),
  })
}

export function memoryUtilisationFromLimitsStat({ scope, by }: Granularity): LabPanel {
  return stat({
    title: 'Memory Utilisation (from limits)',
    description: 'Working sets, of the sum of the memory limits: the quotient of the two sums.',
    unit: 'percentunit',
    query: memoryUsageOverLimits(scope, by),
  })
}

/** Working sets, with lines for what bounds them. */
export function memoryUsageTimeseries(
  { each, scope, by }: Granularity,
  { title = 'Memory Usage', bounds = [] }: { title?: string; bounds?: readonly Query[] } = {},
): LabPanel {
  return timeseries({
    title,
    description: `Working sets of the containers of each ${each}: what counts against a limit. Cache that the kernel could drop at once is not in it.`,
    unit: 'bytes',
    stacked: true,
    bounds: ['requests', 'limits', 'allocatable', 'capacity'],
    queries: [memoryWorkingSet(scope, by), ...bounds],
  })
}

/** Anonymous memory, with lines for what bounds it. */
export function memoryRssTimeseries(
  { each, scope, by }: Granularity,
  { title, bounds = [] }: { title: string; bounds?: readonly Query[] },
): LabPanel {
  return timeseries({
    title,
    description: `Anonymous memory (RSS) of the containers of each ${each}, without any page cache.`,
    unit: 'bytes',
    stacked: true,
    bounds: ['requests', 'limits', 'allocatable', 'capacity'],
    queries: [memoryRss(scope, by), ...bounds],
  })
}

/** Lines for what pods ask for and may have at most. */
export function memoryBounds({ scope, by }: Granularity): Query[] {
  const [requests, limits] = [memoryRequests(scope, by), memoryLimits(scope, by)]
  return [named(`${requests.legend} requests`, requests), named(`${limits.legend} limits`, limits)]
}

/** Memory in use, asked for and allowed, and the quotients; after columns of counts, where there are any. */
export function memoryQuotaTable(
  { each, scope, by, keys }: Granularity,
  { title = 'Memory Quota', counts = [] }: { title?: string; counts?: readonly Column[] } = {},
): LabPanel {
  return table({
    title,
    description: `Working set, requests and limits of each ${each} now. Requests and limits are those of pods that are not finished.`,
    unit: 'bytes',
    keys,
    columns: [...counts, ...quotaColumns(scope, by)],
  })
}

/** The same with what the memory consists of. */
export function memoryDetailTable({ each, scope, by, keys }: Granularity): LabPanel {
  return table({
    title: 'Memory Quota',
    description: `Working set, requests and limits of each ${each} now, and what its memory is. Cache and swap: ${CADVISOR}`,
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
