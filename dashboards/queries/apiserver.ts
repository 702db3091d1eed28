import type { Query } from './query.ts'
import { IN_CLUSTER } from './scope.ts'

/** The part of requests that had to be answered well; kubernetes-mixin's default. */
export const SLO_TARGET = 0.99
/** How far back availability looks. kubernetes-mixin's 30 days would be longer than a lab lives. */
export const SLO_WINDOW = '1h'

export type Verbs = 'all' | 'read' | 'write'

/** The part of requests answered without a fault of the server and fast enough, 0 to 1 (rule of `rules/kube-apiserver.ts`). */
export function availability(verbs: Verbs): Query {
  return {
    expr: `apiserver_request:availability${SLO_WINDOW}{${IN_CLUSTER}, verb="${verbs}"}`,
    legend: '{{k8s_cluster_name}}',
    nanBecause: 'there is no part of no requests',
  }
}

/** What is left of the requests that may go wrong: 1 all, 0 none, below 0 too many did. */
export function errorBudget(): Query {
  const { expr } = availability('all')
  return {
    expr: `(${expr} - ${SLO_TARGET}) / (1 - ${SLO_TARGET})`,
    legend: 'error budget',
    nanBecause: 'there is no part of no requests',
  }
}

/** Requests a second by status code. */
export function sliRequests(verbs: Verbs): Query {
  return {
    expr: `sum by (code) (code_resource:apiserver_request_total:rate5m{${IN_CLUSTER}, verb="${verbs}"})`,
    legend: '{{code}}',
  }
}

/** The part of requests that ended with the server's own error, by resource, 0 to 1. */
export function sliErrors(verbs: Verbs): Query {
  const sum = (more: string) =>
    `sum by (resource) (code_resource:apiserver_request_total:rate5m{${IN_CLUSTER}, verb="${verbs}"${more}})`
  return {
    expr: `${sum(', code=~"5.."')} / ${sum('')}`,
    legend: '{{resource}}',
    emptyBecause: 'a server without errors has no series of them',
    nanBecause: 'a resource that nobody asks for has no part',
  }
}

/** Seconds within which 99 of 100 requests are answered, by resource. */
export function sliDuration(verbs: Verbs): Query {
  return {
    expr: `cluster_quantile:apiserver_request_sli_duration_seconds:histogram_quantile{${IN_CLUSTER}, verb="${verbs}", quantile="0.99"}`,
    legend: '{{resource}}',
    nanBecause: 'a resource that nobody asks for has no duration',
  }
}
