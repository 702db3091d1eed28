import type { Dimension, Excuse } from '../../lib/checks/verify/truth-marks.ts'
import { labelsOf, legendOf, type Query } from './query.ts'
import { aggregate, chosen, inNamespace, POD } from './scope.ts'

/** Spans, each one call: counted by the collector's span_metrics connector. */
export const CALLS = 'traces_span_metrics_calls_total'
const DURATION = 'traces_span_metrics_duration_seconds'
/** A service's own requests are those that it answers; what it asks of others is counted there. */
const SERVED = 'span_kind="SPAN_KIND_SERVER"'
const ASKED = 'span_kind="SPAN_KIND_CLIENT"'
const FAILED = 'status_code="STATUS_CODE_ERROR"'
const OF_SERVICE = `${inNamespace.filter}, ${chosen('service_name', 'service')}`

/** One number a service: its name is unique only within a namespace. */
export const PER_SERVICE = ['cluster', 'namespace', 'service'] as const satisfies readonly Dimension[]
const BY = labelsOf(PER_SERVICE)
const legend = legendOf(PER_SERVICE)

const CALLS_NOBODY: Excuse = { because: 'a service need not call others', given: `${CALLS}{${OF_SERVICE}}` }

/** Requests a second that each service answers. */
export const requestRate: Query = {
  expr: rateOf(`${CALLS}{${OF_SERVICE}, ${SERVED}}`),
  legend,
  truth: { of: 'requests', by: PER_SERVICE },
}

const NOBODY_ASKS: Excuse = {
  because: 'a service that nobody asks takes no time and has no part of errors',
  noneOf: requestRate.expr,
}

/** Requests a second that each service answers with an error, 0 where none. */
export const errorRate: Query = {
  expr: `(${orNone(SERVED)})`,
  legend,
  truth: { of: 'failed-requests', by: PER_SERVICE },
}

/** The part of its requests that each service answers with an error, 0 to 1. */
export const errorShare: Query = {
  expr: `(${orNone(SERVED)}) / ${requestRate.expr}`,
  legend,
  truth: { of: 'failed-requests', over: 'requests', by: PER_SERVICE },
  nanWhen: NOBODY_ASKS,
}

/** Seconds within which that part of each service's requests is answered. */
export function durationQuantile(quantile: 0.5 | 0.95 | 0.99): Query {
  const buckets = `rate(${DURATION}_bucket{${OF_SERVICE}, ${SERVED}}[$__rate_interval])`
  return {
    expr: `histogram_quantile(${quantile}, sum by (${BY}, le) (${buckets}))`,
    legend,
    nanWhen: NOBODY_ASKS,
  }
}

/** Seconds that each service takes for a request in the mean. */
export const meanDuration: Query = {
  expr: ['sum', 'count'].map(part => rateOf(`${DURATION}_${part}{${OF_SERVICE}, ${SERVED}}`)).join(' / '),
  legend,
  truth: { of: 'request-seconds', over: 'requests', by: PER_SERVICE },
  nanWhen: NOBODY_ASKS,
}

/** Calls a second that each service makes to others, by what it calls. */
export const callRate: Query = {
  expr: `sum by (${BY}, span_name) (rate(${CALLS}{${OF_SERVICE}, ${ASKED}}[$__rate_interval]))`,
  legend: `${legend} to {{span_name}}`,
  truth: { of: 'calls', by: [...PER_SERVICE, 'call'] },
  emptyWhen: CALLS_NOBODY,
}

/** The part of its calls to others that each service gets an error for, 0 to 1. */
export const failedCallShare: Query = {
  expr: `(${orNone(ASKED)}) / ${rateOf(`${CALLS}{${OF_SERVICE}, ${ASKED}}`)}`,
  legend,
  truth: { of: 'failed-calls', over: 'calls', by: PER_SERVICE },
  emptyWhen: CALLS_NOBODY,
  nanWhen: {
    because: 'there is no part of no calls',
    noneOf: rateOf(`${CALLS}{${OF_SERVICE}, ${ASKED}}`),
  },
}

/** Pods that run behind each service: those of the workload of its name. */
export const servicePods: Query = {
  expr: `sum by (${BY}) (label_replace(${podsByWorkload()}, "service_name", "$1", "workload", "(.+)"))`,
  legend,
  truth: { of: 'running-pods', by: PER_SERVICE },
}

function podsByWorkload(): string {
  const scope = { ...inNamespace, workload: chosen('workload', 'service') }
  const by = ['cluster', 'namespace', 'workload'] as const
  return aggregate('count', scope, by, filter => `group by (${POD}) (k8s_pod_phase{${filter}} == 2)`)
}

/** Errors a second of calls of one kind. A service without errors has no series of them. */
function orNone(kind: string): string {
  const all = rateOf(`${CALLS}{${OF_SERVICE}, ${kind}}`)
  return `${rateOf(`${CALLS}{${OF_SERVICE}, ${kind}, ${FAILED}}`)} or 0 * ${all}`
}

function rateOf(selector: string): string {
  return `sum by (${BY}) (rate(${selector}[$__rate_interval]))`
}
