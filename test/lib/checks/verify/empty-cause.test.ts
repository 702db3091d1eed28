/** Why queries of foreign dashboards have no data, by a Prometheus that has some series. */
import assert from 'node:assert/strict'
import { type VerifyOptions, verify } from '../../../../lib/checks/verify/verify.ts'
import { reportText } from '../../../../lib/checks/verify/verify-report.ts'
import { readDashboard } from '../../../../lib/grafana/read-dashboard.ts'
import { createPrometheusApi } from '../../../../lib/prometheus/prometheus-client.ts'
import { suite } from '../../../support/suite.ts'
import { type RunningPrometheus, startPrometheus } from './prometheus-fixture.ts'

const STEP_S = 10
/** Most of them are ahead, for a busy machine: Prometheus forgets a series 45 s after its last sample. */
const SAMPLES = 40
const PAST_SAMPLES = 10

const rules = `groups:
  - name: g
    rules:
      - { record: "pod:gone:sum", expr: "sum by (pod) (gone_bytes)" }
      - { record: "self:sum", expr: "sum(self:sum offset 1m)" }
`

const causes = suite<{ prometheus: RunningPrometheus }>('withCause()')
causes.before(async context => {
  context.prometheus = await startPrometheus(
    [
      ...series('used_bytes{job="test",pod="a",node="n1",state="used"}', () => 5),
      ...series('other_bytes{pod="a",node="n1"}', () => 1),
      ...series('other_bytes{pod="b",node="n2"}', () => 1),
      ...series('limit_bytes{pod="b"}', () => 9),
      ...series('requests_total{code="200"}', at => at),
      ...series('idle_total{code="200"}', () => 7),
      ...series('served_total{code="200"}', at => at),
      ...series('served_total{code="500"}', () => 7),
      ...series('answered_total{node="n1",code="200"}', at => at),
      ...series('answered_total{node="n2",code="500"}', at => at),
      ...series('lonely_total', () => 1).slice(PAST_SAMPLES - 1, PAST_SAMPLES),
      ...series('took_seconds_bucket{le="1"}', () => 3),
      ...series('took_seconds_bucket{le="+Inf"}', () => 3),
    ],
    rules,
  )
})
causes.after(({ prometheus }) => prometheus?.stop())

for (const [expr, hint] of [
  ['sum(used_bytes{pod="x"})', 'no used_bytes has pod="x": it has a'],
  ['max(used_bytes{node="n1", zone="z"})', 'used_bytes has no label zone (zone="z")'],
  ['used_bytes{pod="x", node="y"}', 'no used_bytes has pod="x": it has a'],
  ['used_bytes{pod="x", nodes="n1"}', 'used_bytes has no label nodes (nodes="n1"); did you mean node?'],
  ['answered_total{node="n3", code="500"}', 'no answered_total has node="n3": it has n1, n2'],
  ['used_bytes{pod="a", node="n2"}', 'no used_bytes has node="n2": it has n1'],
  ['other_bytes{pod="a", node="n2"}', 'no other_bytes has pod="a": it has b'],
  ['used_bytes{pod=~"$gone"}', 'the dashboard has no variable $gone'],
  ['sum(rate(used_bytes[$gone]))', 'the dashboard has no variable $gone'],
  ['sum(rate(requests[1m]))', 'Prometheus has no metric requests; did you mean requests_total?'],
  ['used_bytes / on (pod) limit_bytes', 'no series on both sides of / have the same pod'],
  ['used_bytes - ignoring (node) limit_bytes', 'no series on both sides of - have the same labels except node'],
  ['sum(rate(lonely_total[1m]))', 'rate() needs two samples in its range'],
  ['scalar(used_bytes{pod="x"})', 'no used_bytes has pod="x": it has a'],
  ['used_bytes{pod="x"} or limit_bytes{pod="y"}', 'no used_bytes has pod="x": it has a'],
  ['max(self:sum)', 'nothing is recorded as self:sum: the rule of self:sum needs its own result'],
  ['sum(pod:gone:sum)', 'nothing is recorded as pod:gone:sum: Prometheus has no metric gone_bytes'],
] as const) {
  causes(`is named for ${expr}`, async ({ prometheus }) => {
    const { failures } = await verified(prometheus, expr)
    assert.deepEqual(
      failures.map(each => each.hint),
      [hint],
    )
  })
}

/** State has these values alone; of jobs, only those of another cluster are listed. */
const catalog = [
  {
    ...{ name: 'used_bytes', type: 'gauge' as const, unit: 'bytes', source: 'test' },
    ...{ labels: ['job', 'node', 'pod', 'state'], values: { job: ['a'], state: ['free', 'used'] } },
  },
  ...[
    { name: 'kube_info', dialect: 'prometheus' as const, labels: ['node'] },
    { name: 'other_bytes', dialect: 'otel' as const, labels: ['node', 'pod'] },
    { name: 'other_bytes', dialect: 'prometheus' as const, labels: ['metrics_path', 'node', 'pod'] },
  ].map(each => ({ ...each, type: 'gauge' as const, unit: 'bytes', source: 'test' })),
]
for (const [expr, cause] of [
  ['used_bytes{state="usd"}', 'value: used_bytes can never have state="usd": only free, used'],
  ['used_bytes{state=~"slab.*", pod="x"}', 'value: used_bytes can never have state=~"slab.*": only free, used'],
  ['used_bytes{job="b"}', 'absent value: no used_bytes has job="b": it has test'],
  ['used_bytes{pod="x"}', 'absent value: no used_bytes has pod="x": it has a'],
  ['other_bytes{pod="x"}', 'absent value: no other_bytes has pod="x": it has a, b'],
] as const) {
  causes(`tells a value that can't be from one that is not here: ${expr}`, async ({ prometheus }) => {
    const { failures } = await verified(prometheus, expr)
    assert.deepEqual(
      failures.map(each => `${each.cause?.name}: ${each.hint}`),
      [cause],
    )
  })
}

causes('names the command for series of the dialect that METRICS leaves out', async ({ prometheus }) => {
  const found = async (...[expr, metrics]: [string, VerifyOptions['metrics']]) => {
    const { failures } = await verified(prometheus, expr, metrics)
    return failures.map(each => `${each.cause?.name}: ${each.hint}`)
  }
  const absent = 'Prometheus has no metric kube_info'
  assert.deepEqual(await found('sum(kube_info)', 'otel'), [`dialect: ${absent}; the lab has it with METRICS=both`])
  assert.deepEqual(await found('sum(kube_info)', 'both'), [`absent: ${absent}`])
  // The other dialect has the name, too.
  const labeled = 'other_bytes{metrics_path="/x"}'
  assert.deepEqual(await found(`sum(${labeled})`, 'otel'), [`dialect: the lab has ${labeled} with METRICS=both`])
  const missing = 'other_bytes has no label metrics_path (metrics_path="/x")'
  assert.deepEqual(await found(`sum(${labeled})`, 'both'), [`label: ${missing}`])
})

for (const [expr, because] of [
  ['sum(rate(requests_total{code=~"5.."}[1m]))', 'no requests_total has code=~"5.." yet'],
  ['answered_total{node="n1", code="500"}', 'no answered_total has code="500" yet'],
  ['used_bytes{state="free"}', 'no used_bytes has state="free" yet'],
  [
    'histogram_quantile(0.9, sum by (le) (rate(took_seconds_bucket[1m])))',
    'nothing was observed in the window, so there is no quantile',
  ],
  ['100 * rate(idle_total[1m]) / rate(idle_total[1m] offset 0s)', 'the divisor is 0'],
  [
    'sum by (to) (label_join(sum by (code) (rate(idle_total[1m])) / sum by (code) (rate(idle_total[1m] offset 0s)), "to", "-", "code"))',
    'the divisor is 0',
  ],
] as const) {
  causes(`excuses ${expr}`, async ({ prometheus }) => {
    const report = await verified(prometheus, expr)
    assert.deepEqual(report.failures, [])
    assert.match(reportText(report), new RegExp(`1 excused: ${because.replaceAll(/[.()*?"]/g, '\\$&')}\n`))
  })
}

causes('names the reason for NaN of a sum in which only some divisors are 0', async ({ prometheus }) => {
  const { failures } = await verified(prometheus, 'sum(rate(served_total[1m]) / rate(served_total[1m] offset 0s))')
  const hint =
    /^not excused by "the divisor is 0": sum\(sum without \(\) \(rate\(served_total\[1m\] offset 0s\)\)\) is 0\.\d+ of \{\}$/
  assert.match(failures.map(each => each.hint).join(), hint)
})

causes('leaves NaN that nothing explains a failure', async ({ prometheus }) => {
  const { failures } = await verified(prometheus, 'rate(requests_total[1m]) * NaN')
  assert.deepEqual(
    failures.map(({ problem, hint }) => [problem, hint]),
    [['NaN or Inf', '']],
  )
})

causes.run()

/** Samples of one series around now, of which the n-th has the value `of(n)`. */
function series(name: string, of: (at: number) => number): string[] {
  const startS = Math.floor(Date.now() / 1_000) - STEP_S * (PAST_SAMPLES - 1)
  return Array.from({ length: SAMPLES }, (_, at) => `${name} ${of(at)} ${startS + at * STEP_S}`)
}

async function verified({ url }: RunningPrometheus, expr: string, metrics: VerifyOptions['metrics'] = 'otel') {
  const datasource = { type: 'prometheus', uid: 'p' }
  const target = { refId: 'A', expr, instant: true, datasource }
  const panels = [{ id: 1, title: 'Panel', type: 'stat', datasource, targets: [target] }]
  const dashboard = readDashboard({ title: 'Foreign', uid: 'f', schemaVersion: 39, panels }, 'f.json')
  return await verify({
    ...{
      api: createPrometheusApi(url),
      refused: [],
      truth: undefined,
      metrics,
      catalog: () => catalog,
    },
    ...{ dashboards: [{ dashboard, expectations: undefined }], scrapeMs: STEP_S * 1_000, retryMs: 0 },
  })
}
