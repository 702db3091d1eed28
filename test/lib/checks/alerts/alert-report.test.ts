import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { alertJunit, alertReport, alertReportText, failureCount } from '../../../../lib/checks/alerts/alert-report.ts'
import { alertWatch, explain, type ScenarioRun } from '../../../../lib/checks/alerts/alert-watch.ts'
import type { AlertRule } from '../../../../lib/checks/alerts/scaled-rules.ts'
import type { ActiveAlert, LoadedRule } from '../../../../lib/prometheus/prometheus-client.ts'
import { scenarioNamed } from '../../../../lib/scenarios/scenario-list.ts'
import { alertRule } from './alerts-fixture.ts'

const restarting = alertRule('Restarting', {
  templates: [{ kind: 'annotations', name: 'summary', text: '{{ $labels.zone }}' }],
})
const lacking = alertRule('Lacking', { index: 1, forMs: 300_000 })
const silent = alertRule('Silent', { index: 2, metrics: ['otelcol_up'] })
const alerts = [restarting, lacking, silent]

const run = (name: string, target: string, rules: AlertRule[], given: Partial<ScenarioRun> = {}): ScenarioRun => ({
  scenario: scenarioNamed(name),
  target,
  scope: { namespace: 'shop', pods: new Set([target]), workloads: new Set(), others: new Set() },
  expected: rules.map(rule => ({ name: rule.name, rules: [rule], firesWithinMs: 60_000, clearsWithinMs: 60_000 })),
  atLeastMs: 0,
  state: 'running',
  startMs: 10_000,
  healMs: 0,
  doneMs: 0,
  trouble: '',
  ...given,
})
const active = (state: string, sinceMs: number, labels = {}): ActiveAlert => ({
  labels: { alertname: 'x', namespace: 'shop', pod: 'a', zone: 'z', ...labels },
  annotations: { summary: 'z' },
  state,
  value: '1',
  activeAt: new Date(sinceMs).toISOString(),
})
const loaded = (...given: [AlertRule, ActiveAlert][]): LoadedRule[] =>
  given.map(([{ group, index }, alert]) => ({
    type: 'alerting',
    file: '',
    group,
    index,
    name: '',
    query: '',
    lastEvaluation: '',
    evaluationTime: 0,
    interval: 15,
    health: 'ok',
    lastError: '',
    state: '',
    alerts: [alert],
  }))

const seeing = suite('alertWatch()')

seeing('follows a series from pending to firing until it is gone', () => {
  const crash = run('crash-loop', 'shop/a', [restarting])
  const watch = alertWatch(alerts)
  assert.deepEqual(watch.observe(loaded([restarting, active('pending', 12_000)]), 13_000, [crash]), [])
  const [fired] = watch.observe(loaded([restarting, active('firing', 12_000)]), 20_000, [crash])
  assert.equal(fired?.by, crash)
  assert.deepEqual(watch.observe(loaded([restarting, active('firing', 12_000)]), 21_000, [crash]), [])
  watch.observe([], 30_000, [crash])
  const [seen] = watch.seen
  assert.deepEqual([seen?.sinceMs, seen?.firingMs, seen?.goneMs, seen?.faults], [12_000, 20_000, 30_000, []])
  // The next time it is another one.
  watch.observe(loaded([restarting, active('pending', 40_000)]), 41_000, [crash])
  assert.equal(watch.seen.length, 2)
})

seeing('ignores rules that are no copies, and knows what was there before', () => {
  const watch = alertWatch(alerts)
  watch.observe(loaded([{ ...restarting, group: 'cluster-alerts' }, active('firing', 1)]), 5)
  assert.equal(watch.seen.length, 0)
  watch.observe(loaded([restarting, active('pending', 1)]), 5)
  watch.observe(loaded([restarting, active('firing', 1)]), 10_500, [run('crash-loop', 'shop/a', [restarting])])
  assert.equal(watch.seen[0]?.by, 'before')
  // After a restart of Prometheus, and much later.
  const crash = run('crash-loop', 'shop/a', [restarting])
  for (const [goneMs, againMs, by] of [
    [20_000, 25_000, 'before'],
    [30_000, 90_000, crash],
  ] as const) {
    watch.observe([], goneMs, [crash])
    watch.observe(loaded([restarting, active('firing', 1)]), againMs, [crash])
    assert.equal(watch.seen.at(-1)?.by, by)
  }
})
seeing.run()

const explaining = suite('explain()')
const crash = run('crash-loop', 'shop/a', [restarting])
const ready = run('readiness-failing', 'shop/b', [lacking])
const down = run('collector-down', 'collector', [silent], { scope: undefined })
const labelsOf = (pod: string) => ({ namespace: 'shop', pod })

explaining('finds the scenario whose target the labels name', () => {
  assert.equal(explain(restarting, labelsOf('a'), [ready, crash], 20_000), crash)
  assert.equal(explain(lacking, labelsOf('a'), [ready, crash], 20_000), crash)
  assert.equal(explain(lacking, labelsOf('c'), [ready, crash], 20_000), undefined)
  assert.equal(explain(restarting, labelsOf('a'), [{ ...crash, state: 'waiting' }], 20_000), undefined)
})

explaining('prefers a scenario that runs on the same objects to one that has ended', () => {
  const later = {
    ...ready,
    target: 'shop/a',
    scope: crash.scope,
    state: 'done' as const,
    startMs: 15_000,
    doneMs: 18_000,
  }
  assert.equal(explain(silent, labelsOf('a'), [crash, later], 20_000), crash)
  assert.equal(explain(silent, labelsOf('a'), [later], 20_000), later)
})

explaining(
  'gives an alert of the cluster to the scenario that must raise it, or to one that runs or has just ended',
  () => {
    assert.equal(explain(silent, {}, [crash, down], 20_000), down)
    assert.equal(explain(silent, {}, [crash], 20_000), crash)
    const done = { ...crash, state: 'done' as const, doneMs: 20_000 }
    assert.equal(explain(silent, {}, [done], 60_000), done)
    assert.equal(explain(silent, {}, [done], 200_000), undefined)
    assert.equal(explain(restarting, labelsOf('a'), [done], 9_000_000), done)
  },
)
explaining.run()

const reporting = suite('alertReport()')

function reportOf(runs: ScenarioRun[], observe: (watch: ReturnType<typeof alertWatch>) => void, more = {}) {
  const watch = alertWatch(alerts)
  observe(watch)
  return alertReport({
    runs,
    seen: watch.seen,
    notTried: [],
    alerts,
    refused: [],
    speed: 30,
    seconds: 61,
    mostMs: 1_800_000,
    hasMetric: () => true,
    raisedBy: () => undefined,
    nowMs: 100_000,
    ...more,
  })
}
const done = { state: 'done', healMs: 40_000, doneMs: 70_000 } as const

reporting('passes an alert that waited, fired and was resolved', () => {
  const runs = [run('crash-loop', 'shop/a', [restarting], done)]
  const report = reportOf(runs, watch => {
    watch.observe(loaded([restarting, active('pending', 12_000)]), 13_000, runs)
    watch.observe(loaded([restarting, active('firing', 12_000)]), 25_000, runs)
    watch.observe([], 52_000, runs)
  })
  const [row] = report.rows
  assert.deepEqual([row?.pending, row?.firing, row?.resolved, row?.result], [2, 15, 12, 'ok'])
  assert.equal(failureCount(report), 0)
  const text = alertReportText(report)
  assert.match(text, /^crash-loop +shop\/a +Restarting +lab +2 s +15 s +12 s +ok$/m)
  assert.match(text, /^Alerts: 1 ok, 0 failed, 0 raised beside them; 1 of 3 rules fired in a scenario; 1 min 1 s$/m)
  assert.match(text, /divided by 30/)
  assert.match(text, /^ +Silent +no scenario raises it$/m)
})

reporting('fails alerts that do not fire, stay, or have empty places', () => {
  const runs = [run('crash-loop', 'shop/a', [restarting, lacking], done), run('oom-kill', 'shop/b', [silent], done)]
  const report = reportOf(runs, watch => {
    watch.observe(
      loaded([restarting, active('firing', 12_000, { zone: '' })], [lacking, active('pending', 12_000)]),
      25_000,
      runs,
    )
    watch.observe(loaded([silent, active('firing', 12_000, { pod: 'b' })]), 60_000, runs)
  })
  assert.deepEqual(
    report.rows.map(({ why }) => why),
    [
      'annotation summary: the alert has no label zone',
      'it did not fire in 30 s, it was pending',
      'it was not resolved 30 s after healing',
    ],
  )
  assert.equal(failureCount(report), 3)
  const xml = alertJunit(report)
  assert.match(xml, /<testsuites name="kube-otel-lab verify-alerts" failures="3"/)
  assert.match(xml, /<testsuite name="crash-loop on shop\/a" tests="2" failures="2" skipped="0">/)
})

reporting('lists what a scenario raises beside that, and fails what nothing explains', () => {
  const runs = [run('crash-loop', 'shop/a', [], done)]
  const report = reportOf(runs, watch => {
    const stray = active('firing', 12_000, { pod: 'c' })
    watch.observe(loaded([restarting, active('firing', 12_000)], [lacking, stray], [silent, stray]), 20_000, runs)
    // Silent lasted for more than its minute, Lacking for less than its five.
    watch.observe(loaded([restarting, active('firing', 12_000)], [silent, stray]), 60_000, runs)
    watch.observe([], 80_000, runs)
  })
  assert.deepEqual(
    report.rows.map(({ alert, result }) => `${alert} ${result}`),
    ['Restarting raised'],
  )
  assert.deepEqual(
    report.unexplained.map(({ why, isFailure }) => [why, isFailure]),
    [
      ['it lasted 48 s, and the rule waits 5 min 0 s: it does not fire', false],
      ['it lasted 1 min 8 s', true],
    ],
  )
  assert.equal(failureCount(report), 1)
  assert.match(
    alertReportText(report),
    /^FAILED: no scenario explains Silent\{namespace="shop", pod="c", zone="z"\}: it lasted/m,
  )
})

reporting('gives the reason for each alert that no scenario raised', () => {
  const runs = [run('crash-loop', 'shop/a', [restarting], { ...done, trouble: 'the scenario ended by itself' })]
  const report = reportOf(runs, watch => watch.observe(loaded([lacking, active('firing', 1)]), 2), {
    hasMetric: (name: string) => name !== 'otelcol_up',
  })
  assert.deepEqual(
    report.uncovered.map(({ why }) => why),
    ['it did not fire in crash-loop', 'it fires without a scenario', 'Prometheus has no otelcol_up'],
  )
  assert.match(report.rows[0]?.why ?? '', /^the scenario ended by itself; it did not fire in 30 s$/)
  assert.equal(report.before.length, 1)
})
reporting.run()
