/** The causes of missing series, on a real Prometheus. */
import assert from 'node:assert/strict'
import { suite } from 'uvu'
import type { Reading } from '../../../../lib/checks/verify/pass-criteria.ts'
import { scrapeProblems, withDownPart } from '../../../../lib/checks/verify/scrape-problems.ts'
import type { Failure } from '../../../../lib/checks/verify/verify-report.ts'
import { createPrometheusApi } from '../../../../lib/prometheus/prometheus-client.ts'
import { CLUSTER } from './cluster-fixture.ts'
import { type RunningPrometheus, startPrometheus } from './prometheus-fixture.ts'

const untilMs = Date.now()
const reading = { untilMs, states: { now: { snapshot: { clusterName: CLUSTER } } } } as unknown as Reading

/** A series with a sample every 10 s until now. */
function series(name: string, valueAt: (index: number) => number): string[] {
  return Array.from({ length: 13 }, (_, at) => `${name} ${valueAt(at)} ${untilMs / 1_000 - 10 * (12 - at)}`)
}

const problems = suite<{ prometheus: RunningPrometheus }>('scrapeProblems()')
problems.before(async context => {
  const errors = (resource: string, result: string) =>
    `kube_state_metrics_list_total{cluster="${CLUSTER}",resource="${resource}",result="${result}"}`
  const up = (labels: string) => `up{${labels}}`
  context.prometheus = await startPrometheus([
    ...series(errors('*v1.Node', 'error'), at => 1 + at),
    ...series(errors('*v1.Node', 'success'), at => at),
    ...series(errors('*v1.Pod', 'error'), at => 3 + at),
    // Before the rights came.
    ...series(errors('*v1.Secret', 'error'), () => 5),
    ...series(up(`cluster="${CLUSTER}",instance="a",job="kube-state-metrics"`), () => 0),
    ...series(up(`cluster="${CLUSTER}",instance="b",job="kube-state-metrics"`), () => 0),
    // The last samples of a part that went away.
    ...series('kube_gone_total{job="kube-state-metrics"}', () => 1).slice(0, 3),
    ...series('lost_bytes', () => 1).slice(0, 3),
    ...series(up('cluster="other",instance="c",job="kubelet"'), () => 0),
    ...series(up(`cluster="${CLUSTER}",instance="d",job="node-exporter"`), () => 1),
    ...series(up(`instance="e",job="stats-proxy",k8s_cluster_name="${CLUSTER}"`), () => 0),
  ])
})
problems.after(({ prometheus }) => prometheus?.stop())

problems('names the jobs of targets that are down, and what kube-state-metrics cannot list', async ({ prometheus }) => {
  const { notes, jobs, parts } = await scrapeProblems(createPrometheusApi(prometheus.url), reading, {
    stopped: ['collector', 'stats-proxy'],
    commands: { status: 'make k3d-status KUBE_CONTEXT=it', rights: 'make in-cluster KUBE_CONTEXT=it' },
  })
  assert.deepEqual([[...jobs].sort(), parts], [['kube-state-metrics', 'stats-proxy'], ['collector']])
  assert.deepEqual(notes.sort(), [
    'Part collector does not run, so its series are missing: make k3d-status KUBE_CONTEXT=it',
    'Prometheus cannot scrape job kube-state-metrics (targets down: 2), so its series are missing: make k3d-status KUBE_CONTEXT=it',
    'Prometheus cannot scrape job stats-proxy (targets down: 1), so its series are missing: make k3d-status KUBE_CONTEXT=it',
    'kube-state-metrics cannot list *v1.Node; *v1.Pod, so their series are missing: make in-cluster KUBE_CONTEXT=it restores its rights',
  ])
})

problems('is silent without a cluster', async ({ prometheus }) => {
  const { notes } = await scrapeProblems(createPrometheusApi(prometheus.url), { ...reading, states: undefined })
  assert.deepEqual(notes, [])
})

for (const [query, subject, down] of [
  ['sum(kube_gone_total)', 'kube-state-metrics', {}],
  ['lost_bytes', 'collector', {}],
  ['max(of_lost)', 'collector', {}],
  ['lost_bytes', undefined, { parts: [] }],
  ['never_there', undefined, {}],
  ['kube_state_metrics_list_total{resource="x"}', undefined, {}],
] as const) {
  problems(`are the cause of missing ${query}: ${subject} of ${JSON.stringify(down)}`, async ({ prometheus }) => {
    const api = createPrometheusApi(prometheus.url)
    const rules = new Map([['of_lost', { metrics: ['lost_bytes'], windowMs: undefined, isConstant: false }]])
    const given = { notes: [], jobs: ['kube-state-metrics'], parts: ['collector'], ...down }
    const { cause } = await withDownPart({ query } as Failure, given, { api, rules }, untilMs)
    assert.deepEqual(cause, subject && { name: 'down', subject })
  })
}
problems.run()
