import { OF_VERBS, SLO_WINDOW } from '../queries/apiserver.ts'
import type { RecordingRule, RuleGroup } from './rule.ts'

const JOB = 'job="apiserver"'
const KINDS = ['read', 'write'] as const
type Kind = (typeof KINDS)[number]
/** Excludes requests that last as long as the client wants. */
const QUICK = 'subresource!~"proxy|attach|log|exec|portforward"'
const BY = 'k8s_cluster_name'
const AVAILABILITY = `apiserver_request:availability${SLO_WINDOW}`
/** The time of a good request, by the matchers of its scope. */
const QUICK_SECONDS = {
  read: [
    [', scope=~"resource|"', '1'],
    [', scope="namespace"', '5'],
    [', scope="cluster"', '30'],
  ],
  write: [['', '1']],
} as const satisfies Record<Kind, unknown>

/**
 * The availability of the API server. As in kubernetes-mixin, a request is good without a server error (5xx) and
 * within a time: a write within 1 s; a read within 1 s for one object, 5 s for a namespace and 30 s for the whole
 * cluster. The window fits the lifetime of a lab.
 */
export function apiserverRules(): RuleGroup {
  const total = { record: AVAILABILITY, expr: availability(''), labels: { verb: 'all' } }
  return { name: 'kube-apiserver', rules: [...KINDS.flatMap(rulesOf), total] }
}

/** The rules of reads or writes. Each uses those before it. */
function rulesOf(verb: Kind): RecordingRule[] {
  const requests = `${JOB}, ${OF_VERBS[verb]}`
  const rate = (part: string, more = '') =>
    `rate(apiserver_request_sli_duration_seconds_${part}{${requests}, ${QUICK}${more}}[5m])`
  const sum = (series: string) => `sum by (${BY}) (${series})`
  const recorded = (record: string, more = '') => sum(`${record}:rate5m{verb="${verb}"${more}}`)
  const orNone = (series: string, of: string) => `(${series} or 0 * ${of})`
  const [all, slow] = [recorded('apiserver_request:sli'), recorded('apiserver_request:slow')]
  // The bucket is "1" in older Prometheus and "1.0" in newer.
  const quick = QUICK_SECONDS[verb].map(([scope, seconds]) =>
    orNone(sum(rate('bucket', `${scope}, le=~"${seconds}(\\\\.0)?"`)), all),
  )
  const errors = recorded('code_resource:apiserver_request_total', ', code=~"5.."')
  const labels = { verb }
  return [
    {
      record: 'code_resource:apiserver_request_total:rate5m',
      expr: `sum by (${BY}, code, resource) (rate(apiserver_request_total{${requests}}[5m]))`,
      labels,
    },
    {
      record: 'cluster_quantile:apiserver_request_sli_duration_seconds:histogram_quantile',
      // Without requests the quantile is NaN, which the comparison drops.
      expr: `histogram_quantile(0.99, sum by (${BY}, le, resource) (${rate('bucket')})) > 0`,
      labels: { verb, quantile: '0.99' },
    },
    { record: 'apiserver_request:sli:rate5m', expr: sum(rate('count')), labels },
    { record: 'apiserver_request:slow:rate5m', expr: `${all} - ${quick.join(' - ')}`, labels },
    { record: 'apiserver_request:bad:rate5m', expr: `${slow} + ${orNone(errors, slow)}`, labels },
    { record: AVAILABILITY, expr: availability(`{verb="${verb}"}`), labels },
  ]
}

function availability(selector: string): string {
  const mean = (series: string) =>
    `sum by (${BY}) (avg_over_time(apiserver_request:${series}:rate5m${selector}[${SLO_WINDOW}]))`
  return `1 - ${mean('bad')} / ${mean('sli')}`
}
