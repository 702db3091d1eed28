import type { AllowedEmpty, Dimension } from '../../lib/checks/verify/query-expectations.ts'
import { labelsOf, legendOf, measured, type Query } from './query.ts'
import { quotient } from './quotient.ts'
import { aggregate, inNamespace, POD, selected } from './scope.ts'

/** Spans, counted by the collector's span_metrics connector. */
export const CALLS = 'traces_span_metrics_calls_total'
const DURATION = 'traces_span_metrics_duration_seconds'
/** Server spans are the requests that a service answers; client spans are its calls to others. */
const SERVER_SPANS = 'span_kind="SPAN_KIND_SERVER"'
const CLIENT_SPANS = 'span_kind="SPAN_KIND_CLIENT"'
const FAILED = 'status_code="STATUS_CODE_ERROR"'
const OF_SERVICE = `${inNamespace.filter}, ${selected('service_name', 'service')}`

/** Dimensions of a service, whose name is unique only within a namespace. */
const PER_SERVICE = ['cluster', 'namespace', 'service'] as const satisfies readonly Dimension[]
const BY = labelsOf(PER_SERVICE)
const legend = legendOf(PER_SERVICE)

const CALLS_TO_OTHERS = rateOf(`${CALLS}{${OF_SERVICE}, ${CLIENT_SPANS}}`)
const NO_CALLS: AllowedEmpty = { because: 'a service may call no others', given: `${CALLS}{${OF_SERVICE}}` }

/** Requests per second of each service. */
export const requestRate = measured('requests', PER_SERVICE, rateOf(`${CALLS}{${OF_SERVICE}, ${SERVER_SPANS}}`))

const NO_REQUESTS: AllowedEmpty = {
  because: 'a service without requests has no duration and no share of errors',
  noneOf: requestRate.expr,
}

/** Failed requests per second of each service, 0 for none. */
export const errorRate = measured('failed-requests', PER_SERVICE, `(${orNone(SERVER_SPANS)})`)

/** The share of failed requests of each service, 0 to 1. */
export const errorShare: Query = { ...quotient(errorRate, requestRate), nanWhen: NO_REQUESTS }

/** A quantile of the request duration of each service, in seconds. */
export function durationQuantile(quantile: 0.5 | 0.95 | 0.99): Query {
  const buckets = `rate(${DURATION}_bucket{${OF_SERVICE}, ${SERVER_SPANS}}[$__rate_interval])`
  return {
    expr: `histogram_quantile(${quantile}, sum by (${BY}, le) (${buckets}))`,
    legend,
    nanWhen: NO_REQUESTS,
  }
}

/** The mean request duration of each service, in seconds. */
export const meanDuration: Query = {
  expr: ['sum', 'count'].map(part => rateOf(`${DURATION}_${part}{${OF_SERVICE}, ${SERVER_SPANS}}`)).join(' / '),
  legend,
  truth: { of: 'request-seconds', over: 'requests', by: PER_SERVICE },
  nanWhen: NO_REQUESTS,
}

/** Calls per second of each service to others, by span name. */
export const callRate: Query = {
  expr: `sum by (${BY}, span_name) (rate(${CALLS}{${OF_SERVICE}, ${CLIENT_SPANS}}[$__rate_interval]))`,
  legend: `${legend} to {{span_name}}`,
  truth: { of: 'calls', by: [...PER_SERVICE, 'call'] },
  emptyWhen: NO_CALLS,
}

/** The share of failed calls of each service to others, 0 to 1. */
export const failedCallShare: Query = {
  expr: `(${orNone(CLIENT_SPANS)}) / ${CALLS_TO_OTHERS}`,
  legend,
  truth: { of: 'failed-calls', over: 'calls', by: PER_SERVICE },
  emptyWhen: NO_CALLS,
  nanWhen: { because: 'without calls there is no share', noneOf: CALLS_TO_OTHERS },
}

/** Running pods of each service: those of the workload of the same name. */
export const servicePods = measured(
  'running-pods',
  PER_SERVICE,
  `sum by (${BY}) (label_replace(${podsByWorkload()}, "service_name", "$1", "workload", "(.+)"))`,
)

function podsByWorkload(): string {
  const scope = { ...inNamespace, workload: selected('workload', 'service') }
  const by = ['cluster', 'namespace', 'workload'] as const
  return aggregate('count', { scope, by }, filter => `group by (${POD}) (k8s_pod_phase{${filter}} == 2)`)
}

/** Failed calls per second of one span kind. A service without failures has no series of them. */
function orNone(kind: string): string {
  const all = rateOf(`${CALLS}{${OF_SERVICE}, ${kind}}`)
  return `${rateOf(`${CALLS}{${OF_SERVICE}, ${kind}, ${FAILED}}`)} or 0 * ${all}`
}

function rateOf(selector: string): string {
  return `sum by (${BY}) (rate(${selector}[$__rate_interval]))`
}
