import type { Query } from './query.ts'
import { IN_CLUSTER } from './scope.ts'

/** The objective: the share of good requests; kubernetes-mixin's default. */
export const SLO_TARGET = 0.99
/** The window of availability. kubernetes-mixin's 30 days are longer than a lab lives. */
export const SLO_WINDOW = '1h'

export type Verbs = 'all' | 'read' | 'write'

/** Matchers of verbs that read and write, without watches, which last as long as the client wants. */
export const OF_VERBS = {
  read: 'verb=~"LIST|GET"',
  write: 'verb=~"POST|PUT|PATCH|DELETE"',
  all: 'verb=~"LIST|GET|POST|PUT|PATCH|DELETE"',
} as const satisfies Record<Verbs, string>

/** The share of good requests, 0 to 1 (rule of `rules/kube-apiserver.yaml`). */
export function availability(verbs: Verbs): Query {
  const requests = `apiserver_request_total{${IN_CLUSTER}, ${OF_VERBS[verbs]}}`
  return {
    expr: `apiserver_request:availability${SLO_WINDOW}{${IN_CLUSTER}, verb="${verbs}"}`,
    legend: '{{k8s_cluster_name}}',
    nanWhen: {
      because: 'without requests there is no share',
      noneOf: `sum by (k8s_cluster_name) (increase(${requests}[${SLO_WINDOW}]))`,
    },
  }
}

/** The rest of the error budget: 1 all, 0 none, below 0 exceeded. */
export function errorBudget(): Query {
  const all = availability('all')
  return { ...all, expr: `(${all.expr} - ${SLO_TARGET}) / (1 - ${SLO_TARGET})`, legend: 'error budget' }
}

/** Requests per second by status code. */
export function sliRequests(verbs: Verbs): Query {
  return {
    expr: `sum by (code) (code_resource:apiserver_request_total:rate5m{${IN_CLUSTER}, verb="${verbs}"})`,
    legend: '{{code}}',
  }
}

/** The share of requests with a server error, by resource, 0 to 1. */
export function sliErrors(verbs: Verbs): Query {
  const sum = (more: string) =>
    `sum by (resource) (code_resource:apiserver_request_total:rate5m{${IN_CLUSTER}, verb="${verbs}"${more}})`
  return {
    expr: `${sum(', code=~"5.."')} / ${sum('')}`,
    legend: '{{resource}}',
    emptyWhen: { because: 'a server without errors has no series of them', given: sum('') },
    nanWhen: { because: 'a resource without requests has no share', noneOf: sum('') },
  }
}

/** The 99th percentile of request duration in seconds, by resource. */
export function sliDuration(verbs: Verbs): Query {
  return {
    expr: `cluster_quantile:apiserver_request_sli_duration_seconds:histogram_quantile{${IN_CLUSTER}, verb="${verbs}", quantile="0.99"}`,
    legend: '{{resource}}',
  }
}
