import type { Granularity } from '../granularity.ts'
import { type LabPanel, table, timeseries } from '../panel-builders.ts'
import { named } from '../queries/query.ts'
import { allDiskOperations, allDiskThroughput, diskOperations, diskThroughput } from '../queries/storage.ts'
import { CADVISOR } from './sources.ts'

export function diskOperationsTimeseries({ each, scope, by }: Granularity, title = 'IOPS(Reads+Writes)'): LabPanel {
  return timeseries({
    title,
    description: `Disk reads and writes per second of the containers of each ${each}. ${CADVISOR}`,
    unit: 'iops',
    stacked: true,
    queries: [allDiskOperations(scope, by)],
  })
}

export function diskThroughputTimeseries({ each, scope, by }: Granularity, title = 'ThroughPut(Read+Write)'): LabPanel {
  return timeseries({
    title,
    description: `Bytes per second that the containers of each ${each} read from and write to disk. ${CADVISOR}`,
    unit: 'Bps',
    stacked: true,
    queries: [allDiskThroughput(scope, by)],
  })
}

/** Reads and writes separately. */
export function diskOperationsByAccessTimeseries({ each, scope, by }: Granularity, title: string): LabPanel {
  return timeseries({
    title,
    description: `Disk reads and writes per second of each ${each}. ${CADVISOR}`,
    unit: 'iops',
    queries: (['reads', 'writes'] as const).map(access => {
      const query = diskOperations(access, scope, by)
      return named(`${query.legend} ${access}`, query)
    }),
  })
}

/** Bytes read and written separately. */
export function diskThroughputByAccessTimeseries({ each, scope, by }: Granularity, title: string): LabPanel {
  return timeseries({
    title,
    description: `Bytes per second that each ${each} reads from and writes to disk. ${CADVISOR}`,
    unit: 'Bps',
    queries: (['reads', 'writes'] as const).map(access => {
      const query = diskThroughput(access, scope, by)
      return named(`${query.legend} ${access}`, query)
    }),
  })
}

export function storageTable({ each, scope, by, keys }: Granularity): LabPanel {
  return table({
    title: 'Current Storage IO',
    description: `Disk operations and bytes per second of the containers of each ${each} now. ${CADVISOR}`,
    unit: 'iops',
    keys,
    columns: [
      { name: 'IOPS(Reads)', query: diskOperations('reads', scope, by) },
      { name: 'IOPS(Writes)', query: diskOperations('writes', scope, by) },
      { name: 'IOPS(Reads + Writes)', query: allDiskOperations(scope, by) },
      { name: 'Throughput(Read)', query: diskThroughput('reads', scope, by), unit: 'Bps' },
      { name: 'Throughput(Write)', query: diskThroughput('writes', scope, by), unit: 'Bps' },
      { name: 'Throughput(Read + Write)', query: allDiskThroughput(scope, by), unit: 'Bps' },
    ],
  })
}
