import { failedPart } from '../../cli/errors.ts'
import type { Dashboard, Panel } from '../../grafana/dashboard-model.ts'
import { patternFaults } from '../../grafana/panel-patterns.ts'
import { type PrometheusApi, PrometheusUnreachable } from '../../prometheus/prometheus-client.ts'
import { expectedOf, judge, type Verdict } from './check-query.ts'
import { isCallMeasure } from './contributions.ts'
import { duplicateRows } from './duplicate-rows.ts'
import type { Evaluator } from './evaluate-queries.ts'
import { heldTo, marksOfText } from './exceptions.ts'
import { type AskedQuery, askedQueries, dashboardRange, type QueryFacts, queryFacts } from './panel-queries.ts'
import type { Reading } from './pass-criteria.ts'
import { type DashboardMarks, type Need, type TargetMarks, targetKey } from './query-expectations.ts'
import { type Choice, choiceNames, choose, skippedVariables, type VariableProblem } from './variable-selection.ts'
import type { Failure } from './verify-report.ts'
import { withoutFallback } from './without-fallback.ts'

/** What does not change between looks. */
export interface Common {
  api: PrometheusApi
  scrapeMs: number
  rules: ReadonlyMap<string, QueryFacts>
  /** Undefined when Prometheus doesn't tell. */
  metricNames: ReadonlySet<string> | undefined
  lacking: ReadonlySet<Need>
}

/** Something that was judged, by a key that is the same in each look. */
export interface Judged {
  key: string
  failure: Pick<Failure, 'panel' | 'panelId' | 'refId' | 'choice' | 'query'>
  verdict: Verdict
  /** Of a panel's query, whether its numbers can be had otherwise. */
  hasTruth?: boolean
}

/** A dashboard under one choice of its variables. */
export interface PlannedChoice {
  choice: Choice
  problems: readonly VariableProblem[]
  asked: readonly AskedQuery[]
}

/**
 * What there is to ask of a dashboard under every choice of its variables.
 *
 * Throws a LabError when Prometheus can't be reached.
 */
export async function planChoices(dashboard: Dashboard, reading: Reading, common: Common): Promise<PlannedChoice[]> {
  const { api, scrapeMs } = common
  const range = dashboardRange(dashboard, reading.untilMs)
  const metrics = [
    ...new Set(dashboard.panels.flatMap(({ targets }) => targets.flatMap(({ expr }) => queryFacts(expr).metrics))),
  ]
  const planned: PlannedChoice[] = []
  for (const name of choiceNames) {
    const { choice, problems } = await choose(dashboard, name, { api, range, metrics })
    planned.push({ choice, problems, asked: askedQueries(dashboard, choice, { untilMs: reading.untilMs, scrapeMs }) })
  }
  return planned
}

/**
 * Judges every variable and query of a dashboard, and the rows of its tables, under the choices that were planned; or `only` those of some keys.
 *
 * Throws a LabError when Prometheus can't be reached.
 */
export async function judgeAll(
  dashboard: Dashboard,
  marks: DashboardMarks | undefined,
  reading: Reading,
  common: Common,
  { choices, evaluator, only }: { choices: readonly PlannedChoice[]; evaluator: Evaluator; only?: ReadonlySet<string> },
): Promise<Judged[]> {
  const all: Judged[] = []
  const failed = new Map<string, boolean>()
  const elsewhere = skippedVariables(dashboard)
  // Of somebody's own dashboard nothing is known but what its queries say.
  const marksOf = (query: AskedQuery) =>
    marks === undefined ? marksOfText(query.expr) : (marks.targets.get(keyOf(query)) ?? {})
  const judgeOne = async (query: AskedQuery) =>
    await orFailed(queryKey(query), placeOf(query), async () => {
      const judged = await judgeQuery(query, marksOf(query), reading, common, evaluator)
      // What the lab's own queries ask for is in the catalogue, errors that have not happened yet included.
      if (marks !== undefined) return judged
      return { ...judged, verdict: await withoutFallback(judged.verdict, query, common.api) }
    })
  const put = (each: Judged) => {
    // The same query under two choices is one, unless it is right under the first only, as one that forgets a variable is.
    // What is looked at again has its own variables by now.
    const { panel, panelId, refId, query } = each.failure
    const same = [panelId ?? panel, each.key.split('\u0000')[0], refId, query].join('\u0000')
    const isFailed = each.verdict.kind === 'failed'
    const earlier = failed.get(same)
    if (only === undefined ? earlier === undefined || (isFailed && !earlier) : only.has(each.key)) all.push(each)
    failed.set(same, isFailed || earlier === true)
  }
  for (const { choice, problems, asked } of choices) {
    const { name } = choice
    for (const variable of dashboard.variables) {
      if (variable.type !== 'query' || elsewhere.has(variable.name)) continue
      const problem = problems.find(each => each.variable === variable.name)
      put(judgedVariable(variable.name, problem?.query ?? variable.query, name, problem))
    }
    const wanted = asked.filter(query => only === undefined || only.has(queryKey(query)))
    for (const each of await Promise.all(wanted.map(judgeOne))) put(each)
    for (const panel of dashboard.panels) {
      for (const each of await judgePatterns(panel, name)) put(each)
      if (panel.type !== 'table' && panel.type !== 'table-old') continue
      if (only !== undefined && !only.has(rowsKey(panel, name))) continue
      const ofPanel = asked.filter(query => query.panel === panel)
      if (ofPanel.length === 0) continue
      const place = { panel: panel.title, panelId: panel.id, refId: '', choice: name, query: ofPanel[0]?.expr ?? '' }
      put(await orFailed(rowsKey(panel, name), place, async () => judgeRows(panel, place, ofPanel, evaluator)))
    }
    evaluator.end(asked)
  }
  return all
}

async function judgeQuery(
  query: AskedQuery,
  marks: TargetMarks,
  reading: Reading,
  common: Common,
  evaluator: Evaluator,
): Promise<Judged> {
  const failure = placeOf(query)
  const key = queryKey(query)
  const absent = (marks.needs ?? []).filter(need => common.lacking.has(need))
  if (absent.length > 0)
    return { key, failure, verdict: { kind: 'excused', because: `there is no ${absent.join(', ')} here` } }
  const evaluation = await evaluator.evaluate(query)
  const { scrapeMs, rules, metricNames } = common
  const { untilMs, states } = reading
  const judgement = { facts: queryFacts(query.expr), marks, states, scrapeMs, rules, metricNames }
  const isOfCalls = marks.truth !== undefined && isCallMeasure(marks.truth.of)
  if (isOfCalls && states?.now.readCalls !== undefined) states.now.calls = await states.now.readCalls(untilMs)
  const hasTruth = expectedOf(query, judgement) !== undefined
  const first = judge(query, evaluation, judgement)
  const isPastPossible = first.kind === 'failed' && first.settles && marks.truth !== undefined && !isOfCalls
  const history = isPastPossible ? await reading.withHistory() : undefined
  const verdict = history === undefined ? first : judge(query, evaluation, { ...judgement, states: history })
  return { key, failure, verdict: await heldTo(verdict, query, common.api), hasTruth }
}

/** What is wrong with a panel's own patterns. */
async function judgePatterns(panel: Panel, choice: string): Promise<Judged[]> {
  const failure = { panel: panel.title, panelId: panel.id, refId: '', choice, query: '' }
  const key = ['patterns', panel.id, panel.title, choice].join('\u0000')
  const judged = await orFailed(key, failure, async () => {
    const got = panel.targets.length === 0 ? '' : patternFaults(panel).join('; ')
    if (got === '') return { key, failure, verdict: { kind: 'ok', compared: false } }
    const expected = 'patterns that Grafana can use'
    return { key, failure, verdict: { kind: 'failed', problem: 'error', got, expected, hint: '', settles: false } }
  })
  return judged.verdict.kind === 'failed' ? [judged] : []
}

/** Whether a table has rows that can't be told apart. */
async function judgeRows(
  panel: Panel,
  failure: Judged['failure'],
  asked: readonly AskedQuery[],
  evaluator: Evaluator,
): Promise<Judged> {
  const frames = await Promise.all(
    asked.map(async query => ({ refId: query.target.refId, samples: (await evaluator.evaluate(query)).samples })),
  )
  const rows = duplicateRows(panel, frames)
  const key = rowsKey(panel, failure.choice)
  if (rows.length === 0) return { key, failure, verdict: { kind: 'ok', compared: false } }
  const more = rows.length > 3 ? `; and ${rows.length - 3} more` : ''
  const got = `${rows.slice(0, 3).join('; ')}${more}`
  const hint = 'group the queries by the columns that are shown, and join by one that tells all rows apart'
  return {
    key,
    failure,
    verdict: { kind: 'failed', problem: 'duplicate rows', got, expected: 'each row once', hint, settles: true },
  }
}

function judgedVariable(name: string, query: string, choice: string, problem: VariableProblem | undefined): Judged {
  const failure = { panel: `$${name}`, panelId: undefined, refId: '', choice, query }
  const key = ['variable', name, choice].join('\u0000')
  if (problem === undefined) return { key, failure, verdict: { kind: 'ok', compared: false } }
  const isEmpty = problem.refused === undefined
  const got = problem.refused ?? 'no value'
  return {
    key,
    failure,
    verdict: {
      ...{ kind: 'failed', problem: isEmpty ? 'no data' : 'error', got, hint: '', settles: false },
      expected: isEmpty ? 'at least one value' : 'a list of values',
    },
  }
}

/** What was judged; or that it failed, for whatever reason but that no Prometheus answers: the others are judged all the same. */
async function orFailed(key: string, failure: Judged['failure'], judge: () => Promise<Judged>): Promise<Judged> {
  try {
    return await judge()
  } catch (error) {
    return failedJudgement(key, failure, error)
  }
}

/** What is thrown while something is judged, as its verdict. Throws on what no query can be judged with. */
export function failedJudgement(key: string, failure: Judged['failure'], error: unknown): Judged {
  if (error instanceof PrometheusUnreachable) throw error
  const { what, next } = failedPart(error)
  const verdict = { problem: 'error', got: what, expected: 'an answer', hint: next, settles: false } as const
  return { key, failure, verdict: { kind: 'failed', ...verdict } }
}

function placeOf({ panel, target, choice, expr }: AskedQuery): Judged['failure'] {
  return { panel: panel.title, panelId: panel.id, refId: target.refId, choice: choice.name, query: expr }
}

function keyOf({ panel, target }: AskedQuery): string {
  return targetKey(panel.title, target.refId)
}

function queryKey(query: AskedQuery): string {
  const { panel, target, kind, choice } = query
  return [kind, panel.id, panel.title, target.refId, choice.name].join('\u0000')
}

function rowsKey(panel: Panel, choice: string): string {
  return ['rows', panel.id, panel.title, choice].join('\u0000')
}
