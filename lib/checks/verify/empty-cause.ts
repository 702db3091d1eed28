import { nearestName } from '../../cli/nearest-name.ts'
import { isConstant } from '../../promql/constant.ts'
import { textOfPart } from '../../promql/fallbacks.ts'
import { type Binary, type Expr, type Matcher, neededParts, type Selector } from '../../promql/promql-ast.ts'
import { parsePromql, selectorsOf } from '../../promql/promql-parser.ts'
import { typeOf } from '../../promql/promql-types.ts'
import { variablesIn } from '../../promql/query-variables.ts'
import { isOfOtherDialect } from '../lint/dialect-rules.ts'
import { failingMatchers, isOfTargets } from '../lint/series-variants.ts'
import { type Cause, type CauseName, causes } from './causes.ts'
import { absentHint, type CheckContext, METRICS_EXIST, unknownVariables, type Verdict } from './check-query.ts'
import type { Evaluation, Evaluator } from './evaluate-queries.ts'
import type { PanelQuery } from './panel-queries.ts'
import type { ClusterState } from './pass-criteria.ts'
import { isOfOutcomes } from './without-fallback.ts'

/** What is known beside Prometheus. */
interface Known extends Pick<CheckContext, 'recorded' | 'rules' | 'metricNames' | 'lab'> {
  state: ClusterState | undefined
}

/** A query as sent, and as the dashboard or rule has it. */
export interface ExplainedQuery extends Pick<PanelQuery, 'expr' | 'range' | 'stepMs'> {
  written: string
  /** The options of the variables. */
  options: ReadonlyMap<string, readonly string[]>
}

/** Why a part has no series. */
interface Found {
  text: string
  /** Undefined where nothing is wrong: the series come with an event that has not happened, or with a running pod. */
  cause: Cause | undefined
  /** The matcher alone leaves series: another one can be the cause. */
  isJoint?: boolean
}

/** The most values of a label in a cause. */
const MOST_VALUES = 5
/** Shorter labels have too many neighbors. */
const LEAST_LABEL = 5
const SELECTS_NAMESPACE = ['namespace', 'k8s_namespace_name']
/** The labels of a pod, in each dialect. */
const LABELS_OF_PODS = [
  ['namespace', 'pod'],
  ['k8s_namespace_name', 'k8s_pod_name'],
]
/** Series that only running containers have. */
const OF_RUNNING_PODS = /^(?:container_|k8s_(?:pod|container)_|node_namespace_pod_container:)/

/**
 * Names the cause of a missing or NaN result: the smallest part of the query that has no series, and the matcher or the labels that leave none.
 * A missing result that is correct is excused. Other verdicts stay.
 *
 * Throws a PrometheusUnreachable.
 */
export async function withCause(
  verdict: Verdict,
  query: ExplainedQuery,
  evaluator: Evaluator,
  known: Known,
): Promise<Verdict> {
  if (verdict.kind !== 'failed' || verdict.mayPassLater) return verdict
  // Any other hint names the metrics that Prometheus does not have, and how to get them.
  if (verdict.hint !== '' && verdict.hint !== METRICS_EXIST) return verdict
  const { expr } = parsePromql(query.expr)
  if (expr === undefined) return verdict
  const emptied = verdict.problem === 'no data' ? expr : verdict.problem === 'NaN or Inf' ? scalarOf(expr) : undefined
  if (emptied === undefined || !(await isEmpty(emptied, query.expr))) return verdict
  /** The recordings whose rules were followed: rules can refer to each other, and to themselves. */
  const followed = new Set<string>()
  const { text, cause } = await causeIn(emptied, query.expr)
  return cause === undefined ? { kind: 'excused', because: text } : { ...verdict, hint: text, cause }

  async function causeIn(part: Expr, whole: string): Promise<Found> {
    for (const each of neededParts(part)) if (await isEmpty(each, whole)) return await causeIn(each, whole)
    if (part.kind === 'selector') return await causeOfSelector(part)
    const written = textOfPart(part, whole)
    if (part.kind === 'range' || part.kind === 'subquery') return wrong(`there is no sample in ${written}`)
    if (part.kind === 'binary') return (await causeOfIdlePods(part, whole)) ?? wrong(causeOfBinary(part))
    if (part.kind === 'call' && part.args.some(each => typeOf(each) === 'matrix'))
      return wrong(`${part.name}() needs two samples in its range`, 'young', part.name)
    return wrong(`${written} has no series`)
  }

  async function causeOfSelector({ metric, matchers }: Selector): Promise<Found> {
    const name = metric ?? 'series'
    if (metric !== undefined && (await count(metric)) === 0) {
      const rule = known.recorded.get(metric)
      if (rule === undefined) {
        const { hint, cause } = absentHint([metric], known)
        return { text: hint, cause }
      }
      if (followed.has(metric)) return wrong(`the rule of ${metric} needs its own result`)
      followed.add(metric)
      const { expr: recorded } = parsePromql(rule)
      const isYoung = recorded === undefined || !(await isEmpty(recorded, rule))
      const found = isYoung
        ? wrong('its rule was not evaluated with data yet', 'young', metric)
        : await causeIn(recorded, rule)
      return { ...found, text: `nothing is recorded as ${metric}: ${found.text}` }
    }
    if (isOfOtherDialect({ metric, matchers }, known.lab) && metric !== undefined) {
      const text = `the lab has ${selectorText(metric, matchers)} with METRICS=both`
      return wrong(text, 'dialect', metric)
    }
    const names = Object.keys(causes)
    // An event that has not happened, such as `code="500"`, explains why the other matchers leave nothing with it.
    const rank = ({ cause, isJoint }: Found) =>
      cause === undefined ? names.length : names.indexOf(cause.name) + (isJoint ? names.length : 0)
    const found: Found[] = []
    for (const matcher of matchers) found.push(...(await causesOfMatcher(matcher, { metric, matchers })))
    const [gravest] = found.sort((a, b) => rank(a) - rank(b))
    return gravest ?? wrong(`no series has the labels of ${selectorText(metric, matchers)}`, 'label', name)
  }

  /** Why a matcher leaves no series, alone or with the others. */
  async function causesOfMatcher(
    matcher: Matcher,
    { metric, matchers }: Pick<Selector, 'metric' | 'matchers'>,
  ): Promise<Found[]> {
    const { label, op, value } = matcher
    const name = metric ?? 'series'
    const written = `${label}${op}${JSON.stringify(value)}`
    const others = matchers.filter(each => each !== matcher)
    const [alone, rest] = [selectorText(metric, [matcher]), selectorText(metric, others)]
    // Without a metric, a selector must not match everything.
    const isAlone = metric !== undefined && (await count(alone)) === 0
    const isLast = rest !== '{}' && ((await count(rest)) ?? 0) > 0
    const all = isAlone ? metric : rest
    const isFirst = isAlone || isLast
    const near = op.startsWith('!') || metric === undefined ? undefined : await nearestLabel(label, metric)
    if (near !== undefined)
      return [wrong(`${name} has no label ${label} (${written}); did you mean ${near}?`, 'spelling', label)]
    if (!isFirst) return []
    const variable = unknownVariables(value)
    if (variable.cause !== undefined) return [{ text: variable.hint ?? '', cause: variable.cause }]
    const empty = emptyVariable(label)
    if (empty !== undefined) return [wrong(`the variable $${empty} has no values`, 'no values', `$${empty}`)]
    const there = await valuesOf(label, all)
    if (there.length === 0) return [wrong(`${name} has no label ${label} (${written})`, 'label', `${name} ${label}`)]
    const possible = possibleValues(matcher, metric)
    if (possible !== undefined) {
      const text = `${name} can never have ${written}: only ${possible.join(', ')}`
      return [wrong(text, 'value', `${name} ${written}`)]
    }
    if (isOfOutcomes(label)) return [{ text: `no ${name} has ${written} yet`, cause: undefined }]
    if (selectsIdleNamespace(matcher) && OF_RUNNING_PODS.test(name))
      return [{ text: `namespace ${value} has no running pods`, cause: undefined }]
    const more = there.length > MOST_VALUES ? ', …' : ''
    const values = there.slice(0, MOST_VALUES).join(', ')
    return [
      { ...wrong(`no ${name} has ${written}: it has ${values}${more}`, 'absent value', written), isJoint: !isAlone },
    ]
  }

  /** All values that the label can have, where none of them is as the matcher requires. */
  function possibleValues(matcher: Matcher, metric = ''): readonly string[] | undefined {
    if (isOfTargets(matcher.label)) return undefined
    const variants = known.lab.known(metric)?.variants ?? []
    const failing = variants.filter(
      each => each.labels.has(matcher.label) && failingMatchers(each, [matcher]).length > 0,
    )
    return failing.length === variants.length ? failing[0]?.values[matcher.label] : undefined
  }

  /** The label that a misspelt one stands for. */
  async function nearestLabel(label: string, metric: string): Promise<string | undefined> {
    if (label.length < LEAST_LABEL || (await valuesOf(label, metric)).length > 0) return undefined
    const { samples } = await ask(`topk(1, ${metric})`)
    return nearestName(label, Object.keys(samples[0]?.labels ?? {}))
  }

  /** A variable without values in the matcher of a label, as the panel has it. */
  function emptyVariable(label: string): string | undefined {
    const written = selectorsOf(parsePromql(query.written).expr).flatMap(({ matchers }) => matchers)
    const used = written.filter(each => each.label === label).flatMap(({ value }) => variablesIn(value))
    return used.find(name => query.options.get(name)?.length === 0)
  }

  /** A join of series of pods, none of which runs on one side. */
  async function causeOfIdlePods({ matchingLabels, ...binary }: Binary, whole: string): Promise<Found | undefined> {
    const podLabels = LABELS_OF_PODS.find(labels => labels.every(label => matchingLabels.includes(label)))
    if (podLabels === undefined || known.state === undefined || binary.op === 'unless') return undefined
    const phases = new Map(
      known.state.snapshot.pods.map(({ namespace, name, phase }) => [`${namespace}/${name}`, phase]),
    )
    for (const side of [binary.left, binary.right]) {
      const expr = `group by (${podLabels.join(', ')}) (${textOfPart(side, whole)})`
      const { samples } = await ask(expr)
      const pods = samples.map(({ labels }) => podLabels.map(label => labels[label]).join('/'))
      const isIdle = pods.every(pod => ![undefined, 'Running'].includes(phases.get(pod)))
      if (pods.length > 0 && isIdle)
        return { text: `the selected pods do not run, such as ${pods[0]}`, cause: undefined }
    }
    return undefined
  }

  function selectsIdleNamespace({ label, op, value }: Matcher): boolean {
    if (known.state === undefined || !SELECTS_NAMESPACE.includes(label) || !op.startsWith('=')) return false
    const { namespaces, pods } = known.state.snapshot
    const isRunning = pods.some(({ namespace, phase }) => namespace === value && phase === 'Running')
    return namespaces.includes(value) && !isRunning
  }

  async function isEmpty(part: Expr, whole: string): Promise<boolean> {
    const text = textOfPart(part, whole)
    const type = typeOf(part)
    if (type !== 'vector' && type !== 'matrix') return false
    return (await count(type === 'matrix' ? `count_over_time(${text})` : text)) === 0
  }

  /** How many series an expression has; undefined where Prometheus refuses it. */
  async function count(text: string): Promise<number | undefined> {
    const { samples, refused } = await ask(`count(${text})`)
    return refused === undefined ? (samples[0]?.value ?? 0) : undefined
  }

  async function ask(expr: string): Promise<Evaluation> {
    return await evaluator.evaluate({ ...query, kind: 'instant', expr })
  }

  async function valuesOf(label: string, selector: string): Promise<string[]> {
    const { samples } = await ask(`count by (${label}) (${selector})`)
    return samples.flatMap(({ labels }) => labels[label] ?? [])
  }
}

function wrong(text: string, name: CauseName = 'no data', subject = text): Found {
  return { text, cause: { name, subject } }
}

/** The vector of a query `scalar(vector)`, which is NaN without series. */
function scalarOf(expr: Expr): Expr | undefined {
  return expr.kind === 'call' && expr.name === 'scalar' ? expr.args[0] : undefined
}

function causeOfBinary({ op, left, right, matching, matchingLabels }: Binary): string {
  if (op === 'unless') return 'unless leaves none of the series'
  if (isConstant(left) || isConstant(right)) return `no value is as ${op} requires`
  const labels =
    matching === 'on'
      ? ` ${matchingLabels.join(', ')}`
      : matching === 'ignoring'
        ? ` labels except ${matchingLabels.join(', ')}`
        : ' labels'
  return `no series on both sides of ${op} have the same${labels}`
}

/** A selector in PromQL. */
export function selectorText(metric: string | undefined, matchers: readonly Matcher[]): string {
  return `${metric ?? ''}{${matchers.map(({ label, op, value }) => `${label}${op}${JSON.stringify(value)}`).join(', ')}}`
}
