/** How often Prometheus is asked, on a real one. */
import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { createEvaluator } from '../../../../lib/checks/verify/evaluate-queries.ts'
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

const evaluates = suite<Context>('createEvaluator()')
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

const expressions: [expr: string, isBad: boolean][] = [
  ['sum by (n) (few) * 2', false],
  // Was infinite before, and is a number at the end.
  ['1 / (few - 30)', false],
  ['1 / (few - few)', true],
]
for (const [expr, isBad] of expressions) {
  evaluates(
    `asks ${expr} once for an instant and a range, with what the instant would give`,
    async ({ prometheus }) => {
      const api = createPrometheusApi(prometheus.url)
      const queries = bothKinds(expr)
      const evaluator = createEvaluator(api, [queries])
      const [instant, range] = await Promise.all(queries.map(query => evaluator.evaluate(query)))
      assert.deepEqual(
        api.timings.map(({ kind }) => kind),
        ['range'],
      )
      const alone = createEvaluator(api)
      const [query] = queries
      assert.ok(query !== undefined && query.kind === 'instant')
      assert.deepEqual(instant, await alone.evaluate(query))
      assert.deepEqual([instant?.isInfinite, range?.samples], [isBad, instant?.samples])
    },
  )
}

evaluates('runs a query once for panels of two widths', async ({ prometheus }) => {
  const api = createPrometheusApi(prometheus.url)
  const [narrow, wide] = [6, 24].map(w => bothKinds('many', { gridPos: { x: 0, y: 0, w, h: 8 } })[1])
  assert.ok(narrow !== undefined && wide !== undefined && narrow.stepMs !== wide.stepMs)
  const evaluator = createEvaluator(api, [[narrow], [wide]])
  for (const query of [narrow, wide]) {
    await evaluator.evaluate(query)
    evaluator.end([])
  }
  assert.equal(api.timings.length, 1)
})

evaluates('frees large answers after the last step that needs them', async ({ prometheus }) => {
  const [small, large] = ['few', 'many'].map(expr => bothKinds(expr)[0])
  assert.ok(small !== undefined && large !== undefined)
  const api = createPrometheusApi(prometheus.url)
  const steps = [[small, large], [large], [small], [small, large]]
  const planned = steps.slice(0, 3)
  const evaluator = createEvaluator(api, planned)
  for (const step of steps) {
    for (const query of [...step, ...step]) await evaluator.evaluate(query)
    evaluator.end(step)
  }
  assert.deepEqual(
    api.timings.map(({ query }) => query),
    ['few', 'many', 'many'],
  )
})
evaluates.run()
