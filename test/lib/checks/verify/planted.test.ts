/** Every kind of fault, planted in a dashboard that is right otherwise, is found, and only that. On a real Prometheus. */
import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { clusterTruth } from '../../../../lib/checks/verify/lab-truth.ts'
import { PLACEMENT } from '../../../../lib/checks/verify/placement.ts'
import {
  type DashboardExpectations,
  kubePrometheusLabels,
  type QueryExpectations,
  queryKey,
} from '../../../../lib/checks/verify/query-expectations.ts'
import { type VerifyOptions, verify } from '../../../../lib/checks/verify/verify.ts'
import type { VerifyReport } from '../../../../lib/checks/verify/verify-report.ts'
import { readDashboard } from '../../../../lib/grafana/read-dashboard.ts'
import { createPrometheusApi } from '../../../../lib/prometheus/prometheus-client.ts'
import { assertSays } from '../../../support/lab.ts'
import { until } from '../../../support/temp-lab.ts'
import { CLUSTER, clusterObjects, fakeApi, measured, SCRAPE_MS } from './cluster-fixture.ts'
import { type RunningPrometheus, startPrometheus } from './prometheus-fixture.ts'

/** One panel of a dashboard: its query, and what is known of it. */
interface Given extends QueryExpectations {
  title: string
  expr: string
  type?: string
  unit?: string
  /** Further queries, from B on. */
  more?: string[]
  transformations?: unknown[]
}

const filter = 'k8s_cluster_name=~"$cluster", k8s_namespace_name=~"$namespace"'
const scraped = 'cluster=~"$cluster", namespace=~"$namespace"'
const byNamespace = 'sum by (k8s_cluster_name, k8s_namespace_name)'
const cpu = `${byNamespace} (rate(container_cpu_time_seconds_total{${filter}}[$__rate_interval]))`
const requests = `${byNamespace} (k8s_container_cpu_request{${filter}})`

/** Panels that are right, of each kind of truth. */
const right: Given[] = [
  { title: 'CPU', expr: cpu, truth: { of: 'cpu-usage', by: ['cluster', 'namespace'] } },
  {
    title: 'Share',
    expr: `${cpu} / ${requests}`,
    truth: { of: 'cpu-usage', over: 'cpu-requests', by: ['cluster', 'namespace'] },
  },
  {
    ...{ title: 'Memory', unit: 'bytes', truth: { of: 'memory-working-set', by: ['pod'] } },
    expr: `sum by (k8s_pod_name) (container_memory_working_set_bytes{${filter}})`,
  },
  {
    ...{ title: 'Received', unit: 'bps', truth: { of: 'network-receive', by: ['namespace'] } },
    expr: `8 * sum by (k8s_namespace_name) (rate(k8s_pod_network_io_bytes_total{${filter}, direction="receive"}[$__rate_interval]))`,
  },
  { title: 'Nodes', expr: 'count(k8s_node_condition_ready)', truth: { of: 'nodes', by: [] } },
  { title: 'Pods', expr: `count(k8s_pod_phase{${filter}})`, truth: { of: 'pods', by: [] } },
  {
    ...{ title: 'Quota', truth: { of: 'quota-cpu-requests', by: ['namespace'] } },
    expr: `sum by (k8s_namespace_name) (k8s_resource_quota_hard_limit{${filter}, resource="requests.cpu"}) / 1000`,
  },
  {
    ...{ title: 'CPU of nodes', truth: { of: 'cpu-usage', by: ['node'], withSystem: true } },
    expr: 'sum by (k8s_node_name) (rate(k8s_node_cpu_time_seconds_total[$__rate_interval]))',
  },
  {
    ...{ title: 'Scraped memory', unit: 'bytes' },
    truth: { of: 'memory-working-set', by: ['namespace', 'pod'], labels: kubePrometheusLabels },
    expr: `sum by (namespace, pod) (container_memory_working_set_bytes{${scraped}, container!=""})`,
  },
  {
    ...{ title: 'Scraped pods', truth: { of: 'pods', by: ['node'], labels: kubePrometheusLabels } },
    expr: `count by (node) (kube_pod_info{${scraped}})`,
  },
  {
    ...{ title: 'Table', type: 'table', more: [`count by (k8s_namespace_name) (k8s_pod_phase{${filter}})`] },
    expr: `sum by (k8s_namespace_name) (k8s_container_cpu_request{${filter}})`,
    transformations: [{ id: 'joinByField', options: { byField: 'k8s_namespace_name', mode: 'outer' } }],
  },
]

function dashboard(panels: readonly Given[]): {
  dashboard: ReturnType<typeof readDashboard>
  expectations: DashboardExpectations
} {
  const datasource = { type: 'prometheus', uid: 'prometheus' }
  const variable = (name: string, query: string) => ({
    name,
    type: 'query',
    query,
    datasource,
    multi: true,
    includeAll: true,
  })
  const json = {
    ...{ uid: 'planted', title: 'Planted', schemaVersion: 39, time: { from: 'now-1h', to: 'now' } },
    templating: {
      list: [
        variable('cluster', 'label_values(k8s_node_condition_ready, k8s_cluster_name)'),
        variable('namespace', 'label_values(k8s_pod_phase{k8s_cluster_name=~"$cluster"}, k8s_namespace_name)'),
      ],
    },
    panels: panels.map(({ title, type = 'timeseries', unit = 'short', expr, more = [], transformations = [] }, id) => ({
      ...{ id, title, type, datasource, transformations, gridPos: { x: 0, y: 0, w: 12, h: 8 } },
      fieldConfig: { defaults: { unit }, overrides: [] },
      targets: [expr, ...more].map((each, at) => ({
        ...{ refId: 'ABC'[at], expr: each, datasource },
        ...(type === 'table' ? { instant: true, range: false, format: 'table' } : { range: true }),
      })),
    })),
  }
  const queries = new Map(panels.map(({ title, ...expectations }) => [queryKey(title, 'A'), expectations] as const))
  return { dashboard: readDashboard(json, 'planted.json'), expectations: { prerequisites: [], queries } }
}

interface Context {
  prometheus: RunningPrometheus
}

async function verified(
  url: string,
  panels: readonly Given[],
  objects = clusterObjects(),
  metrics: VerifyOptions['metrics'] = 'both',
): Promise<VerifyReport> {
  const api = createPrometheusApi(url)
  return await verify({
    api,
    dashboards: [dashboard(panels)],
    refused: [],
    scrapeMs: SCRAPE_MS,
    truth: clusterTruth(fakeApi(objects), { clusterName: CLUSTER, preset: 'steady', windowMs: 4 * SCRAPE_MS, api }),
    metrics,
    retryMs: 0,
  })
}

/** `panel: problem` of each failure, each once. */
function found({ failures }: VerifyReport): string[] {
  return [...new Set(failures.map(({ panel, problem }) => `${panel}: ${problem}`))].sort()
}

const planted = suite<Context>('verify(), planted faults')
planted.before(async context => {
  context.prometheus = await startPrometheus(measured(clusterObjects(), Date.now()))
})
planted.after(({ prometheus }) => prometheus?.stop())

planted('finds no failure in a correct dashboard, and compares its numbers', async ({ prometheus }) => {
  const report = await verified(prometheus.url, right)
  assert.deepEqual(report.failures, [])
  const [result] = report.dashboards
  // Ten panels with a truth, and eight of them again where one namespace is chosen.
  assert.equal(result?.compared, 18)
})

const faults: [fault: string, panel: Given, problem: string, got: RegExp, expected: RegExp][] = [
  [
    'a wrong node label',
    {
      ...{ title: 'Planted', truth: { of: 'pods', by: ['node'] } },
      expr: 'label_replace(count by (k8s_node_name) (k8s_pod_phase), "k8s_node_name", "node-c", "k8s_node_name", "node-a")',
    },
    'wrong number',
    /k8s_node_name=node-c: 3|k8s_node_name=node-c: 4/,
    /there is no such thing/,
  ],
  [
    'a sum of ratios',
    {
      ...{ title: 'Planted', truth: { of: 'cpu-usage', over: 'cpu-requests', by: ['namespace'] } },
      expr: `sum by (k8s_namespace_name) (rate(container_cpu_time_seconds_total{${filter}}[$__rate_interval]) / k8s_container_cpu_request)`,
    },
    'wrong number',
    /k8s_namespace_name=shop: [1-9]/,
    /k8s_namespace_name=shop: 0\./,
  ],
  [
    'a filter that matches nothing',
    { title: 'Planted', expr: `count(k8s_pod_phase{${filter}, k8s_namespace_name="shopp"})` },
    'no data',
    /no series/,
    /at least one/,
  ],
  [
    'a metric that is not there',
    { title: 'Planted', expr: `sum(kube_node_info{${filter}})` },
    'no data',
    /no series/,
    /at least one/,
  ],
  [
    'bytes shown as bits',
    {
      ...{ title: 'Planted', unit: 'bps', truth: { of: 'network-receive', by: ['namespace'] } },
      expr: `sum by (k8s_namespace_name) (rate(k8s_pod_network_io_bytes_total{${filter}, direction="receive"}[$__rate_interval]))`,
    },
    'wrong number',
    /k8s_namespace_name=shop: /,
    / to /,
  ],
  [
    'a pod that is gone among those that are there',
    {
      ...{ title: 'Planted', truth: { of: 'pods', by: ['namespace'] } },
      expr: `count by (k8s_namespace_name) (last_over_time(k8s_pod_phase{${filter}}[10m]))`,
    },
    'wrong number',
    /k8s_namespace_name=shop: 5/,
    /k8s_namespace_name=shop: 4/,
  ],
  [
    'a query that forgets a variable',
    {
      ...{ title: 'Planted', truth: { of: 'pods', by: ['namespace'] } },
      expr: 'count by (k8s_namespace_name) (k8s_pod_phase{k8s_cluster_name=~"$cluster"})',
    },
    'wrong number',
    /k8s_namespace_name=(?:shop|system): \d/,
    /there is no such thing/,
  ],
  ['a constant', { title: 'Planted', expr: '0' }, 'constant', /0/, /measured/],
  ['a constant in disguise', { title: 'Planted', expr: 'sum(vector(5))' }, 'constant', /5/, /measured/],
  [
    'NaN',
    {
      title: 'Planted',
      expr: 'rate(idle_errors_total[$__rate_interval]) / rate(idle_requests_total[$__rate_interval])',
    },
    'NaN or Inf',
    /NaN/,
    /numbers/,
  ],
  [
    'infinity, which no reason for NaN excuses',
    { title: 'Planted', expr: `sum(k8s_pod_phase{${filter}}) / 0`, nanWhen: { because: 'nothing is asked for' } },
    'NaN or Inf',
    /Inf/,
    /numbers/,
  ],
  [
    'a query that is refused',
    { title: 'Planted', expr: `sum(up{job=~"("})` },
    'error',
    /error parsing regexp/,
    /answer/,
  ],
  [
    'usage that is ten per cent too high',
    { title: 'Planted', expr: `1.1 * ${cpu}`, truth: { of: 'cpu-usage', by: ['cluster', 'namespace'] } },
    'wrong number',
    /k8s_namespace_name=shop/,
    / to /,
  ],
  [
    'a metric of both dialects, counted twice',
    {
      ...{ title: 'Planted', unit: 'bytes', truth: { of: 'memory-working-set', by: [] } },
      expr: `sum(container_memory_working_set_bytes{k8s_cluster_name=~"$cluster"} or container_memory_working_set_bytes{${scraped}})`,
    },
    'wrong number',
    /in all: /,
    / to /,
  ],
  [
    'a number under the labels of the other dialect',
    {
      ...{ title: 'Planted', truth: { of: 'pods', by: ['node'], labels: kubePrometheusLabels } },
      expr: `count by (k8s_node_name) (k8s_pod_phase{${filter}})`,
    },
    'wrong number',
    /node=: [34]/,
    /there is no such thing/,
  ],
  [
    'two series where there is one number',
    {
      ...{ title: 'Planted', truth: { of: 'cpu-requests', by: ['namespace'] } },
      expr: `sum by (k8s_namespace_name, k8s_container_name) (k8s_container_cpu_request{${filter}})`,
    },
    'wrong number',
    /another series/,
    /one series/,
  ],
  [
    'rows twice in a table',
    {
      ...{ title: 'Planted', type: 'table', more: [`count by (k8s_namespace_name) (k8s_pod_phase{${filter}})`] },
      expr: `sum by (k8s_namespace_name, k8s_container_name) (k8s_container_cpu_request{${filter}})`,
      transformations: [{ id: 'joinByField', options: { byField: 'k8s_namespace_name', mode: 'outer' } }],
    },
    'duplicate rows',
    /k8s_namespace_name=shop/,
    /each row once/,
  ],
]
for (const [fault, panel, problem, got, expected] of faults) {
  planted(`finds ${fault}, and only that`, async ({ prometheus }) => {
    const report = await verified(prometheus.url, [...right, panel])
    assert.deepEqual(found(report), [`Planted: ${problem}`])
    assertSays(report.failures.map(each => each.got).join('\n'), got)
    assertSays(report.failures.map(each => each.expected).join('\n'), expected)
  })
}

const doubts: [fault: string, panel: Omit<Given, 'title'>, problem: string, hint: RegExp][] = [
  [
    'a broken selector, for all that the query may be empty',
    {
      expr: `sum(rate(drops_total{${filter}, k8s_namespace_name="shopp"}[$__rate_interval]))`,
      emptyWhen: { because: 'nothing is dropped', given: `k8s_pod_phase{${filter}, k8s_namespace_name="shopp"}` },
    },
    'no data',
    /^not excused by "nothing is dropped": k8s_pod_phase\{.*"shopp"\} has no data either, so the query looks in the wrong place$/,
  ],
  [
    'a query that is empty while what it counts is there',
    {
      expr: `sum(k8s_pod_phase{${filter}} > 7)`,
      emptyWhen: { because: 'no pod runs', noneOf: `count(k8s_pod_phase{${filter}} == 2)` },
    },
    'no data',
    /^not excused by "no pod runs": count\(.*\) is 7 of \{\}$/,
  ],
  [
    'NaN where there is something to divide by',
    {
      expr: `sum by (k8s_cluster_name) (rate(idle_errors_total[2m])) / sum by (k8s_cluster_name) (rate(idle_requests_total[2m]))`,
      nanWhen: {
        because: 'nothing is asked for',
        noneOf: 'sum by (k8s_cluster_name) (rate(k8s_node_cpu_time_seconds_total[2m]))',
      },
    },
    'NaN or Inf',
    /^not excused by "nothing is asked for": sum by .* is \d+\.\d+ of \{k8s_cluster_name="unit"\}$/,
  ],
]
for (const [fault, panel, problem, hint] of doubts) {
  planted(`finds ${fault}`, async ({ prometheus }) => {
    const report = await verified(prometheus.url, [...right, { title: 'Planted', ...panel }])
    assert.deepEqual(found(report), [`Planted: ${problem}`])
    assertSays(report.failures[0]?.hint ?? '', hint)
  })
}

planted('accepts NaN of one series when only another has a divisor', async ({ prometheus }) => {
  const report = await verified(prometheus.url, [
    {
      ...{
        title: 'Idle',
        expr: 'sum by (job) (rate(idle_errors_total[2m])) / sum by (job) (rate(idle_requests_total[2m]))',
      },
      nanWhen: {
        because: 'nothing is asked for',
        noneOf: 'label_replace(sum(rate(k8s_node_cpu_time_seconds_total[2m])), "job", "another", "", "")',
      },
    },
  ])
  assert.deepEqual(report.failures, [])
})

planted('does not treat a comparison with an earlier time as a constant', async ({ prometheus }) => {
  const report = await verified(prometheus.url, [
    { title: 'Change', expr: 'count(k8s_pod_phase) - count(k8s_pod_phase offset 1m)' },
  ])
  assert.deepEqual(report.failures, [])
})

planted('excuses an allowed empty result, with the reason, and counts it', async ({ prometheus }) => {
  const report = await verified(prometheus.url, [
    {
      ...{ title: 'Drops', expr: `sum(rate(drops_total{${filter}}[$__rate_interval]))` },
      emptyWhen: { because: 'nothing is dropped', given: `k8s_pod_phase{${filter}}`, noneOf: 'idle_errors_total' },
    },
    {
      ...{ title: 'Idle', nanWhen: { because: 'nothing is asked for', noneOf: 'rate(idle_requests_total[2m])' } },
      expr: 'rate(idle_errors_total[$__rate_interval]) / rate(idle_requests_total[$__rate_interval])',
    },
  ])
  assert.deepEqual(report.failures, [])
  assert.deepEqual(report.dashboards[0]?.reasons.excused, { 'nothing is dropped': 2, 'nothing is asked for': 1 })
})

planted('does not excuse an empty result for something that the cluster has', async ({ prometheus }) => {
  const report = await verified(prometheus.url, [
    {
      ...{ title: 'Quota', truth: { of: 'quota-cpu-requests', by: ['namespace'] } },
      expr: `sum by (k8s_namespace_name) (k8s_resource_quota_hard_limit{${filter}, resource="cpu"})`,
      emptyWhen: { because: 'there may be none' },
    },
  ])
  assert.deepEqual(found(report), ['Quota: no data'])
})

planted('finds a pod that Prometheus does not know', async ({ prometheus }) => {
  const objects = clusterObjects()
  const pods = objects['/api/v1/pods'] ?? []
  const [first] = pods
  objects['/api/v1/pods'] = [...pods, JSON.parse(JSON.stringify(first).replaceAll('web-1', 'web-9'))]
  const report = await verified(prometheus.url, right, objects)
  assertSays(found(report).join(), /Pods: wrong number/)
})
planted.run()

const alerted = suite<Context>('verify(), a list of alerts')
alerted.before(async context => {
  // A rule makes series of its own only where none are later.
  const passing = '{ alert: Passing, expr: "vector(time() % 6) < 3" }'
  const rules = `groups: [{ name: a, rules: [{ alert: Always, expr: "vector(1)" }, ${passing}] }]`
  context.prometheus = await startPrometheus(measured(clusterObjects(), Date.now(), { ahead: 0 }), rules)
})
alerted.after(({ prometheus }) => prometheus?.stop())

alerted('fails when it is empty while Prometheus has alerts', async ({ prometheus }) => {
  const api = createPrometheusApi(prometheus.url)
  await until('the alert fires', async () =>
    (await api.rules()).some(rule => rule.name === 'Always' && rule.state === 'firing'),
  )
  const panel: Given = {
    ...{ title: 'Alerts', expr: 'count by (alertname) (ALERTS{alertstate="fired"})' },
    emptyWhen: { because: 'a healthy lab has no alerts', noAlerts: true },
  }
  const report = await verified(prometheus.url, [panel])
  assert.deepEqual(found(report), ['Alerts: no data'])
  assertSays(
    report.failures[0]?.hint ?? '',
    /^not excused by "a healthy lab .*": Prometheus has alerts, Always(, Passing)?$/,
  )
})

alerted(
  'sees one fire and resolve with one client, as verify looks again with the one it has',
  async ({ prometheus }) => {
    const api = createPrometheusApi(prometheus.url)
    const isAlerting = async () =>
      (await api.rules()).some(({ name, alerts }) => name === 'Passing' && alerts.length > 0)
    await until('it fires', isAlerting)
    await until('it resolves', async () => !(await isAlerting()))
  },
)
alerted.run()

const placed = suite<Context>('verify(), the node of each pod')
placed.before(async context => {
  // As a collector does that sets one node's name on everything.
  context.prometheus = await startPrometheus(measured(clusterObjects(), Date.now(), { nodeOf: () => 'node-a' }))
})
placed.after(({ prometheus }) => prometheus?.stop())

placed('finds a collector configuration that names one node for all pods', async ({ prometheus }) => {
  const panel: Given = { title: 'CPU', expr: cpu, truth: { of: 'cpu-usage', by: ['cluster', 'namespace'] } }
  const report = await verified(prometheus.url, [panel], clusterObjects(), 'otel')
  assert.deepEqual(
    report.failures.map(({ dashboard: title, problem }) => [title, problem]),
    [[PLACEMENT, 'wrong node']],
  )
  const [failure] = report.failures
  assertSays(failure?.got ?? '', /^pod (shop\/web-4|system\/\S+), \d+ series: k8s_node_name=node-a; and 2 more pods$/)
  assertSays(failure?.expected ?? '', /k8s_node_name=node-b$/)
  assertSays(failure?.hint ?? '', /container_cpu_time_seconds_total.*processor of the collector/)
})

placed('finds the same in the labels of kube-prometheus', async ({ prometheus }) => {
  const panel: Given = { title: 'CPU', expr: cpu, truth: { of: 'cpu-usage', by: ['cluster', 'namespace'] } }
  const { failures } = await verified(prometheus.url, [panel], clusterObjects(), 'prometheus')
  assert.deepEqual(
    failures.map(({ dashboard: title, problem }) => [title, problem]),
    [[PLACEMENT, 'wrong node']],
  )
  assertSays(failures[0]?.got ?? '', /: node=node-a; and 2 more pods$/)
  assertSays(failures[0]?.hint ?? '', /kube_pod_info.*relabelings of its scrape job/)
})
placed.run()
