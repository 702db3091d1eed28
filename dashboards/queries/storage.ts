import type { Quantity } from '../../lib/checks/verify/query-expectations.ts'
import { measured, type Query } from './query.ts'
import { aggregate, type Grouping } from './scope.ts'

type Access = 'reads' | 'writes'

/** Disk reads or writes per second. From cAdvisor: no receiver counts those of containers. */
export const diskOperations = (access: Access, group: Grouping) =>
  rateOf([`container_fs_${access}_total`], `disk-${access}`, group)

/** Disk reads and writes per second, summed. */
export const allDiskOperations = (group: Grouping) =>
  rateOf(['container_fs_reads_total', 'container_fs_writes_total'], 'disk-operations', group)

/** Bytes per second read from or written to disk. */
export const diskThroughput = (access: Access, group: Grouping) =>
  rateOf([`container_fs_${access}_bytes_total`], access === 'reads' ? 'disk-read-bytes' : 'disk-written-bytes', group)

/** Bytes per second read and written, summed. */
export const allDiskThroughput = (group: Grouping) =>
  rateOf(['container_fs_reads_bytes_total', 'container_fs_writes_bytes_total'], 'disk-bytes', group)

function rateOf(metrics: readonly string[], of: Quantity, group: Grouping): Query {
  const sums = metrics.map(metric => aggregate('sum', group, filter => `rate(${metric}{${filter}}[$__rate_interval])`))
  return { ...measured(of, group.by, sums.join(' + ')), prerequisites: ['disk-io'] }
}
