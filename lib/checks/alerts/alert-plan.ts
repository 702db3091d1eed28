import { formatElapsed } from '../../cli/progress.ts'
import type { Settings } from '../../cli/settings.ts'
import { formatTable } from '../../cli/table.ts'
import type { KubeClient } from '../../kube/api-client.ts'
import { listAll } from '../../kube/object-counts.ts'
import { nodeUnreachable } from '../../lab/manifest.ts'
import type { Labels } from '../../prometheus/prometheus-client.ts'
import type { Scenario } from '../../scenarios/scenario.ts'
import type { IsOfLab } from '../../scenarios/scenario-cluster.ts'
import { isStated } from '../../scenarios/scenario-list.ts'
import { creatorOf, fittingTargets } from '../../scenarios/scenario-targets.ts'
import { type AlertScope, isInScope, overlap, type ScopePod, scopeOf, scopePod } from './alert-scope.ts'
import type { AlertRule } from './scaled-rules.ts'

/** How long a scenario lasts at least for rules of the user, of which nothing states whether a scenario raises them. */
const OBSERVE_MS = 60_000
/** What the API, the holder and slow evaluations add to each time. */
const SLACK_MS = 60_000
/** One in so many nodes fails at once, so that the cluster is not in disruption. */
const NODES_PER_FAILURE = 5
/** How many targets are looked at for one that no other scenario affects. */
const MOST_CANDIDATES = 500

/** The alert rules of one name that a scenario must raise: one of them at least. */
export interface ExpectedAlert {
  name: string
  rules: readonly AlertRule[]
  /** From the start of the scenario until it fires, and from healing until it is resolved, at most. */
  firesWithinMs: number
  clearsWithinMs: number
}

export interface PlannedScenario {
  scenario: Scenario
  target: string
  /** Undefined: the whole cluster. */
  scope: AlertScope | undefined
  expected: readonly ExpectedAlert[]
  /** How long it lasts at least. */
  atLeastMs: number
}

/** A scenario, or one of its alerts, that is not tried. */
export interface NotTried {
  scenario: string
  alert: string
  why: string
}

export interface AlertPlan {
  scenarios: readonly PlannedScenario[]
  notTried: readonly NotTried[]
  nodes: number
}

/** What a plan depends on, other than the cluster. */
export interface PlanOptions {
  scenarios: readonly Scenario[]
  /** Why the lab cannot have a scenario; undefined if it can. */
  unfitLab: (scenario: Scenario) => Promise<string | undefined>
  isOfLab: IsOfLab
  alerts: readonly AlertRule[]
  metrics: Settings['metrics']
  /** Alerts that wait or fire already. */
  before: readonly { rule: AlertRule; labels: Labels }[]
  /** How old a sample can be that an alert sees. */
  lagMs: number
  /** An alert that needs longer is not tried. */
  mostMs: number
  /** The target of a scenario that an interrupted run has finished. */
  finishedOn: (scenario: string) => string | undefined
}

/** Chooses the alerts that each scenario must raise, and the targets, so that as many scenarios as possible can run at once. */
export async function planAlerts(client: KubeClient, options: PlanOptions): Promise<AlertPlan> {
  const [allNodes, podList] = await Promise.all([listAll(client, '/api/v1/nodes'), listAll(client, '/api/v1/pods')])
  const nodes = allNodes.filter(node => options.isOfLab('node', node))
  const pods = podList.map(scopePod)
  const notTried: NotTried[] = []
  const planned: PlannedScenario[] = []
  const chosen: Pick<PlannedScenario, 'scenario' | 'expected' | 'atLeastMs'>[] = []
  const leave = ({ name }: Scenario, why: string) => void notTried.push({ scenario: name, alert: '', why })
  for (const scenario of options.scenarios) {
    const why = options.finishedOn(scenario.name) === undefined ? await options.unfitLab(scenario) : undefined
    if (why !== undefined) {
      leave(scenario, why)
      continue
    }
    const { expected, notTried: left } = expectedAlerts(scenario, options)
    notTried.push(...left)
    const observed = observeMs(scenario, options)
    if (expected.length + observed > 0) chosen.push({ scenario, expected, atLeastMs: observed })
    else leave(scenario, 'none of its alerts can be tried')
  }
  // Pods are the scarcest: one of a Deployment is needed for its alerts, away from failing nodes.
  const order = ['pod', 'service', 'node', 'namespace', 'part']
  for (const each of chosen.sort((a, b) => order.indexOf(a.scenario.target) - order.indexOf(b.scenario.target))) {
    const expected = each.expected.flatMap(({ rules }) => rules)
    const before = options.before.filter(({ rule }) => expected.includes(rule))
    const target =
      options.finishedOn(each.scenario.name) ??
      (await targetFor(client, each.scenario, { ...options, planned, pods, before }))
    if (target !== undefined) planned.push({ ...each, target, scope: scopeOf(each.scenario, target, pods) })
    else leave(each.scenario, noTargetText(each.scenario))
  }
  return { scenarios: planned, notTried, nodes: nodes.length }
}

function noTargetText({ target }: Scenario): string {
  const creator = creatorOf[target]
  return `no ${target} fits${creator === undefined ? '' : `: make ${creator} runs some`}`
}

/** The alerts of the loaded rules that a scenario raises under the names of the metrics in the lab. */
export function expectedAlerts(
  { name: scenario, alerts: stated, effect }: Pick<Scenario, 'name' | 'alerts' | 'effect'>,
  { alerts, metrics, lagMs, mostMs }: Pick<PlanOptions, 'alerts' | 'metrics' | 'lagMs' | 'mostMs'>,
): { expected: ExpectedAlert[]; notTried: NotTried[] } {
  const expected: ExpectedAlert[] = []
  const notTried: NotTried[] = []
  const names = {
    otel: metrics === 'prometheus' ? [] : stated.otel,
    prometheus: metrics === 'otel' ? [] : stated.prometheus,
  }
  const leave = (alert: string, why: string) => void notTried.push({ scenario, alert, why })
  for (const name of new Set([...names.otel, ...names.prometheus])) {
    const ofName = alerts.filter(each => each.name === name)
    // The lab's own rules read OpenTelemetry's metrics.
    const groups = [
      ofName.filter(({ isOwn }) => isOwn && names.otel.includes(name)),
      ofName.filter(({ isOwn }) => !isOwn),
    ].filter(rules => rules.length > 0)
    if (groups.length === 0) leave(name, 'no loaded rule has it')
    for (const rules of groups) {
      const tried = rules.filter(rule => effectMs(effect) + rule.rangeMs + rule.waitMs <= mostMs)
      if (tried.length === 0) {
        leave(name, `it needs more than ${formatElapsed(mostMs)}: ${longText(rules)}`)
        continue
      }
      const longest = (of: (rule: AlertRule) => number) => Math.max(...tried.map(of)) + lagMs + SLACK_MS
      expected.push({
        name,
        rules: tried,
        firesWithinMs: longest(rule => effectMs(effect) + rule.rangeMs + rule.waitMs),
        clearsWithinMs: longest(rule => rule.rangeMs + rule.keepMs),
      })
    }
  }
  return { expected, notTried }
}

function longText(rules: readonly AlertRule[]): string {
  const [{ rangeMs, waitMs } = { rangeMs: 0, waitMs: 0 }] = [...rules].sort((a, b) => a.rangeMs - b.rangeMs)
  return `its query looks back ${formatElapsed(rangeMs)}, and it waits ${formatElapsed(waitMs)}`
}

/** How long a scenario lasts for the alerts of the user of which nothing is stated; 0 without any. */
export function observeMs({ effect }: Scenario, { alerts, lagMs }: Pick<PlanOptions, 'alerts' | 'lagMs'>): number {
  const users = alerts.filter(({ isOwn, name }) => !isOwn && !isStated(name))
  if (users.length === 0) return 0
  return (
    effectMs(effect) + lagMs + Math.min(OBSERVE_MS, Math.max(...users.map(({ rangeMs, waitMs }) => rangeMs + waitMs)))
  )
}

/** The time at the start of a scenario's `effect`: `200 s (its kubelet at once)`. */
export function effectMs(effect: string): number {
  const [, count, unit] = /^(\d+) (s|min)\b/.exec(effect) ?? []
  return Number(count) * (unit === 'min' ? 60_000 : 1_000)
}

/** The target that the fewest planned scenarios affect: one without its alerts, and a pod of a Deployment, if there are such. */
async function targetFor(
  client: KubeClient,
  scenario: Scenario,
  now: Pick<PlanOptions, 'before' | 'isOfLab'> & { planned: readonly PlannedScenario[]; pods: readonly ScopePod[] },
): Promise<string | undefined> {
  const { planned, pods, before } = now
  if (scenario.only !== undefined) return scenario.only
  const ofDeployments = new Set(pods.filter(pod => pod.isOfDeployment).map(pod => pod.name))
  let best: { target: string; rank: number } | undefined
  let count = 0
  for await (const target of fittingTargets(client, scenario, now.isOfLab)) {
    const scope = scopeOf(scenario, target, pods)
    const overlaps = planned.filter(each => scope && each.scope && overlap(scope, each.scope)).length
    const isAlone = scenario.target === 'pod' && !ofDeployments.has(target)
    const fails = scope !== undefined && before.some(({ labels }) => isInScope(scope, labels))
    const rank = overlaps + (isAlone ? 1_000 : 0) + (fails ? 1_000_000 : 0)
    if (best === undefined || rank < best.rank) best = { target, rank }
    if (rank === 0 || ++count === MOST_CANDIDATES) break
  }
  return best?.target
}

/** Where the scenarios of a plan are: those that fail now, those whose alerts are being resolved, and those that have not started. */
export interface PlanState {
  failing: readonly PlannedScenario[]
  clearing: readonly PlannedScenario[]
  waiting: readonly PlannedScenario[]
  nodes: number
}

/**
 * Whether a scenario can start. Those of the whole cluster come last, one at a time. An alert that two scenarios must raise on the same objects
 * has to be resolved before the second, and all alerts before one that keeps the lab from measuring. Pods that run may be on an unreachable
 * node, where they cannot be replaced.
 */
export function canStart(planned: PlannedScenario, { failing, clearing, waiting, nodes }: PlanState): boolean {
  const { scenario, scope, target } = planned
  const meets = (other: PlannedScenario) =>
    scope === undefined ||
    other.scope === undefined ||
    overlap(scope, other.scope) ||
    hangs(planned, other) ||
    hangs(other, planned)
  const breaksMeasuring = scenario.breaksMeasuring !== undefined || scenario.only === 'prometheus'
  if (failing.some(meets) || (breaksMeasuring && clearing.length > 0)) return false
  if (clearing.some(other => other.target === target || (meets(other) && sharesRule(planned, other)))) return false
  if (scope === undefined) return waiting.every(each => each.scope === undefined)
  const nodesNow = failing.filter(each => each.scope?.node !== undefined).length
  return scope.node === undefined || nodesNow < Math.max(1, Math.floor(nodes / NODES_PER_FAILURE))
}

function hangs({ scenario: { runsPods } }: PlannedScenario, { scenario: { name } }: PlannedScenario): boolean {
  return runsPods === true && name === nodeUnreachable
}

/** Whether two scenarios must raise an alert of the same rule. */
function sharesRule(one: PlannedScenario, other: PlannedScenario): boolean {
  const rules = new Set(one.expected.flatMap(each => each.rules))
  return other.expected.some(each => each.rules.some(rule => rules.has(rule)))
}

/** The longest time until all alerts of a scenario have fired, and then until they are resolved. */
export function longestOf({ expected, atLeastMs }: PlannedScenario): { failsMs: number; clearsMs: number } {
  return {
    failsMs: Math.max(atLeastMs, ...expected.map(alert => alert.firesWithinMs)),
    clearsMs: Math.max(0, ...expected.map(alert => alert.clearsWithinMs)),
  }
}

/** The longest time of all scenarios, each started as soon as it can. */
export function longestMs(planned: readonly PlannedScenario[], nodes: number): number {
  let waiting = [...planned]
  let started: { each: PlannedScenario; healMs: number; endMs: number }[] = []
  let nowMs = 0
  while (waiting.length + started.length > 0) {
    for (const each of waiting) {
      const failing = started.filter(({ healMs }) => healMs > nowMs).map(other => other.each)
      const clearing = started.filter(({ healMs }) => healMs <= nowMs).map(other => other.each)
      if (!canStart(each, { failing, clearing, waiting, nodes })) continue
      waiting = waiting.filter(other => other !== each)
      const { failsMs, clearsMs } = longestOf(each)
      started.push({ each, healMs: nowMs + failsMs, endMs: nowMs + failsMs + clearsMs })
    }
    nowMs = Math.min(...started.flatMap(({ healMs, endMs }) => [healMs, endMs]).filter(ms => ms > nowMs))
    started = started.filter(({ endMs }) => endMs > nowMs)
  }
  return nowMs
}

/** The plan as text: each scenario, its target, its alerts and its longest time; and what is not tried. */
export function planText({ scenarios, notTried, nodes }: AlertPlan, speed: number): string {
  const rows = scenarios.map(each => [
    each.scenario.name,
    each.target,
    formatElapsed(longestOf(each).failsMs + longestOf(each).clearsMs),
    [...new Set(each.expected.map(({ name }) => name))].join(', ') || '-',
  ])
  const left = notTried.map(
    ({ scenario, alert, why }) => `Not tried: ${[scenario, alert].filter(Boolean).join(', ')}: ${why}`,
  )
  const scaled = speed === 1 ? 'as the rules have it' : `divided by ${speed}; ranges in queries are unchanged`
  return [
    `Scenarios: ${scenarios.length}, at most ${formatElapsed(longestMs(scenarios, nodes))}; for and keep_firing_for are ${scaled}`,
    formatTable([['SCENARIO', 'TARGET', 'AT MOST', 'ALERTS'], ...rows]),
    ...left,
  ].join('\n')
}
