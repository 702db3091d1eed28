import type { Query } from './query.ts'
import { IN_CLUSTER } from './scope.ts'

/** The part of requests that had to be answered well; kubernetes-mixin's default. */
export const SLO_TARGET = 0.99
/** How far back availability looks. kubernetes-mixin's 30 days would be longer than a lab lives. */
export const SLO_WINDOW = '1h'

export type Verbs = 'all' | 'read' | 'write'

/** Matchers of the verbs that read and write: no watches, which last as long as they are wanted. */
export const OF_VERBS = {
  read: 'verb=~"LIST|GET"',
  write: 'verb=~"POST|PUT|PATCH|DELETE"',
  all: 'verb=~"LIST|GET|POST|PUT|PATCH|DELETE"',
} as const satisfies Record<Verbs, string>

/** The part of requests answered without a fault of the server and fast enough, 0 to 1 (rule of `rules/kube-apiserver.ts`). */
export function availability(verbs: Verbs): Query {
  const requests = `apiserver_request_total{${IN_CLUSTER}, ${OF_VERBS[verbs]}}`
  return {
    expr: `apiserver_request:availability${SLO_WINDOW}{${IN_CLUSTER}, verb="${verbs}"}`,
    legend: '{{k8s_cluster_name}}',
    nanWhen: {
      because: 'there is no part of no requests',
      noneOf: `sum by (k8s_cluster_name) (increase(${requests}[${SLO_WINDOW}]))`,
    },
  }
}

/** What is left of the requests that may go wrong: 1 all, 0 none, below 0 too many did. */
export function errorBudget(): Query {
  const all = availability('all')
  return { ...all, expr: `(${all.expr} - ${SLO_TARGET}) / (1 - ${SLO_TARGET})`, legend: 'error budget' }
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
    emptyWhen: { because: 'a server without errors has no series of them', given: sum('') },
    nanWhen: { because: 'a resource that nobody asks for has no part', noneOf: sum('') },
  }
}

/** Seconds within which 99 of 100 requests are answered, by resource. */
export function sliDuration(verbs: Verbs): Query {
  return {
    expr: `cluster_quantile:apiserver_request_sli_duration_seconds:histogram_quantile{${IN_CLUSTER}, verb="${verbs}", quantile="0.99"}`,
    legend: '{{resource}}',
  }
}
