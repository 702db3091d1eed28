import type { Granularity } from '../granularity.ts'
import { type Column, stat, table, timeseries } from '../panel-builders.ts'
import * as query from '../queries/memory.ts'
import { memoryAllocatable, nodeMemoryUtilisation } from '../queries/nodes.ts'
import { type Query, suffixed } from '../queries/query.ts'
import { quotient } from '../queries/quotient.ts'
import { CADVISOR } from './sources.ts'

export const utilisationStat = (group: Granularity) =>
  stat({
    title: 'Memory Utilisation',
    description: 'Working sets of the nodes, with their system, as a share of their memory.',
    unit: 'percentunit',
    query: nodeMemoryUtilisation(group),
  })

export const requestsCommitmentStat = (group: Granularity) =>
  stat({
    title: 'Memory Requests Commitment',
    description: 'Memory requests of pods, as a share of the allocatable memory. Finished pods do not count.',
    unit: 'percentunit',
    query: quotient(query.memoryRequests(group), memoryAllocatable(group)),
  })

export const limitsCommitmentStat = (group: Granularity) =>
  stat({
    title: 'Memory Limits Commitment',
    description: 'Memory limits of pods, as a share of the allocatable memory.',
    unit: 'percentunit',
    query: quotient(query.memoryLimits(group), memoryAllocatable(group)),
  })

export const utilisationFromRequestsStat = (group: Granularity) =>
  stat({
    title: 'Memory Utilisation (from requests)',
    description: 'Working sets as a share of the requests: the quotient of the two sums.',
    unit: 'percentunit',
    query: query.memoryUsageOverRequests(group),
  })

export const utilisationFromLimitsStat = (group: Granularity) =>
  stat({
    title: 'Memory Utilisation (from limits)',
    description: 'Working sets as a share of the memory limits: the quotient of the two sums.',
    unit: 'percentunit',
    query: query.memoryUsageOverLimits(group),
  })

/** Working sets, with lines for their bounds. */
export const usageTimeseries = (
  group: Granularity,
  { title = 'Memory Usage', bounds = [] }: { title?: string; bounds?: readonly Query[] } = {},
) =>
  timeseries({
    title,
    description: `Working sets of the containers of each ${group.each}: what counts against a limit, without page cache that the kernel can drop at once.`,
    unit: 'bytes',
    stacked: true,
    bounds: ['requests', 'limits', 'allocatable', 'capacity'],
    queries: [query.memoryWorkingSet(group), ...bounds],
  })

/** Anonymous memory, with lines for its bounds. */
export const rssTimeseries = (
  group: Granularity,
  { title, bounds = [] }: { title: string; bounds?: readonly Query[] },
) =>
  timeseries({
    title,
    description: `Anonymous memory (RSS) of the containers of each ${group.each}, without page cache.`,
    unit: 'bytes',
    stacked: true,
    bounds: ['requests', 'limits', 'allocatable', 'capacity'],
    queries: [query.memoryRss(group), ...bounds],
  })

/** Lines for requests and limits. */
export const bounds = (group: Granularity) => [
  suffixed(query.memoryRequests(group), 'requests'),
  suffixed(query.memoryLimits(group), 'limits'),
]

/** Memory usage, requests, limits and their quotients, after optional columns of counts. */
export const quotaTable = (
  group: Granularity,
  { title = 'Memory Quota', counts = [] }: { title?: string; counts?: readonly Column[] } = {},
) =>
  table({
    title,
    description: `Working set, requests and limits of each ${group.each} now. Finished pods have no requests and limits.`,
    unit: 'bytes',
    keys: group.keys,
    columns: [...counts, ...quotaColumns(group)],
  })

/** The same with the parts of the memory. */
export const detailTable = (group: Granularity) =>
  table({
    title: 'Memory Quota',
    description: `Working set, requests and limits of each ${group.each} now, and the parts of its memory. Cache and swap: ${CADVISOR}`,
    unit: 'bytes',
    keys: group.keys,
    columns: [
      ...quotaColumns(group),
      { name: 'Memory Usage (RSS)', query: query.memoryRss(group) },
      { name: 'Memory Usage (Cache)', query: query.memoryCache(group) },
      { name: 'Memory Usage (Swap)', query: query.memorySwap(group) },
    ],
  })

function quotaColumns(group: Granularity): Column[] {
  return [
    { name: 'Memory Usage', query: query.memoryWorkingSet(group) },
    { name: 'Memory Requests', query: query.memoryRequests(group) },
    { name: 'Memory Requests %', query: query.memoryUsageOverRequests(group), unit: 'percentunit', decimals: 1 },
    { name: 'Memory Limits', query: query.memoryLimits(group) },
    { name: 'Memory Limits %', query: query.memoryUsageOverLimits(group), unit: 'percentunit', decimals: 1 },
  ]
}
