import { failedPart } from '../../cli/errors.ts'
import type { Dashboard, Panel } from '../../grafana/dashboard-model.ts'
import { patternFaults } from '../../grafana/panel-patterns.ts'
import { type PrometheusApi, PrometheusUnreachable } from '../../prometheus/prometheus-client.ts'
import { checkQuery, expectedBounds, type Verdict } from './check-query.ts'
import { duplicateRows } from './duplicate-rows.ts'
import type { Evaluator } from './evaluate-queries.ts'
import { checkException, expectationsOfText } from './exceptions.ts'
import { dashboardRange, type PanelQuery, panelQueries, type QueryFacts, queryFacts } from './panel-queries.ts'
import type { Reading } from './pass-criteria.ts'
import { isCallMeasure } from './quantities.ts'
import {
  type DashboardExpectations,
  queryKey as expectationKey,
  type Prerequisite,
  type QueryExpectations,
} from './query-expectations.ts'
import {
  selectionNames,
  selectVariables,
  skippedVariables,
  type VariableProblem,
  type VariableSelection,
} from './variable-selection.ts'
import type { Failure } from './verify-report.ts'
import { withoutFallback } from './without-fallback.ts'

/** What stays the same for all readings of a run. */
export interface CheckContext {
  api: PrometheusApi
  scrapeMs: number
  /** Recording rules by the names of their series. */
  rules: ReadonlyMap<string, QueryFacts>
  /** Undefined where Prometheus does not list them. */
  metricNames: ReadonlySet<string> | undefined
  /** What this cluster does not have. */
  missing: ReadonlySet<Prerequisite>
}

/** The verdict on a query, a variable, the rows of a table or the patterns of a panel. */
export interface CheckResult {
  /** The same for each reading. */
  key: string
  place: Pick<Failure, 'panel' | 'panelId' | 'refId' | 'choice' | 'query'>
  verdict: Verdict
  /** Set for queries of panels: whether an expected value is known. */
  hasTruth?: boolean
}

/** The queries of a dashboard with one selection of its variables. */
export interface PlannedSelection {
  selection: VariableSelection
  problems: readonly VariableProblem[]
  queries: readonly PanelQuery[]
}

/**
 * The queries of a dashboard with each selection of its variables.
 *
 * Throws a LabError when Prometheus can't be reached.
 */
export async function planSelections(
  dashboard: Dashboard,
  { untilMs }: Reading,
  { api, scrapeMs }: CheckContext,
): Promise<PlannedSelection[]> {
  const range = dashboardRange(dashboard, untilMs)
  const metrics = [
    ...new Set(dashboard.panels.flatMap(({ targets }) => targets.flatMap(({ expr }) => queryFacts(expr).metrics))),
  ]
  const planned: PlannedSelection[] = []
  for (const name of selectionNames) {
    const { selection, problems } = await selectVariables(dashboard, name, { api, range, metrics })
    planned.push({ selection, problems, queries: panelQueries(dashboard, selection, { untilMs, scrapeMs }) })
  }
  return planned
}

/**
 * Checks every variable and query of a dashboard, the patterns of its panels and the rows of its tables, with the planned selections; or
 * `only` those with these keys.
 *
 * Throws a LabError when Prometheus can't be reached.
 */
export async function checkDashboard(
  dashboard: Dashboard,
  expectations: DashboardExpectations | undefined,
  reading: Reading,
  context: CheckContext,
  {
    selections,
    evaluator,
    only,
  }: { selections: readonly PlannedSelection[]; evaluator: Evaluator; only?: ReadonlySet<string> },
): Promise<CheckResult[]> {
  const results: CheckResult[] = []
  const failed = new Map<string, boolean>()
  const skipped = skippedVariables(dashboard)
  const check = async (query: PanelQuery) =>
    await errorAsResult(queryKey(query), placeOf(query), async () => {
      if (expectations !== undefined) {
        const expected = expectations.queries.get(expectationKey(query.panel.title, query.target.refId)) ?? {}
        return await checkPanelQuery(query, expected, reading, context, evaluator)
      }
      // The lab's own queries may ask for series that come with the first error; their metrics are in the catalog.
      const result = await checkPanelQuery(query, expectationsOfText(query.expr), reading, context, evaluator)
      return { ...result, verdict: await withoutFallback(result.verdict, query, context.api) }
    })
  const add = (result: CheckResult) => {
    // A query that is the same with two selections counts once, unless it fails only with the second: then it ignores a variable.
    const { panel, panelId, refId, query } = result.place
    const same = [panelId ?? panel, result.key.split('\u0000')[0], refId, query].join('\u0000')
    const isFailed = result.verdict.kind === 'failed'
    const hasFailed = failed.get(same)
    // A retry selects variables again, so that its queries differ; their keys do not.
    const isNew = hasFailed === undefined || (isFailed && !hasFailed)
    if (only === undefined ? isNew : only.has(result.key)) results.push(result)
    failed.set(same, isFailed || hasFailed === true)
  }
  for (const { selection, problems, queries } of selections) {
    const { name } = selection
    for (const variable of dashboard.variables) {
      if (variable.type !== 'query' || skipped.has(variable.name)) continue
      const problem = problems.find(each => each.variable === variable.name)
      add(variableResult(variable.name, problem?.query ?? variable.query, name, problem))
    }
    const wanted = queries.filter(query => only === undefined || only.has(queryKey(query)))
    for (const result of await Promise.all(wanted.map(check))) add(result)
    for (const panel of dashboard.panels) {
      for (const result of await checkPatterns(panel, name)) add(result)
      if (panel.type !== 'table' && panel.type !== 'table-old') continue
      if (only !== undefined && !only.has(rowsKey(panel, name))) continue
      const ofPanel = queries.filter(query => query.panel === panel)
      if (ofPanel.length === 0) continue
      const place = { panel: panel.title, panelId: panel.id, refId: '', choice: name, query: ofPanel[0]?.expr ?? '' }
      add(await errorAsResult(rowsKey(panel, name), place, async () => checkRows(panel, place, ofPanel, evaluator)))
    }
    evaluator.end(queries)
  }
  return results
}

/** Applies steps 1 and 2 of pass-criteria.ts to one query. */
async function checkPanelQuery(
  query: PanelQuery,
  expectations: QueryExpectations,
  reading: Reading,
  { api, missing, ...context }: CheckContext,
  evaluator: Evaluator,
): Promise<CheckResult> {
  const [place, key] = [placeOf(query), queryKey(query)]
  const absent = (expectations.prerequisites ?? []).filter(prerequisite => missing.has(prerequisite))
  if (absent.length > 0)
    return { key, place, verdict: { kind: 'excused', because: `there is no ${absent.join(', ')} here` } }
  const evaluation = await evaluator.evaluate(query)
  const { untilMs, states } = reading
  const isOfCalls = expectations.truth !== undefined && isCallMeasure(expectations.truth.of)
  if (isOfCalls && states?.now.readCalls !== undefined) states.now.calls = await states.now.readCalls(untilMs)
  const given = { ...context, facts: queryFacts(query.expr), expectations, states }
  const hasTruth = expectedBounds(query, given) !== undefined
  const now = checkQuery(query, evaluation, given)
  const mayBeOfThePast = now.kind === 'failed' && now.mayPassLater && !isOfCalls
  const history = mayBeOfThePast ? await reading.withHistory() : undefined
  const verdict = history === undefined ? now : checkQuery(query, evaluation, { ...given, states: history })
  return { key, place, verdict: await checkException(verdict, query, api), hasTruth }
}

/** A failure for the patterns of a panel, if one is wrong. */
async function checkPatterns(panel: Panel, choice: string): Promise<CheckResult[]> {
  const place = { panel: panel.title, panelId: panel.id, refId: '', choice, query: '' }
  const key = ['patterns', panel.id, panel.title, choice].join('\u0000')
  const result = await errorAsResult(key, place, async () => {
    const got = panel.targets.length === 0 ? '' : patternFaults(panel).join('; ')
    if (got === '') return { key, place, verdict: { kind: 'ok', compared: false } }
    const expected = 'patterns that Grafana can use'
    return { key, place, verdict: { kind: 'failed', problem: 'error', got, expected, hint: '', mayPassLater: false } }
  })
  return result.verdict.kind === 'failed' ? [result] : []
}

/** Whether each row of a table can be told from the others. */
async function checkRows(
  panel: Panel,
  place: CheckResult['place'],
  queries: readonly PanelQuery[],
  evaluator: Evaluator,
): Promise<CheckResult> {
  const frames = await Promise.all(
    queries.map(async query => ({ refId: query.target.refId, samples: (await evaluator.evaluate(query)).samples })),
  )
  const rows = duplicateRows(panel, frames)
  const key = rowsKey(panel, place.choice)
  if (rows.length === 0) return { key, place, verdict: { kind: 'ok', compared: false } }
  const more = rows.length > 3 ? `; and ${rows.length - 3} more` : ''
  const got = `${rows.slice(0, 3).join('; ')}${more}`
  const hint = 'group the queries by the columns that are shown, and join by one that tells all rows apart'
  return {
    key,
    place,
    verdict: { kind: 'failed', problem: 'duplicate rows', got, expected: 'each row once', hint, mayPassLater: true },
  }
}

function variableResult(
  name: string,
  query: string,
  choice: string,
  problem: VariableProblem | undefined,
): CheckResult {
  const place = { panel: `$${name}`, panelId: undefined, refId: '', choice, query }
  const key = ['variable', name, choice].join('\u0000')
  if (problem === undefined) return { key, place, verdict: { kind: 'ok', compared: false } }
  const isEmpty = problem.refused === undefined
  return {
    key,
    place,
    verdict: {
      kind: 'failed',
      problem: isEmpty ? 'no data' : 'error',
      got: problem.refused ?? 'no value',
      expected: isEmpty ? 'at least one value' : 'a list of values',
      hint: '',
      mayPassLater: false,
    },
  }
}

/** Gives the result of a check, or its error as a failure, so that one check does not end the others. Throws as `errorResult`. */
async function errorAsResult(
  key: string,
  place: CheckResult['place'],
  check: () => Promise<CheckResult>,
): Promise<CheckResult> {
  try {
    return await check()
  } catch (error) {
    return errorResult(key, place, error)
  }
}

/** An error of a check as a failure. Rethrows a PrometheusUnreachable, without which nothing can be checked. */
export function errorResult(key: string, place: CheckResult['place'], error: unknown): CheckResult {
  if (error instanceof PrometheusUnreachable) throw error
  const { what, next } = failedPart(error)
  const verdict = { problem: 'error', got: what, expected: 'an answer', hint: next, mayPassLater: false } as const
  return { key, place, verdict: { kind: 'failed', ...verdict } }
}

function placeOf({ panel, target, selection, expr }: PanelQuery): CheckResult['place'] {
  return { panel: panel.title, panelId: panel.id, refId: target.refId, choice: selection.name, query: expr }
}

function queryKey({ panel, target, kind, selection }: PanelQuery): string {
  return [kind, panel.id, panel.title, target.refId, selection.name].join('\u0000')
}

function rowsKey(panel: Panel, choice: string): string {
  return ['rows', panel.id, panel.title, choice].join('\u0000')
}
