import type { Dimension, Quantity } from '../../lib/verify/marks.ts'
import { legendOf, type Query } from './query.ts'
import { activePods, aggregate, POD, type Scope } from './scope.ts'

/** What the containers of pods which are not finished request or are limited to, by the metric of that name. */
export function requested(metric: string, of: Quantity, scope: Scope, by: readonly Dimension[]): Query {
  // A node in the result has to be in the series, else not: a pod that has just got its node has series with and without.
  const container = `${POD}, k8s_container_name${by.includes('node') ? ', k8s_node_name' : ''}`
  return {
    expr: aggregate(
      'sum',
      scope,
      by,
      filter => `max by (${container}) (${metric}{${filter}}) * on (${POD}) group_left () ${activePods(filter)}`,
    ),
    legend: legendOf(by),
    truth: { of, by },
  }
}
