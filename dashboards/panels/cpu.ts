import type { Granularity } from '../granularity.ts'
import { type Column, type LabPanel, stat, table, timeseries } from '../panel-builders.ts'
import {
  cpuLimits,
  cpuRequests,
  cpuThrottling,
  cpuUsage,
  cpuUsageOverLimits,
  cpuUsageOverRequests,
} from '../queries/cpu.ts'
import { cpuAllocatable, nodeCpuUtilisation } from '../queries/nodes.ts'
import { named, type Query } from '../queries/query.ts'
import { quotient } from '../queries/quotient.ts'
import { CADVISOR } from './sources.ts'

/** Above this share of its periods, throttling is noticeable (kubernetes-mixin). */
const THROTTLING_THRESHOLD = 0.25

/** The used share of the nodes' CPU. */
export function cpuUtilisationStat({ scope, by }: Granularity): LabPanel {
  return stat({
    title: 'CPU Utilisation',
    description: 'Used cores of the nodes, with their system, as a share of the allocatable cores.',
    unit: 'percentunit',
    query: nodeCpuUtilisation(scope, by),
  })
}

/** The requested share of the nodes' CPU. */
export function cpuRequestsCommitmentStat({ scope, by }: Granularity): LabPanel {
  return stat({
    title: 'CPU Requests Commitment',
    description: 'CPU requests of pods, as a share of the allocatable cores. Finished pods do not count.',
    unit: 'percentunit',
    query: quotient(cpuRequests(scope, by), cpuAllocatable(scope, by)),
  })
}

/** The CPU limits as a share of the nodes' CPU. */
export function cpuLimitsCommitmentStat({ scope, by }: Granularity): LabPanel {
  return stat({
    title: 'CPU Limits Commitment',
    description:
      'CPU limits of pods, as a share of the allocatable cores. Above 100 % not all pods can reach their limit at once.',
    unit: 'percentunit',
    query: quotient(cpuLimits(scope, by), cpuAllocatable(scope, by)),
  })
}

export function cpuUtilisationFromRequestsStat({ scope, by }: Granularity): LabPanel {
  return stat({
    title: 'CPU Utilisation (from requests)',
    description: 'Used cores as a share of the requests: the quotient of the two sums.',
    unit: 'percentunit',
    query: cpuUsageOverRequests(scope, by),
  })
}

export function cpuUtilisationFromLimitsStat({ scope, by }: Granularity): LabPanel {
  return stat({
    title: 'CPU Utilisation (from limits)',
    description: 'Used cores as a share of the CPU limits: the quotient of the two sums.',
    unit: 'percentunit',
    query: cpuUsageOverLimits(scope, by),
  })
}

/** CPU usage, with lines for its bounds. */
export function cpuUsageTimeseries({ each, scope, by }: Granularity, bounds: readonly Query[] = []): LabPanel {
  return timeseries({
    title: 'CPU Usage',
    description: `Used cores of the containers of each ${each}.`,
    unit: 'short',
    stacked: true,
    bounds: ['requests', 'limits', 'allocatable'],
    queries: [cpuUsage(scope, by), ...bounds],
  })
}

/** Lines for requests and limits. */
export function cpuBounds({ scope, by }: Granularity): Query[] {
  const [requests, limits] = [cpuRequests(scope, by), cpuLimits(scope, by)]
  return [named(`${requests.legend} requests`, requests), named(`${limits.legend} limits`, limits)]
}

/** CPU usage, requests, limits and their quotients, after optional columns of counts. */
export function cpuQuotaTable({ each, scope, by, keys }: Granularity, counts: readonly Column[] = []): LabPanel {
  return table({
    title: 'CPU Quota',
    description: `CPU usage, requests and limits of each ${each} now. Finished pods have no requests and limits.`,
    unit: 'short',
    decimals: 3,
    keys,
    columns: [
      ...counts,
      { name: 'CPU Usage', query: cpuUsage(scope, by) },
      { name: 'CPU Requests', query: cpuRequests(scope, by) },
      { name: 'CPU Requests %', query: cpuUsageOverRequests(scope, by), unit: 'percentunit', decimals: 1 },
      { name: 'CPU Limits', query: cpuLimits(scope, by) },
      { name: 'CPU Limits %', query: cpuUsageOverLimits(scope, by), unit: 'percentunit', decimals: 1 },
    ],
  })
}

export function cpuThrottlingTimeseries({ each, scope, by }: Granularity): LabPanel {
  return timeseries({
    title: 'CPU Throttling',
    description: `Share of the CFS periods in which the containers of each ${each} were throttled at their CPU limit. ${CADVISOR}`,
    unit: 'percentunit',
    max: 1,
    thresholds: [
      { value: null, color: 'green' },
      { value: THROTTLING_THRESHOLD, color: 'red' },
    ],
    queries: [cpuThrottling(scope, by)],
  })
}
