import { basename } from 'node:path'
import type { Sources } from '../../kube/source-documents.ts'
import { orNone, QueryError } from '../../prometheus/prometheus-client.ts'
import { type RuleFile, rulesOf } from '../../prometheus/rule-files.ts'
import { unfiltered } from '../../promql/unfiltered.ts'
import { isOfOtherDialect } from '../lint/dialect-rules.ts'
import { lacks } from './causes.ts'
import {
  absentHint,
  type CheckContext,
  emptyHint,
  finalFailure,
  firstOf,
  type Hint,
  type Verdict,
} from './check-query.ts'
import { withCause } from './empty-cause.ts'
import { createEvaluator } from './evaluate-queries.ts'
import { queryFacts } from './panel-queries.ts'
import { type DashboardCheck, tally } from './verify-dashboard.ts'
import {
  causesOf,
  type Failure,
  otherFailure,
  otherResult,
  RULES,
  type RuleResult,
  unreadable,
} from './verify-report.ts'

/** Why a recording may be empty. */
const NOTHING_NOW = 'a recording with a filter, which no series passes now'
/** Why a recording may be empty where others have its name. */
const OTHERS_RECORD = 'a recording without series, as another rule records the same name'
/** Why a recording that Prometheus has not loaded may be empty. */
const NOT_LOADED = 'a recording of series of rules that Prometheus has not loaded; RULES_DIR loads rules'
/** The most recorded names in one query. */
const MOST_NAMES = 300
/** The most names of alerts in a note. */
const MOST_NAMED = 10

type FileRule = ReturnType<typeof rulesOf>[number]

/** A rule, its result, and the error of its evaluation. */
interface Checked {
  rule: FileRule
  result: RuleResult
  error: string
  /** Why a recording has no series. */
  hint: Hint
  /** Why a recording may have none. */
  because?: string
}

/**
 * Checks rules of the user. Each rule evaluates without an error, and each recording has series. Prometheus reports the state of the rules
 * that it has loaded (prometheus.io/docs/prometheus/latest/querying/api/#rules); the queries of other rules are run once.
 */
export async function checkRules(
  { found, refused }: Pick<Sources<RuleFile>, 'found' | 'refused'>,
  context: Pick<CheckContext, 'api' | 'metricNames' | 'rules' | 'recorded' | 'lab'>,
  untilMs: number,
): Promise<DashboardCheck & { rules: () => RuleResult[] }> {
  const { api, lab } = context
  const rules = rulesOf(found)
  const records = new Set(rules.map(({ rule }) => rule.record))
  /** How many series the metrics of the rules have now. */
  let counts: ReadonlyMap<string, number> = new Map()
  let checked = await checkAll()
  const failures = () => [...refused.map(each => unreadable(each, 'a file of rules')), ...checked.flatMap(failureOf)]
  return {
    rules: () => checked.map(each => ({ ...each.result, why: whyOf(each, context) })),
    failures,
    mayPassLater: () => checked.some(({ result }) => result.state === 'not evaluated'),
    async retry() {
      checked = await checkAll()
    },
    async excuse(because) {
      for (const each of checked) {
        const text = each.result.state === 'no series' ? await because(each.rule.rule.expr) : undefined
        if (text !== undefined) Object.assign(each, nothingNow(each, text))
      }
    },
    result() {
      const failed = failures().length
      const excused = checked.flatMap(({ result, because = NOTHING_NOW }) =>
        result.state === 'nothing now' ? [because] : [],
      )
      const ok = rules.length - failed - excused.length + refused.length
      const reasons = { excused: tally(excused), skipped: {} }
      return otherResult(RULES, { queries: rules.length, ok, failed, excused: excused.length, reasons })
    },
  }

  async function checkAll(): Promise<Checked[]> {
    const loaded = new Map(
      ((await orNone(api.rules())) ?? []).map(each => [key(basename(each.file), each.group, each.index), each]),
    )
    const names = rules.flatMap(({ rule }) => [rule.record ?? [], queryFacts(rule.expr).metrics].flat())
    counts = await seriesCounts(names)
    const all = await Promise.all(
      rules.map(async (each): Promise<Checked> => {
        const known = loaded.get(key(each.file.fileName, each.group, each.index))
        const isAlert = each.rule.alert !== undefined
        if (known === undefined) return await evaluate(each)
        const series = isAlert ? known.alerts.length : (counts.get(each.name) ?? 0)
        const state = known.health === 'unknown' ? 'not evaluated' : (known.state ?? (await recordState(each, series)))
        const checked = await checkedRule(each, known.health === 'err' ? 'error' : state, series, known.lastError)
        const { evaluationTime: seconds, interval: intervalSeconds } = known
        const slow = seconds > intervalSeconds ? { seconds, intervalSeconds } : undefined
        return { ...checked, result: { ...checked.result, slow } }
      }),
    )
    const filled = new Set(all.flatMap(({ result }) => (result.series > 0 ? [result.name] : [])))
    return all.map(each => {
      // Such as one rule for each kind of workload, and the lab does not have one kind.
      const isLacking = each.hint.cause !== undefined && lacks.includes(each.hint.cause.name)
      return each.result.state === 'no series' && isLacking && filled.has(each.result.name)
        ? nothingNow(each, OTHERS_RECORD)
        : each
    })
  }

  /** How many series each name has now. A list of names would have those that have ended, too. */
  async function seriesCounts(names: readonly string[]): Promise<Map<string, number>> {
    const counts = new Map<string, number>()
    const all = [...new Set(names)]
    for (let at = 0; at < all.length; at += MOST_NAMES) {
      const pattern = all.slice(at, at + MOST_NAMES).map(name => name.replace(/[.+*?^$()[\]{}|]/g, '\\$&'))
      const query = `count by (__name__) ({__name__=~${JSON.stringify(pattern.join('|'))}})`
      for (const { labels, value } of await api.instant(query)) counts.set(labels['__name__'] ?? '', value)
    }
    return counts
  }

  /** The state of a recording. One with a filter, such as `up == 0`, may be empty if there are series without the filter. */
  async function recordState({ rule }: FileRule, series: number): Promise<string> {
    if (series > 0) return 'recorded'
    const without = unfiltered(rule.expr)
    const all = without === undefined ? [] : await orNone(api.instant(without))
    return all === undefined || all.length === 0 ? 'no series' : 'nothing now'
  }

  /** The result of a rule that Prometheus has not loaded. */
  async function evaluate(each: FileRule): Promise<Checked> {
    try {
      const { length } = await api.instant(each.rule.expr)
      if (each.rule.alert === undefined) {
        const checked = await checkedRule(each, await recordState(each, length), length)
        const waits = queryFacts(each.rule.expr).metrics.some(metric => records.has(metric) && !counts.has(metric))
        return checked.result.state === 'no series' && waits ? nothingNow(checked, NOT_LOADED) : checked
      }
      return await checkedRule(
        each,
        length === 0 ? 'inactive' : each.rule.for === undefined ? 'firing' : 'pending',
        length,
      )
    } catch (error) {
      if (!(error instanceof QueryError)) throw error
      return await checkedRule(each, 'error', 0, error.why)
    }
  }

  async function checkedRule(rule: FileRule, state: string, series: number, error = ''): Promise<Checked> {
    // A lab has some of its metrics only after an event, such as a container that waits.
    const isAbsent = (metric: string) =>
      !counts.has(metric) && (lab.known(metric) === undefined || isOfOtherDialect({ metric }, lab))
    const absent = queryFacts(rule.rule.expr).metrics.filter(isAbsent)
    const why = state === 'no series' ? await emptyRecording(rule.rule.expr) : undefined
    const checked: Checked = {
      rule,
      error,
      hint: why?.kind === 'failed' ? why : { hint: '' },
      result: {
        source: rule.file.source,
        file: rule.file.fileName,
        group: rule.group,
        index: rule.index,
        name: rule.name,
        state,
        series,
        absent,
        why: '',
      },
    }
    return why?.kind === 'excused' ? nothingNow(checked, why.because) : checked
  }

  /** Why a recording has no series, or may have none. */
  async function emptyRecording(expr: string): Promise<Verdict> {
    const given = emptyHint(queryFacts(expr).metrics, context)
    const failed = finalFailure('no data', 'the recording has no series', 'series', given)
    const query = { expr, written: expr, range: { fromMs: untilMs, untilMs }, stepMs: 0, options: new Map() }
    return await withCause(failed, query, createEvaluator(api), { ...context, state: undefined })
  }
}

/** A recording that may have no series. */
function nothingNow(checked: Checked, because: string): Checked {
  return { ...checked, because, result: { ...checked.result, state: 'nothing now' } }
}

/** Notes on the rules: their number, and the state of the alerts. */
export function ruleNotes(rules: readonly RuleResult[]): string[] {
  const inState = (state: string) => rules.filter(each => each.state === state)
  const [errors, empty, waiting] = ['error', 'no series', 'not evaluated'].map(state => inState(state).length)
  const alerts = ['firing', 'pending', 'inactive'].map(state => {
    const names = [...new Set(inState(state).map(({ name }) => name))]
    const more = names.length > MOST_NAMED ? [`and ${names.length - MOST_NAMED} more`] : []
    const listed =
      names.length === 0 || state === 'inactive' ? '' : ` (${[...names.slice(0, MOST_NAMED), ...more].join(', ')})`
    return `${inState(state).length} ${state}${listed}`
  })
  const blind = inState('inactive').filter(({ absent }) => absent.length > 0).length
  const slow = rules.flatMap(({ name, slow }) => (slow === undefined ? [] : [`${name} ${slowness(slow)}`]))
  return [
    `Rules: ${rules.length}; ${errors} in error, ${empty} recordings without series, ${waiting} not evaluated yet`,
    `Alerts: ${alerts.join(', ')}${blind === 0 ? '' : `; ${blind} of the inactive query a metric that Prometheus does not have`}`,
    ...(slow.length === 0 ? [] : [`Rules slower than the interval of their group: ${firstOf(slow, MOST_NAMED)}`]),
  ]
}

/** What is wrong with a rule: the cause of its failure, metrics that an alert waits for in vain, a slow evaluation. */
function whyOf(checked: Checked, context: Pick<CheckContext, 'lab'>): string {
  const { absent, slow, state } = checked.result
  return [
    ...causesOf(failureOf(checked)),
    ...(state === 'inactive' && absent.length > 0 ? [absentHint(absent, context).hint] : []),
    ...(slow === undefined ? [] : [slowness(slow)]),
  ].join('; ')
}

function slowness({ seconds, intervalSeconds }: NonNullable<RuleResult['slow']>): string {
  return `takes ${seconds.toFixed(1)} s of ${intervalSeconds} s`
}

function failureOf({ rule, result, error, hint }: Checked): Failure[] {
  const failure = (of: Pick<Failure, 'problem' | 'got' | 'expected' | 'hint' | 'cause'>) =>
    otherFailure(rule.file.source, { panel: rule.name, query: rule.rule.expr, ...of })
  if (result.state === 'error') {
    const subject = /many-to-many|duplicate series|labelset/.exec(error)?.[0] ?? error
    const cause = { name: 'error', subject } as const
    return [failure({ problem: 'error', got: error, expected: 'a result', hint: error, cause })]
  }
  if (result.state !== 'no series') return []
  const { hint: why, cause } = hint
  return [failure({ problem: 'no data', got: 'the recording has no series', expected: 'series', hint: why, cause })]
}

function key(...parts: readonly (string | number)[]): string {
  return parts.join('\0')
}
