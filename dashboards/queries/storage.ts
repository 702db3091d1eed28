import type { Dimension, Quantity } from '../../lib/checks/verify/query-expectations.ts'
import { legendOf, type Query } from './query.ts'
import { aggregate, type Scope } from './scope.ts'

export type Access = 'reads' | 'writes'

/** Disk reads or writes per second. From cAdvisor: no receiver counts those of containers. */
export function diskOperations(access: Access, scope: Scope, by: readonly Dimension[]): Query {
  return rateOf([`container_fs_${access}_total`], scope, by, `disk-${access}`)
}

/** Disk reads and writes per second, summed. */
export function allDiskOperations(scope: Scope, by: readonly Dimension[]): Query {
  return rateOf(['container_fs_reads_total', 'container_fs_writes_total'], scope, by, 'disk-operations')
}

/** Bytes per second read from or written to disk. */
export function diskThroughput(access: Access, scope: Scope, by: readonly Dimension[]): Query {
  return rateOf(
    [`container_fs_${access}_bytes_total`],
    scope,
    by,
    access === 'reads' ? 'disk-read-bytes' : 'disk-written-bytes',
  )
}

/** Bytes per second read and written, summed. */
export function allDiskThroughput(scope: Scope, by: readonly Dimension[]): Query {
  return rateOf(['container_fs_reads_bytes_total', 'container_fs_writes_bytes_total'], scope, by, 'disk-bytes')
}

function rateOf(metrics: readonly string[], scope: Scope, by: readonly Dimension[], of: Quantity): Query {
  return {
    expr: metrics
      .map(metric => aggregate('sum', scope, by, filter => `rate(${metric}{${filter}}[$__rate_interval])`))
      .join(' + '),
    legend: legendOf(by),
    truth: { of, by },
    prerequisites: ['disk-io'],
  }
}
