import type { Dimension, Quantity } from '../../lib/checks/verify/query-expectations.ts'
import { legendOf, type Query } from './query.ts'
import { type Scope, sumOwned } from './scope.ts'

/** What containers ask for and may use at most, as the k8s_cluster receiver names it. */
export const REQUESTED = [
  ...(['k8s_container_cpu_request', 'k8s_container_cpu_limit'] as const),
  ...(['k8s_container_memory_request_bytes', 'k8s_container_memory_limit_bytes'] as const),
] as const
export type Requested = (typeof REQUESTED)[number]

/**
 * The recording rule that has a metric of these once for each container of a pod that isn't finished, with the pod's workload
 * (`rules/kubernetes.ts`). As in kubernetes-mixin: to leave out what is finished takes a look at every pod, and a dozen panels of
 * one screen would each do so.
 */
export function activeSeries(metric: Requested): string {
  return `namespace_workload_pod_container:${metric}:active`
}

/** What the containers of pods which are not finished request or are limited to, by the metric of that name. */
export function requested(metric: Requested, of: Quantity, scope: Scope, by: readonly Dimension[]): Query {
  return {
    expr: sumOwned(activeSeries(metric), scope, by),
    legend: legendOf(by),
    truth: { of, by },
  }
}
