import assert from 'node:assert/strict'
import { suite } from 'uvu'
import {
  canStart,
  effectMs,
  expectedAlerts,
  longestMs,
  longestOf,
  observeMs,
  type PlannedScenario,
  planText,
} from '../../../../lib/checks/alerts/alert-plan.ts'
import type { AlertScope } from '../../../../lib/checks/alerts/alert-scope.ts'
import type { AlertRule } from '../../../../lib/checks/alerts/scaled-rules.ts'
import { chosenScenarios } from '../../../../lib/checks/alerts/verify-alerts.ts'
import { scenarioNamed, scenarios } from '../../../../lib/scenarios/scenario-list.ts'
import { alertRule } from './alerts-fixture.ts'

const expecting = suite('expectedAlerts()')
const stated = { name: 'crash-loop', effect: '7 s', alerts: { otel: ['Both', 'Otel'], prometheus: ['Both', 'Other'] } }
const own = alertRule('Both', { rangeMs: 600_000 })
const users = alertRule('Both', { isOwn: false, metrics: ['kube_x'] })
const other = alertRule('Other', { isOwn: false, waitMs: 30_000, keepMs: 5_000 })
const given = { alerts: [own, users, other], metrics: 'both' as const, lagMs: 65_000, mostMs: 1_800_000 }

expecting('takes the rules of each name, those of the lab and of the user apart, with their times', () => {
  const { expected, notTried } = expectedAlerts(stated, given)
  assert.deepEqual(
    expected.map(({ rules }) => rules),
    [[own], [users], [other]],
  )
  assert.deepEqual(notTried, [{ scenario: 'crash-loop', alert: 'Otel', why: 'no loaded rule has it' }])
  const [first, , last] = expected
  assert.equal(first?.firesWithinMs, 7_000 + 600_000 + 2_000 + 65_000 + 60_000)
  assert.equal(last?.clearsWithinMs, 5_000 + 65_000 + 60_000)
})

expecting('follows the names of the metrics in the lab', () => {
  const names = (metrics: 'otel' | 'prometheus') =>
    expectedAlerts(stated, { ...given, metrics }).expected.flatMap(({ rules }) => rules)
  assert.deepEqual(names('otel'), [own, users])
  assert.deepEqual(names('prometheus'), [users, other])
})

expecting('leaves out alerts that take too long', () => {
  const long = { ...own, rangeMs: 3_600_000 }
  const { expected, notTried } = expectedAlerts(stated, { ...given, alerts: [long, other] })
  assert.deepEqual(
    expected.map(({ name }) => name),
    ['Other'],
  )
  assert.deepEqual(
    notTried.map(({ alert, why }) => `${alert}: ${why}`),
    [
      'Both: it needs more than 30 min 0 s: its query looks back 60 min 0 s, and it waits 2 s',
      'Otel: no loaded rule has it',
    ],
  )
})

expecting('observes scenarios for alerts of the user of which nothing is stated', () => {
  const of = (...alerts: typeof given.alerts) => observeMs(scenarioNamed('crash-loop'), { alerts, lagMs: 65_000 })
  const name = 'KubePodCrashLooping'
  assert.equal(of(own, alertRule(name, { isOwn: false }), alertRule('KubeAPIDown', { isOwn: false })), 0)
  assert.equal(of(other), 7_000 + 65_000 + 30_000)
  assert.equal(of({ ...other, rangeMs: 600_000 }), 7_000 + 65_000 + 60_000)
})

expecting('reads the time to effect of each scenario', () => {
  for (const { name, effect } of scenarios) assert(effectMs(effect) > 0, `${name}: ${effect}`)
  assert.equal(effectMs('10 min'), 600_000)
  assert.equal(effectMs('200 s (its kubelet at once)'), 200_000)
})
expecting.run()

const starting = suite('canStart()')
const planned = (
  name: string,
  target: string,
  scope: Partial<AlertScope> | undefined,
  lastsMs = 60_000,
): PlannedScenario => ({
  scenario: scenarioNamed(name),
  target,
  scope: scope && { pods: new Set(), workloads: new Set(), others: new Set(), ...scope },
  expected: [{ name: 'A', rules: [], firesWithinMs: lastsMs, clearsWithinMs: 10_000 }],
  atLeastMs: 0,
})
const pod = planned('crash-loop', 'shop/a', { namespace: 'shop', pods: new Set(['shop/a']) })
const nodes = ['n1', 'n2', 'n3'].map(node => planned('node-not-ready', node, { node, pods: new Set(['data/b']) }))
const [n1, n2] = nodes as [PlannedScenario, PlannedScenario]
const part = planned('collector-down', 'collector', undefined)

starting('lets disjoint scenarios run at once', () => {
  assert.equal(canStart(n1, { failing: [pod], clearing: [], waiting: [n1], nodes: 5 }), true)
  const onNode = planned('oom-kill', 'data/b', { pods: new Set(['data/b']) })
  assert.equal(canStart(onNode, { failing: [n1], clearing: [], waiting: [onNode], nodes: 5 }), false)
})

starting('keeps pods that are to be replaced away from an unreachable node', () => {
  const lost = planned('node-unreachable', 'n1', { node: 'n1' })
  const update = planned('rollout-stuck', 'batch', { namespace: 'batch' })
  const pending = planned('pod-pending', 'data', { namespace: 'data' })
  for (const [each, other] of [
    [lost, update],
    [update, lost],
  ] as const) {
    assert.equal(canStart(each, { failing: [other], clearing: [], waiting: [each], nodes: 5 }), false)
  }
  assert.equal(canStart(lost, { failing: [pending], clearing: [], waiting: [lost], nodes: 5 }), true)
})

starting('does not wait for alerts that are being resolved, but on its own target', () => {
  const replica = { ...pod, target: 'shop/b' }
  assert.equal(canStart(replica, { failing: [pod], clearing: [], waiting: [replica], nodes: 5 }), false)
  assert.equal(canStart(replica, { failing: [], clearing: [pod], waiting: [replica], nodes: 5 }), true)
  assert.equal(canStart(pod, { failing: [], clearing: [pod], waiting: [pod], nodes: 5 }), false)
})

starting('waits for alerts that it must raise too on the same objects, and for all if it breaks the measuring', () => {
  const raising = (name: string, target: string, scope: Partial<AlertScope> | undefined, rules: AlertRule[]) => {
    const expected = [{ name: 'A', rules, firesWithinMs: 1, clearsWithinMs: 1 }]
    return { ...planned(name, target, scope), expected }
  }
  const after = (each: PlannedScenario, ...clearing: PlannedScenario[]) =>
    canStart(each, { failing: [], clearing, waiting: [each], nodes: 5 })
  const scheduler = raising('scheduler-down', 'kube-scheduler', undefined, [own])
  const manager = raising('controller-manager-down', 'kube-controller-manager', undefined, [own])
  assert.equal(after(manager, scheduler), false)
  assert.equal(after(manager, raising('api-errors', 'kube-apiserver', undefined, [users]), pod), true)
  assert.equal(after(part, pod), false)
  assert.equal(after(planned('prometheus-restarted', 'prometheus', undefined), pod), false)
  const failing = raising('service-failing', 'shop/cart', { namespace: 'shop' }, [own])
  assert.equal(after(raising('service-gone', 'shop/mail', { namespace: 'shop' }, [own]), failing), false)
  assert.equal(after(raising('service-gone', 'data/mail', { namespace: 'data' }, [own]), failing), true)
})

starting('keeps four of five nodes healthy', () => {
  assert.equal(canStart(n2, { failing: [n1], clearing: [], waiting: [n2], nodes: 5 }), false)
  assert.equal(canStart(n2, { failing: [n1], clearing: [], waiting: [n2], nodes: 10 }), true)
  assert.equal(canStart(n1, { failing: [], clearing: [], waiting: [n1], nodes: 1 }), true)
})

starting('runs scenarios of the whole cluster alone, after the others', () => {
  assert.equal(canStart(part, { failing: [], clearing: [], waiting: [part, pod], nodes: 5 }), false)
  assert.equal(canStart(part, { failing: [pod], clearing: [], waiting: [part], nodes: 5 }), false)
  assert.equal(canStart(part, { failing: [], clearing: [], waiting: [part], nodes: 5 }), true)
  assert.equal(canStart(pod, { failing: [part], clearing: [], waiting: [pod], nodes: 5 }), false)
})

starting('gives the longest time of a plan', () => {
  assert.deepEqual(longestOf({ ...pod, atLeastMs: 90_000 }), { failsMs: 90_000, clearsMs: 10_000 })
  // At once: pod and n1; when n1 is healed n2; then the part.
  assert.equal(longestMs([pod, n1, n2, part], 5), 60_000 + 70_000 + 70_000)
  assert.equal(longestMs([pod, n1, n2, part], 10), 2 * 70_000)
  assert.equal(longestMs([], 5), 0)
})

starting('is in the text of a plan', () => {
  const plan = {
    scenarios: [pod],
    notTried: [{ scenario: 'memory-leak', alert: '', why: 'no pod fits' }],
    nodes: 5,
    atMostMs: 70_000,
  }
  const text = planText(plan, 30)
  assert.match(
    text,
    /^Scenarios: 1, at most 1 min 10 s; for and keep_firing_for are divided by 30; ranges in queries are unchanged$/m,
  )
  assert.match(text, /^crash-loop +shop\/a +1 min 10 s +A$/m)
  assert.match(text, /^Not tried: memory-leak: no pod fits$/m)
  assert.match(planText(plan, 1), /are as the rules have it$/m)
})
starting.run()

const choosing = suite('chosenScenarios()')

choosing('takes all or the named, and refuses unknown ones with the nearest', () => {
  assert.deepEqual(chosenScenarios('all'), scenarios)
  assert.deepEqual(
    chosenScenarios('quota-full,crash-loop,quota-full').map(({ name }) => name),
    ['quota-full', 'crash-loop'],
  )
  assert.throws(() => chosenScenarios('crash-lop'), /UsageError: .*did you mean crash-loop\?/)
})
choosing.run()
