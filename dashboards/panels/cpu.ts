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

/** Above this part of its periods a container is held back noticeably; kubernetes-mixin's figure. */
export const THROTTLING_THRESHOLD = 0.25

/** How much of the nodes' CPU is in use. */
export function cpuUtilisationStat({ scope, by }: Granularity): LabPanel {
  return stat({
    title: 'CPU Utilisation',
    description: 'Cores that the nodes use, their own system included, of the cores that pods may use.',
    unit: 'percentunit',
    query: nodeCpuUtilisation(scope, by),
  })
}

/** How much of the nodes' CPU is promised to pods. */
export function cpuRequestsCommitmentStat({ scope, by }: Granularity): LabPanel {
  return stat({
    title: 'CPU Requests Commitment',
    description: 'Cores that pods ask for, of the cores that pods may use. Finished pods ask for nothing.',
    unit: 'percentunit',
    query: quotient(cpuRequests(scope, by), cpuAllocatable(scope, by)),
  })
}

/** How far the limits exceed the nodes' CPU. */
export function cpuLimitsCommitmentStat({ scope, by }: Granularity): LabPanel {
  return stat({
    title: 'CPU Limits Commitment',
    description:
      'Sum of the CPU limits of pods, of the cores that pods may use: above 100 % not all can have theirs at once.',
    unit: 'percentunit',
    query: quotient(cpuLimits(scope, by), cpuAllocatable(scope, by)),
  })
}

export function cpuUtilisationFromRequestsStat({ scope, by }: Granularity): LabPanel {
  return stat({
    title: 'CPU Utilisation (from requests)',
    description: 'Cores in use, of the cores asked for: the quotient of the two sums.',
    unit: 'percentunit',
    query: cpuUsageOverRequests(scope, by),
  })
}

export function cpuUtilisationFromLimitsStat({ scope, by }: Granularity): LabPanel {
  return stat({
    title: 'CPU Utilisation (from limits)',
    description: 'Cores in use, of the sum of the CPU limits: the quotient of the two sums.',
    unit: 'percentunit',
    query: cpuUsageOverLimits(scope, by),
  })
}

/** CPU in use, with lines for what bounds it. */
export function cpuUsageTimeseries({ each, scope, by }: Granularity, bounds: readonly Query[] = []): LabPanel {
  return timeseries({
    title: 'CPU Usage',
    description: `Cores that the containers of each ${each} use.`,
    unit: 'short',
    stacked: true,
    bounds: ['requests', 'limits', 'allocatable'],
    queries: [cpuUsage(scope, by), ...bounds],
  })
}

/** Lines for what pods ask for and may have at most. */
export function cpuBounds({ scope, by }: Granularity): Query[] {
  const [requests, limits] = [cpuRequests(scope, by), cpuLimits(scope, by)]
  return [named(`${requests.legend} requests`, requests), named(`${limits.legend} limits`, limits)]
}

/** CPU in use, asked for and allowed, and the quotients; after columns of counts, where there are any. */
export function cpuQuotaTable({ each, scope, by, keys }: Granularity, counts: readonly Column[] = []): LabPanel {
  return table({
    title: 'CPU Quota',
    description: `Cores in use, asked for and allowed by each ${each} now. Requests and limits are those of pods that are not finished.`,
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
    description: `The part of its periods in which each ${each} was held back at its CPU limit. ${CADVISOR}`,
    unit: 'percentunit',
    max: 1,
    thresholds: [
      { value: null, color: 'green' },
      { value: THROTTLING_THRESHOLD, color: 'red' },
    ],
    queries: [cpuThrottling(scope, by)],
  })
}
