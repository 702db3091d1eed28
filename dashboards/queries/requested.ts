import type { Quantity } from '../../lib/checks/verify/query-expectations.ts'
import { measured } from './query.ts'
import { type Grouping, sumOwned } from './scope.ts'

/** The metrics of requests and limits in the k8s_cluster receiver. */
export type Requested =
  | 'k8s_container_cpu_request'
  | 'k8s_container_cpu_limit'
  | 'k8s_container_memory_request_bytes'
  | 'k8s_container_memory_limit_bytes'

/**
 * The recording rule of one of these metrics for the containers of unfinished pods, each once, with its workload
 * (`rules/kubernetes.yaml`). As in kubernetes-mixin: a filter on unfinished pods reads every pod, and many panels of a
 * dashboard would repeat it.
 */
export function activeSeries(metric: Requested): string {
  return `namespace_workload_pod_container:${metric}:active`
}

/** The requests or limits of the containers of unfinished pods. */
export const requested = (metric: Requested, of: Quantity, group: Grouping) =>
  measured(of, group.by, sumOwned(activeSeries(metric), group))
