import type { Granularity } from '../granularity.ts'
import { type Column, stat, steps, table, timeseries } from '../panel-builders.ts'
import * as query from '../queries/cpu.ts'
import { cpuAllocatable, nodeCpuUtilisation } from '../queries/nodes.ts'
import { type Query, suffixed } from '../queries/query.ts'
import { quotient } from '../queries/quotient.ts'
import { CADVISOR } from './sources.ts'

/** Above this share of its periods, throttling is noticeable (kubernetes-mixin). */
const THROTTLING_THRESHOLD = 0.25

/** The used share of the nodes' CPU. */
export const utilisationStat = (group: Granularity) =>
  stat({
    title: 'CPU Utilisation',
    description: 'Used cores of the nodes, with their system, as a share of the allocatable cores.',
    unit: 'percentunit',
    query: nodeCpuUtilisation(group),
  })

/** The requested share of the nodes' CPU. */
export const requestsCommitmentStat = (group: Granularity) =>
  stat({
    title: 'CPU Requests Commitment',
    description: 'CPU requests of pods, as a share of the allocatable cores. Finished pods do not count.',
    unit: 'percentunit',
    query: quotient(query.cpuRequests(group), cpuAllocatable(group)),
  })

/** The CPU limits as a share of the nodes' CPU. */
export const limitsCommitmentStat = (group: Granularity) =>
  stat({
    title: 'CPU Limits Commitment',
    description:
      'CPU limits of pods, as a share of the allocatable cores. Above 100 % not all pods can reach their limit at once.',
    unit: 'percentunit',
    query: quotient(query.cpuLimits(group), cpuAllocatable(group)),
  })

export const utilisationFromRequestsStat = (group: Granularity) =>
  stat({
    title: 'CPU Utilisation (from requests)',
    description: 'Used cores as a share of the requests: the quotient of the two sums.',
    unit: 'percentunit',
    query: query.cpuUsageOverRequests(group),
  })

export const utilisationFromLimitsStat = (group: Granularity) =>
  stat({
    title: 'CPU Utilisation (from limits)',
    description: 'Used cores as a share of the CPU limits: the quotient of the two sums.',
    unit: 'percentunit',
    query: query.cpuUsageOverLimits(group),
  })

/** CPU usage, with lines for its bounds. */
export const usageTimeseries = (group: Granularity, bounds: readonly Query[] = []) =>
  timeseries({
    title: 'CPU Usage',
    description: `Used cores of the containers of each ${group.each}.`,
    unit: 'short',
    stacked: true,
    bounds: ['requests', 'limits', 'allocatable'],
    queries: [query.cpuUsage(group), ...bounds],
  })

/** Lines for requests and limits. */
export const bounds = (group: Granularity) => [
  suffixed(query.cpuRequests(group), 'requests'),
  suffixed(query.cpuLimits(group), 'limits'),
]

/** CPU usage, requests, limits and their quotients, after optional columns of counts. */
export const quotaTable = (group: Granularity, counts: readonly Column[] = []) =>
  table({
    title: 'CPU Quota',
    description: `CPU usage, requests and limits of each ${group.each} now. Finished pods have no requests and limits.`,
    unit: 'short',
    decimals: 3,
    keys: group.keys,
    columns: [
      ...counts,
      { name: 'CPU Usage', query: query.cpuUsage(group) },
      { name: 'CPU Requests', query: query.cpuRequests(group) },
      { name: 'CPU Requests %', query: query.cpuUsageOverRequests(group), unit: 'percentunit', decimals: 1 },
      { name: 'CPU Limits', query: query.cpuLimits(group) },
      { name: 'CPU Limits %', query: query.cpuUsageOverLimits(group), unit: 'percentunit', decimals: 1 },
    ],
  })

export const throttlingTimeseries = (group: Granularity) =>
  timeseries({
    title: 'CPU Throttling',
    description: `Share of the CFS periods in which the containers of each ${group.each} were throttled at their CPU limit. ${CADVISOR}`,
    unit: 'percentunit',
    max: 1,
    thresholds: steps('green', [THROTTLING_THRESHOLD, 'red']),
    queries: [query.cpuThrottling(group)],
  })
