/** Dashboards as people have them, in the shapes of public mixins: what is right in them is right, and only what is wrong is found. */
import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { metricCatalog } from '../../../../dashboards/catalog.ts'
import { recordedSeries } from '../../../../dashboards/rules/index.ts'
import { lintDashboards } from '../../../../lib/checks/lint/lint-dashboards.ts'
import { verify } from '../../../../lib/checks/verify/verify.ts'
import type { Dashboard } from '../../../../lib/grafana/dashboard-model.ts'
import { readDashboard } from '../../../../lib/grafana/read-dashboard.ts'
import { createPrometheusApi } from '../../../../lib/prometheus/prometheus-client.ts'
import { clusterObjects, measured, SCRAPE_MS } from './cluster-fixture.ts'
import { type RunningPrometheus, startPrometheus } from './prometheus-fixture.ts'

const datasource = { type: 'prometheus', uid: '${datasource}' }
let id = 0
const panel = (title: string, type: string, queries: string[], more: object = {}) => ({
  ...{ id: ++id, title, type, datasource, description: `${title}.`, gridPos: { x: 0, y: id, w: 12, h: 7 } },
  fieldConfig: { defaults: { unit: 'short' }, overrides: [] },
  targets: queries.map((expr, at) => ({
    ...{ refId: String.fromCharCode(65 + at), expr, datasource },
    ...(type === 'table' ? { instant: true, format: 'table' } : {}),
  })),
  ...more,
})
const variable = (name: string, label: string, series: string, more: object = {}) => ({
  ...{ name, type: 'query', datasource, refresh: 2, sort: 1, includeAll: false, multi: false },
  ...{ definition: '', query: { qryType: 1, query: `label_values(${series}, ${label})`, refId: 'V' } },
  ...more,
})
const board = (title: string, list: object[], panels: object[]): Dashboard =>
  readDashboard(
    {
      ...{ uid: title.toLowerCase().replaceAll(/\W+/g, '-'), title, schemaVersion: 39, panels },
      ...{ time: { from: 'now-1h', to: 'now' }, tags: ['kubernetes-mixin'] },
      templating: { list: [{ name: 'datasource', type: 'datasource', query: 'prometheus' }, ...list] },
    },
    `${title}.json`,
  )

const inCluster = 'k8s_cluster_name="$cluster"'
const inNamespace = `${inCluster}, k8s_namespace_name="$namespace"`
const cluster = variable('cluster', 'k8s_cluster_name', 'k8s_node_condition_ready')
const namespace = variable('namespace', 'k8s_namespace_name', `k8s_pod_phase{${inCluster}}`)
const node = variable('node', 'k8s_node_name', `k8s_node_condition_ready{${inCluster}}`, {
  multi: true,
  includeAll: true,
})

/** One namespace: a table joined by pod, lines with bounds, and what is amiss, of which there may be nothing. */
const resources = board(
  'Compute Resources Namespace',
  [cluster, namespace],
  [
    panel('CPU Usage', 'timeseries', [
      `sum by (k8s_pod_name) (rate(container_cpu_time_seconds_total{${inNamespace}}[$__rate_interval]))`,
      `scalar(max(k8s_resource_quota_hard_limit{${inNamespace}, resource="requests.cpu"})) / 1000`,
    ]),
    panel(
      'CPU Quota',
      'table',
      [
        `sum by (k8s_pod_name) (rate(container_cpu_time_seconds_total{${inNamespace}}[$__rate_interval]))`,
        `sum by (k8s_pod_name) (k8s_container_cpu_request{${inNamespace}})`,
        `sum by (k8s_pod_name) (rate(container_cpu_time_seconds_total{${inNamespace}}[$__rate_interval])) / sum by (k8s_pod_name) (k8s_container_cpu_request{${inNamespace}})`,
      ],
      {
        transformations: [
          { id: 'joinByField', options: { byField: 'k8s_pod_name', mode: 'outer' } },
          {
            id: 'organize',
            options: { excludeByName: { Time: true, 'Time 1': true }, renameByName: { k8s_pod_name: 'Pod' } },
          },
        ],
      },
    ),
    panel('Pods not running', 'table', [`sum by (k8s_pod_name) (k8s_pod_phase{${inNamespace}}) != 2`]),
    panel('Restarting', 'timeseries', [
      `topk(5, rate(k8s_pod_network_io_bytes_total{${inNamespace}, direction="receive"}[5m]) > 1e12)`,
    ]),
    panel('Nobody measures', 'stat', [
      `count(k8s_pod_phase{${inNamespace}} unless on (k8s_pod_name) k8s_pod_phase{${inCluster}})`,
    ]),
    panel('Alerts', 'table', [`ALERTS{${inNamespace}, alertstate="firing"}`]),
  ],
)

/** Nodes: a stat a node, rows that are folded in, and queries of other sources. */
const overview = board(
  'Node Overview',
  [cluster, node],
  [
    panel('Up', 'stat', [`sum(k8s_node_condition_ready{${inCluster}, k8s_node_name=~"$node"}) or vector(0)`]),
    panel('No node', 'stat', [`absent(k8s_node_condition_ready{${inCluster}})`]),
    {
      ...{
        id: ++id,
        type: 'row',
        title: '$node',
        collapsed: true,
        repeat: 'node',
        gridPos: { x: 0, y: 90, w: 24, h: 1 },
      },
      panels: [
        panel('Busy', 'gauge', [
          `100 * avg(rate(k8s_node_cpu_time_seconds_total{${inCluster}, k8s_node_name=~"$node"}[$__rate_interval])) / avg(k8s_node_allocatable_cpu{${inCluster}, k8s_node_name=~"$node"})`,
        ]),
        panel('Over the day', 'timeseries', [
          `count(k8s_pod_phase{${inCluster}}) - count(k8s_pod_phase{${inCluster}} offset 2m)`,
        ]),
      ],
    },
    { ...panel('Notes', 'text', []), targets: undefined, options: { content: 'Hello' } },
    panel('Logs', 'logs', [], {
      datasource: { type: 'loki', uid: 'loki' },
      targets: [{ refId: 'A', expr: '{app="x"}', datasource: { type: 'loki', uid: 'loki' } }],
    }),
  ],
)

const mixins = suite<{ prometheus: RunningPrometheus }>('verify(), dashboards in the shapes of mixins')
mixins.before(async context => {
  context.prometheus = await startPrometheus(measured(clusterObjects(), Date.now()))
})
mixins.after(({ prometheus }) => prometheus?.stop())

const judged = async (url: string, ...dashboards: Dashboard[]) =>
  await verify({
    ...{
      api: createPrometheusApi(url),
      refused: [],
      truth: undefined,
      retryMs: 0,
      scrapeMs: SCRAPE_MS,
      metrics: undefined,
    },
    dashboards: dashboards.map(dashboard => ({ dashboard, expectations: undefined })),
  })

mixins('finds no failure in correct dashboards, and names what it skipped and why', async ({ prometheus }) => {
  const { failures, dashboards } = await judged(prometheus.url, resources, overview)
  assert.deepEqual(failures, [])
  const [ofResources, ofNodes] = dashboards.map(({ reasons }) => reasons)
  assert.deepEqual(ofResources?.excused, {
    'what it compares is there, and nothing of it is as it asks for': 3,
    'there are alerts only while they wait or fire': 1,
  })
  assert.deepEqual(ofNodes?.excused, { 'what it compares is there, and nothing of it is as it asks for': 1 })
  assert.equal(
    Object.values(ofNodes?.skipped ?? {}).reduce((sum, count) => sum + count, 0),
    1,
  )
})

mixins('fails a query for problems that selects series which do not exist', async ({ prometheus }) => {
  const wrong = board(
    'Wrong',
    [cluster, namespace],
    [
      panel('Misspelt', 'table', [`sum by (k8s_pod_name) (k8s_pod_phase{${inCluster}, namespace="$namespace"}) != 2`]),
      panel('Absent', 'stat', [`absent(k8s_pod_phase{${inCluster}})`]),
      panel('Not there', 'timeseries', ['kube_pod_status_phase{phase="Failed"} > 0']),
    ],
  )
  const { failures } = await judged(prometheus.url, wrong)
  assert.deepEqual(
    [...new Set(failures.map(each => `${each.panel}: ${each.problem}`))],
    ['Misspelt: no data', 'Not there: no data'],
  )
})
mixins.run()

const linted = suite('lintDashboards(), dashboards in the shapes of mixins')
linted('warns of wrong units and windows only', () => {
  const findings = lintDashboards({
    own: [],
    others: [resources, overview],
    catalog: metricCatalog(),
    recorded: recordedSeries(),
  })
  assert.deepEqual(
    findings.map(({ severity, panel: at, rule }) => [severity, at, rule]),
    [
      ['warning', 'CPU Quota', 'unit'],
      ['warning', 'Restarting', 'rate-interval'],
      ['warning', 'Restarting', 'unit'],
      ['warning', 'Busy', 'unit'],
    ],
  )
})
linted.run()
