/** Series, and the result of a rule: each case is one test of `promtool test rules`. */

/** A series as promtool reads it: name with labels, and its values at every 10 s. */
export type Series = readonly [series: string, values: string]

/** The result of a recording rule. */
export interface RecordCase {
  record: string
  fact: string
  series: readonly Series[]
  /** The time of the query, and its selector; without one, all series of the record. */
  at: string
  select?: string
  gives: readonly (readonly [labels: string, value: number])[]
}

/** The time when an alert fires, and its labels. */
export interface AlertCase {
  alert: string
  series: readonly Series[]
  /** It fires at `firesAt`, and not at `notAt`. */
  firesAt: string
  notAt: string
  labels: Readonly<Record<string, string>>
  /** The formatted `{{ $value }}`. */
  value?: string
}

const C = 'k8s_cluster_name="c"'
const pod = (name: string, more = '') => `{${C}, k8s_namespace_name="n", k8s_pod_name="${name}"${more}}`
const container = (name: string) => pod(name, ', k8s_container_name="app"')
const sli = (part: string, more: string) =>
  `apiserver_request_sli_duration_seconds_${part}{${C}, job="apiserver", resource="pods", ${more}}`
const requests = (code: string, verb: string) =>
  `apiserver_request_total{${C}, job="apiserver", resource="pods", code="${code}", verb="${verb}"}`

/** A running and a finished pod with the same requests: only one counts. A third was just bound. */
const asked = (metric: string, value: number): Series[] => [
  [`k8s_pod_phase${pod('runs', ', k8s_node_name="a"')}`, '2x6'],
  [`k8s_pod_phase${pod('done', ', k8s_node_name="a"')}`, '3x6'],
  [`k8s_pod_phase${pod('placed')}`, '1x6'],
  [`k8s_pod_phase${pod('placed', ', k8s_node_name="b"')}`, '2x6'],
  ...['runs', 'done', 'placed'].map((name): Series => [`${metric}${container(name)}`, `${value}x6`]),
  [`${metric}${pod('placed', ', k8s_container_name="app", k8s_node_name="b"')}`, `${value}x6`],
]
const active = (name: string, more = '') => pod(name, `, workload="${name}", workload_type="barepod"${more}`)
const activeCase = (metric: string, value: number): RecordCase => ({
  record: `namespace_workload_pod_container:${metric}:active`,
  fact: 'has each container of an unfinished pod once, with its node if it is bound',
  series: [...asked(metric, value), [`k8s_pod_phase${pod('waits')}`, '1x6'], [`${metric}${container('waits')}`, '7x6']],
  at: '1m',
  gives: [
    [active('placed', ', k8s_container_name="app", k8s_node_name="b"'), value],
    [active('runs', ', k8s_container_name="app"'), value],
    [active('waits', ', k8s_container_name="app"'), 7],
  ],
})
const askedCase = (record: string, metric: string, value: number): RecordCase => ({
  record,
  fact: 'counts each unfinished pod once',
  series: asked(metric, value),
  at: '1m',
  gives: [[`{${C}, k8s_namespace_name="n"}`, 2 * value]],
})

const owned = (workload: string, type: string) =>
  `{${C}, k8s_namespace_name="n", k8s_pod_name="${workload}-pod", workload="${workload}", workload_type="${type}"}`

export const recordCases: readonly RecordCase[] = [
  {
    record: 'namespace_workload_pod:k8s_pod_phase:relabel',
    fact: 'gives each pod its owner, a Deployment before its ReplicaSet, or itself without an owner',
    series: [
      [`k8s_pod_phase${pod('web-pod', ', k8s_deployment_name="web", k8s_replicaset_name="web-1"')}`, '2x6'],
      [`k8s_pod_phase${pod('db-pod', ', k8s_statefulset_name="db"')}`, '2x6'],
      [`k8s_pod_phase${pod('agent-pod', ', k8s_daemonset_name="agent"')}`, '2x6'],
      [`k8s_pod_phase${pod('import-pod', ', k8s_job_name="import"')}`, '3x6'],
      [`k8s_pod_phase${pod('set-pod', ', k8s_replicaset_name="set"')}`, '1x6'],
      [`k8s_pod_phase${pod('alone')}`, '2x6'],
      // Measured before its owners were known.
      [`k8s_pod_phase${pod('early-pod')}`, '1x6'],
      [`k8s_pod_phase${pod('early-pod', ', k8s_replicaset_name="early-1"')}`, '1x6'],
      [`k8s_pod_phase${pod('early-pod', ', k8s_deployment_name="early", k8s_replicaset_name="early-1"')}`, '2x6'],
    ],
    at: '1m',
    gives: [
      [owned('web', 'deployment'), 1],
      [owned('early', 'deployment'), 1],
      [owned('db', 'statefulset'), 1],
      [owned('agent', 'daemonset'), 1],
      [owned('import', 'job'), 1],
      [owned('set', 'replicaset'), 1],
      [`{${C}, k8s_namespace_name="n", k8s_pod_name="alone", workload="alone", workload_type="barepod"}`, 1],
    ],
  },
  {
    record: 'namespace_workload_pod:k8s_pod_phase:active',
    fact: 'omits finished pods, and has a pod that was just bound once',
    series: asked('k8s_container_cpu_request', 1),
    at: '1m',
    gives: [
      [active('placed'), 1],
      [active('runs'), 1],
    ],
  },
  activeCase('k8s_container_cpu_request', 0.25),
  activeCase('k8s_container_cpu_limit', 0.5),
  activeCase('k8s_container_memory_request_bytes', 1024),
  activeCase('k8s_container_memory_limit_bytes', 2048),
  askedCase('namespace_cpu:k8s_container_cpu_request:sum', 'k8s_container_cpu_request', 0.25),
  askedCase('namespace_memory:k8s_container_memory_request_bytes:sum', 'k8s_container_memory_request_bytes', 1024),
  ...(['read', 'write'] as const).map((verb): RecordCase => {
    const word = verb === 'read' ? 'GET' : 'PUT'
    return {
      record: 'code_resource:apiserver_request_total:rate5m',
      fact: `gives ${verb}s per second by code and resource, without watches`,
      series: [
        [requests('200', word), '0+20x60'],
        [requests('500', word), '0+10x60'],
        [requests('200', 'WATCH'), '0+50x60'],
      ],
      at: '10m',
      select: `{verb="${verb}"}`,
      gives: [
        [`{${C}, code="200", resource="pods", verb="${verb}"}`, 2],
        [`{${C}, code="500", resource="pods", verb="${verb}"}`, 1],
      ],
    }
  }),
  ...(['read', 'write'] as const).map((verb): RecordCase => {
    const word = verb === 'read' ? 'LIST' : 'POST'
    return {
      record: 'cluster_quantile:apiserver_request_sli_duration_seconds:histogram_quantile',
      fact: `gives the 99th percentile of ${verb}s, and nothing without requests`,
      series: [
        [sli('bucket', `verb="${word}", scope="cluster", le="1.0"`), '0+10x60'],
        [sli('bucket', `verb="${word}", scope="cluster", le="+Inf"`), '0+10x60'],
        [sli('bucket', `verb="${word}", scope="idle", le="1.0"`).replace('pods', 'idle'), '5x60'],
        [sli('bucket', `verb="${word}", scope="idle", le="+Inf"`).replace('pods', 'idle'), '5x60'],
        // Lasts as long as the client wants.
        [sli('bucket', `verb="${word}", subresource="log", le="+Inf"`), '0+1000x60'],
      ],
      at: '10m',
      select: `{verb="${verb}"}`,
      gives: [[`{${C}, quantile="0.99", resource="pods", verb="${verb}"}`, 0.99]],
    }
  }),
  ...sliCases('read', 'GET', [
    ['GET', 'resource', '1.0'],
    ['LIST', 'namespace', '5.0'],
    ['LIST', 'cluster', '30.0'],
  ]),
  ...sliCases('write', 'PUT', [['PUT', 'resource', '1.0']]),
  {
    record: 'apiserver_request:availability1h',
    fact: 'gives the share of good requests',
    series: [...served('GET', 'resource', '1.0'), ...served('PUT', 'resource', '1.0', true)],
    at: '20m',
    select: '{verb="all"}',
    // A tenth of the reads is slow, and none of the same number of writes.
    gives: [[`{${C}, verb="all"}`, 0.95]],
  },
]

/** One request per second, of which a tenth is slow unless `quick`. */
function served(verb: string, scope: string, le: string, quick = false): Series[] {
  const labels = `verb="${verb}", scope="${scope}"`
  return [
    [sli('count', labels), '0+10x120'],
    [sli('bucket', `${labels}, le="${le}"`), quick ? '0+10x120' : '0+9x120'],
    [sli('bucket', `${labels}, le="+Inf"`), '0+10x120'],
  ]
}

function sliCases(
  kind: 'read' | 'write',
  errorVerb: string,
  kinds: readonly (readonly [verb: string, scope: string, le: string])[],
): RecordCase[] {
  const series = kinds.flatMap(([verb, scope, le]) => served(verb, scope, le))
  // One of twenty requests of one kind ends with a server error.
  const failing: Series = [requests('503', errorVerb), '0+0.5x120']
  const count = kinds.length
  const one = (value: number) => [[`{${C}, verb="${kind}"}`, value]] as const
  const common = { at: '20m', select: `{verb="${kind}"}` }
  return [
    { ...common, record: 'apiserver_request:sli:rate5m', fact: `counts ${kind}s`, series, gives: one(count) },
    {
      ...common,
      record: 'apiserver_request:slow:rate5m',
      fact: `counts ${kind}s that took longer than their scope allows`,
      series,
      gives: one(0.1 * count),
    },
    {
      ...common,
      record: 'apiserver_request:bad:rate5m',
      fact: `counts slow ${kind}s and server errors`,
      series: [...series, failing],
      gives: one(0.1 * count + 0.05),
    },
    {
      ...common,
      record: 'apiserver_request:availability1h',
      fact: `gives the share of good ${kind}s`,
      series,
      gives: one(0.9),
    },
  ]
}
