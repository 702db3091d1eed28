/** How often Prometheus is asked, on a real one. */
import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { evaluate } from '../../../../lib/checks/verify/evaluate-queries.ts'
import { panelQueries } from '../../../../lib/checks/verify/panel-queries.ts'
import { readDashboard } from '../../../../lib/grafana/read-dashboard.ts'
import { createPrometheusApi } from '../../../../lib/prometheus/prometheus-client.ts'
import { type RunningPrometheus, startPrometheus } from './prometheus-fixture.ts'

const nowMs = Date.now()
const untilMs = nowMs - 10_000
const times = [...Array(60).keys()].map(at => (nowMs - 590_000 + at * 10_000) / 1_000)
const few = times.map((seconds, at) => `few{n="1"} ${at} ${seconds}`)
const many = [...Array(1_001).keys()].map(n => `many{n="${n}"} ${n} ${untilMs / 1_000}`)

interface Context {
  prometheus: RunningPrometheus
}

const evaluates = suite<Context>('evaluate()')
evaluates.before(async context => {
  context.prometheus = await startPrometheus([...few, ...many])
})
evaluates.after(({ prometheus }) => prometheus?.stop())

/** An expression, asked for an instant and over a range. */
function bothKinds(expr: string, look: Record<string, unknown> = {}) {
  const targets = [
    { refId: 'A', expr, instant: true, range: false },
    { refId: 'B', expr, instant: false, range: true },
  ]
  const panels = [{ id: 1, title: 'Both', type: 'timeseries', targets, ...look }]
  const dashboard = readDashboard({ title: 'T', uid: 't', schemaVersion: 39, panels }, 't.json')
  const choice = { name: 'all', values: new Map(), options: new Map() } as const
  return panelQueries(dashboard, choice, { untilMs, scrapeMs: 10_000 })
}

evaluates('gives the infinite and undefined points, and the values at the end', async ({ prometheus }) => {
  const api = createPrometheusApi(prometheus.url)
  const ask = async (expr: string) => await Promise.all(bothKinds(expr).map(async query => await evaluate(api, query)))
  for (const [expr, isBad] of [
    ['sum by (n) (few) * 2', false],
    ['1 / (few - few)', true],
  ] as const) {
    const [instant, range] = await ask(expr)
    assert.deepEqual([instant?.isInfinite, range?.isInfinite, range?.samples], [isBad, isBad, instant?.samples])
  }
  const [refused] = await ask('few +')
  assert.match(refused?.refused ?? '', /parse error/)
})

evaluates('runs a query once for panels of two widths', async ({ prometheus }) => {
  const api = createPrometheusApi(prometheus.url)
  const [narrow, wide] = [6, 24].map(w => bothKinds('few', { gridPos: { x: 0, y: 0, w, h: 8 } })[1])
  assert.ok(narrow !== undefined && wide !== undefined && narrow.stepMs !== wide.stepMs)
  for (const query of [narrow, wide]) await evaluate(api, query)
  assert.equal(api.timings.length, 1)
})

evaluates('asks for a large answer again, and for a small one once', async ({ prometheus }) => {
  const [small, large] = ['few', 'many'].map(expr => bothKinds(expr)[0])
  assert.ok(small !== undefined && large !== undefined)
  const api = createPrometheusApi(prometheus.url)
  for (const query of [small, large, small, large]) await evaluate(api, query)
  assert.deepEqual(
    api.timings.map(({ query }) => query),
    ['few', 'many', 'many'],
  )
})
evaluates.run()
