import type { Granularity } from '../granularity.ts'
import { table, timeseries } from '../panel-builders.ts'
import { suffixed } from '../queries/query.ts'
import { allDiskOperations, allDiskThroughput, diskOperations, diskThroughput } from '../queries/storage.ts'
import { CADVISOR } from './sources.ts'

const ACCESSES = ['reads', 'writes'] as const

export const diskOperationsTimeseries = (group: Granularity, title = 'IOPS(Reads+Writes)') =>
  timeseries({
    title,
    description: `Disk reads and writes per second of the containers of each ${group.each}. ${CADVISOR}`,
    unit: 'iops',
    stacked: true,
    queries: [allDiskOperations(group)],
  })

export const diskThroughputTimeseries = (group: Granularity, title = 'ThroughPut(Read+Write)') =>
  timeseries({
    title,
    description: `Bytes per second that the containers of each ${group.each} read from and write to disk. ${CADVISOR}`,
    unit: 'Bps',
    stacked: true,
    queries: [allDiskThroughput(group)],
  })

/** Reads and writes separately. */
export const diskOperationsByAccessTimeseries = (group: Granularity, title: string) =>
  timeseries({
    title,
    description: `Disk reads and writes per second of each ${group.each}. ${CADVISOR}`,
    unit: 'iops',
    queries: ACCESSES.map(access => suffixed(diskOperations(access, group), access)),
  })

/** Bytes read and written separately. */
export const diskThroughputByAccessTimeseries = (group: Granularity, title: string) =>
  timeseries({
    title,
    description: `Bytes per second that each ${group.each} reads from and writes to disk. ${CADVISOR}`,
    unit: 'Bps',
    queries: ACCESSES.map(access => suffixed(diskThroughput(access, group), access)),
  })

export const usageTable = (group: Granularity) =>
  table({
    title: 'Current Storage IO',
    description: `Disk operations and bytes per second of the containers of each ${group.each} now. ${CADVISOR}`,
    unit: 'iops',
    keys: group.keys,
    columns: [
      { name: 'IOPS(Reads)', query: diskOperations('reads', group) },
      { name: 'IOPS(Writes)', query: diskOperations('writes', group) },
      { name: 'IOPS(Reads + Writes)', query: allDiskOperations(group) },
      { name: 'Throughput(Read)', query: diskThroughput('reads', group), unit: 'Bps' },
      { name: 'Throughput(Write)', query: diskThroughput('writes', group), unit: 'Bps' },
      { name: 'Throughput(Read + Write)', query: allDiskThroughput(group), unit: 'Bps' },
    ],
  })
