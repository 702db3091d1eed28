import { OF_VERBS, SLO_WINDOW } from '../queries/apiserver.ts'
import type { RecordingRule, RuleGroup } from './rule.ts'

const JOB = 'job="kube-apiserver"'
const KINDS = ['read', 'write'] as const
type Kind = (typeof KINDS)[number]
/** These last as long as the client wants. */
const QUICK = 'subresource!~"proxy|attach|log|exec|portforward"'
const BY = 'k8s_cluster_name'

/**
 * The availability of the API server. As in kubernetes-mixin, a request is good without a server error (5xx) and
 * within a time: a write within 1 s; a read within 1 s for one object, 5 s for a namespace and 30 s for the whole
 * cluster. The window fits the lifetime of a lab.
 */
export function apiserverRules(): RuleGroup {
  return {
    name: 'kube-apiserver',
    rules: [
      ...KINDS.map(requestRate),
      ...KINDS.map(durationQuantile),
      ...KINDS.map(totalRate),
      ...KINDS.map(slowRate),
      ...KINDS.map(badRate),
      ...KINDS.map(availability),
      {
        record: `apiserver_request:availability${SLO_WINDOW}`,
        expr: availabilityOf(''),
        labels: { verb: 'all' },
      },
    ],
  }
}

function requestRate(verb: Kind): RecordingRule {
  return {
    record: 'code_resource:apiserver_request_total:rate5m',
    expr: `sum by (${BY}, code, resource) (rate(apiserver_request_total{${JOB}, ${OF_VERBS[verb]}}[5m]))`,
    labels: { verb },
  }
}

function durationQuantile(verb: Kind): RecordingRule {
  const buckets = `apiserver_request_sli_duration_seconds_bucket{${JOB}, ${OF_VERBS[verb]}, ${QUICK}}`
  return {
    record: 'cluster_quantile:apiserver_request_sli_duration_seconds:histogram_quantile',
    // Without requests the quantile is NaN, which the comparison drops.
    expr: `histogram_quantile(0.99, sum by (${BY}, le, resource) (rate(${buckets}[5m]))) > 0`,
    labels: { verb, quantile: '0.99' },
  }
}

function totalRate(verb: Kind): RecordingRule {
  return {
    record: 'apiserver_request:sli:rate5m',
    expr: `sum by (${BY}) (${sliRate('count', verb)})`,
    labels: { verb },
  }
}

function slowRate(verb: Kind): RecordingRule {
  const quick =
    verb === 'write'
      ? [quickRate(verb, '', '1')]
      : [
          quickRate(verb, ', scope=~"resource|"', '1'),
          quickRate(verb, ', scope="namespace"', '5'),
          quickRate(verb, ', scope="cluster"', '30'),
        ]
  const total = `apiserver_request:sli:rate5m{verb="${verb}"}`
  const parts = quick.map(part => `(${part} or 0 * sum by (${BY}) (${total}))`)
  return {
    record: 'apiserver_request:slow:rate5m',
    expr: `sum by (${BY}) (${total}) - ${parts.join(' - ')}`,
    labels: { verb },
  }
}

/** Requests of a scope within `seconds`. */
function quickRate(verb: Kind, scope: string, seconds: string): string {
  // The bucket is "1" in older Prometheus and "1.0" in newer.
  return `sum by (${BY}) (${sliRate('bucket', verb, `${scope}, le=~"${seconds}(\\\\.0)?"`)})`
}

function sliRate(part: 'count' | 'bucket', verb: Kind, more = ''): string {
  return `rate(apiserver_request_sli_duration_seconds_${part}{${JOB}, ${OF_VERBS[verb]}, ${QUICK}${more}}[5m])`
}

function badRate(verb: Kind): RecordingRule {
  const slow = `apiserver_request:slow:rate5m{verb="${verb}"}`
  const errors = `sum by (${BY}) (code_resource:apiserver_request_total:rate5m{verb="${verb}", code=~"5.."})`
  return {
    record: 'apiserver_request:bad:rate5m',
    expr: `sum by (${BY}) (${slow}) + (${errors} or 0 * sum by (${BY}) (${slow}))`,
    labels: { verb },
  }
}

function availability(verb: Kind): RecordingRule {
  return {
    record: `apiserver_request:availability${SLO_WINDOW}`,
    expr: availabilityOf(`{verb="${verb}"}`),
    labels: { verb },
  }
}

function availabilityOf(selector: string): string {
  const mean = (series: string) =>
    `sum by (${BY}) (avg_over_time(apiserver_request:${series}:rate5m${selector}[${SLO_WINDOW}]))`
  return `1 - ${mean('bad')} / ${mean('sli')}`
}
