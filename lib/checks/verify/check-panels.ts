import { failedPart } from '../../cli/errors.ts'
import type { Dashboard, Panel, Variable } from '../../grafana/dashboard-model.ts'
import { patternFaults } from '../../grafana/panel-patterns.ts'
import { labelValuesQuery, queryForm } from '../../grafana/variable-values.ts'
import { PrometheusUnreachable } from '../../prometheus/prometheus-client.ts'
import {
  type CheckContext,
  checkQuery,
  emptyHint,
  expectedBounds,
  finalFailure,
  firstOf,
  unknownVariables,
  type Verdict,
} from './check-query.ts'
import { duplicateRows } from './duplicate-rows.ts'
import { type ExplainedQuery, withCause } from './empty-cause.ts'
import type { Evaluator } from './evaluate-queries.ts'
import { checkException, expectationsOfText } from './exceptions.ts'
import { dashboardRange, type PanelQuery, panelQueries, queryFacts } from './panel-queries.ts'
import type { Reading } from './pass-criteria.ts'
import { isCallMeasure } from './quantities.ts'
import { type DashboardExpectations, type QueryExpectations, queryKey } from './query-expectations.ts'
import {
  selectionNames,
  selectVariables,
  skippedVariables,
  type VariableProblem,
  type VariableSelection,
} from './variable-selection.ts'
import type { Failure } from './verify-report.ts'
import { withoutFallback } from './without-fallback.ts'

/** The verdict on one check. */
export interface CheckResult {
  /** `instant` and `range` are queries of panels; `rows` are those of a table; `dashboard` is a failure of the whole. */
  what: 'variable' | PanelQuery['kind'] | 'patterns' | 'rows' | 'dashboard'
  place: Pick<Failure, 'panel' | 'panelId' | 'refId' | 'choice' | 'query'>
  verdict: Verdict
  /** Set for queries of panels: whether an expected value is known. */
  hasTruth?: boolean
}

/** The key of a check, the same for each reading. */
export function keyOf({ what, place }: Pick<CheckResult, 'what' | 'place'>): string {
  return [what, place.panelId, place.panel, place.refId, place.choice].join('\u0000')
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

/** What to check of a dashboard. */
interface DashboardChecks {
  expectations: DashboardExpectations | undefined
  selections: readonly PlannedSelection[]
  evaluator: Evaluator
  /** The keys of the checks to repeat; undefined for all. */
  only?: ReadonlySet<string>
}

/**
 * Checks every variable and query of a dashboard, the patterns of its panels and the rows of its tables, with the
 * planned selections.
 *
 * Throws a LabError when Prometheus can't be reached.
 */
export async function checkDashboard(
  dashboard: Dashboard,
  reading: Reading,
  context: CheckContext,
  { expectations, selections, evaluator, only }: DashboardChecks,
): Promise<CheckResult[]> {
  const results: CheckResult[] = []
  const range = dashboardRange(dashboard, reading.untilMs)
  const failed = new Map<string, boolean>()
  const skipped = skippedVariables(dashboard)
  const variables = dashboard.variables.filter(({ name, type }) => type === 'query' && !skipped.has(name))
  for (const { selection, problems, queries } of selections) {
    const check = async (
      what: CheckResult['what'],
      place: Partial<CheckResult['place']>,
      verdict: () => Promise<Pick<CheckResult, 'verdict' | 'hasTruth'>>,
    ): Promise<CheckResult[]> => {
      const given = { what, place: { ...NOWHERE, choice: selection.name, ...place } }
      if (only !== undefined && !only.has(keyOf(given))) return []
      return [{ ...given, ...(await verdict().catch(error => ({ verdict: errorVerdict(error) }))) }]
    }
    const checks = [
      ...variables.map(variable => {
        const { name, query } = variable
        const problem = problems.find(each => each.variable === name)
        const place = { panel: `$${name}`, query: problem?.query ?? query }
        const { options } = selection
        const known = { ...context, state: reading.states?.now, range, stepMs: context.scrapeMs, options }
        return check('variable', place, async () => ({
          verdict: await variableVerdict(variable, problem, evaluator, known),
        }))
      }),
      ...queries.map(query => {
        const { panel, target, expr } = query
        const place = { panel: panel.title, panelId: panel.id, refId: target.refId, query: expr }
        return check(query.kind, place, async () => {
          if (expectations !== undefined) {
            const expected = expectations.queries.get(queryKey(panel.title, target.refId)) ?? {}
            return await checkPanelQuery(query, expected, reading, context, evaluator)
          }
          // The lab's own queries may ask for series that come with the first error; their metrics are in the catalog.
          const result = await checkPanelQuery(query, expectationsOfText(expr), reading, context, evaluator)
          const known = { ...context, state: reading.states?.now }
          const explained = { ...query, written: target.expr, options: query.selection.options }
          const verdict = await withCause(result.verdict, explained, evaluator, known)
          return { ...result, verdict: await withoutFallback(verdict, query, context) }
        })
      }),
      ...dashboard.panels.flatMap(panel => {
        const place = { panel: panel.title, panelId: panel.id }
        const ofPanel = queries.filter(query => query.panel === panel)
        const isTable = panel.type === 'table' || panel.type === 'table-old'
        return [
          check('patterns', place, async () => ({ verdict: patternsVerdict(panel) })),
          ...(isTable && ofPanel.length > 0
            ? [
                check('rows', { ...place, query: ofPanel[0]?.expr ?? '' }, async () => {
                  return { verdict: await rowsVerdict(panel, ofPanel, evaluator) }
                }),
              ]
            : []),
        ]
      }),
    ]
    for (const result of (await Promise.all(checks)).flat()) add(result)
    evaluator.end(queries)
  }
  return results

  function add(result: CheckResult): void {
    const { what, place, verdict } = result
    // Patterns are no query, so they count only when they fail.
    if (what === 'patterns' && verdict.kind === 'ok') return
    // A query that is the same with two selections counts once, unless it fails only with the second: then it ignores a
    // variable.
    const same = keyOf({ what, place: { ...place, choice: place.query } })
    const isFailed = verdict.kind === 'failed'
    const hasFailed = failed.get(same)
    // A retry selects variables again, so that its queries differ; their keys do not.
    if (only !== undefined || hasFailed === undefined || (isFailed && !hasFailed)) results.push(result)
    failed.set(same, isFailed || hasFailed === true)
  }
}

/** The place of a check that belongs to no panel. */
export const NOWHERE: CheckResult['place'] = { panel: '', panelId: undefined, refId: '', choice: '', query: '' }

const OK: Verdict = { kind: 'ok', compared: false }

/** Applies steps 1 and 2 of pass-criteria.ts to one query. */
async function checkPanelQuery(
  query: PanelQuery,
  expectations: QueryExpectations,
  reading: Reading,
  context: CheckContext,
  evaluator: Evaluator,
): Promise<Pick<CheckResult, 'verdict' | 'hasTruth'>> {
  const { api, missing } = context
  const absent = (expectations.prerequisites ?? []).flatMap(prerequisite => missing.get(prerequisite) ?? [])
  if (absent.length > 0) return { verdict: { kind: 'excused', because: `there is no ${absent.join(', ')} here` } }
  const evaluation = await evaluator.evaluate(query)
  const { untilMs, states } = reading
  const isOfCalls = expectations.truth !== undefined && isCallMeasure(expectations.truth.of)
  if (isOfCalls && states?.now.readCalls !== undefined) states.now.calls = await states.now.readCalls(untilMs)
  const given = { ...context, facts: queryFacts(query.expr), expectations, states }
  const now = checkQuery(query, evaluation, given)
  const mayBeOfThePast = now.kind === 'failed' && now.mayPassLater && !isOfCalls
  const history = mayBeOfThePast ? await reading.withHistory() : undefined
  const verdict = history === undefined ? now : checkQuery(query, evaluation, { ...given, states: history })
  const hasTruth = expectedBounds(query, given) !== undefined
  return { verdict: await checkException(verdict, query, api), hasTruth }
}

function patternsVerdict(panel: Panel): Verdict {
  const got = panel.targets.length === 0 ? '' : patternFaults(panel).join('; ')
  return got === '' ? OK : finalFailure('error', got, 'patterns that Grafana can use')
}

/** Whether each row of a table can be told from the others. */
async function rowsVerdict(panel: Panel, queries: readonly PanelQuery[], evaluator: Evaluator): Promise<Verdict> {
  const frames = await Promise.all(
    queries.map(async query => ({ refId: query.target.refId, samples: (await evaluator.evaluate(query)).samples })),
  )
  const rows = duplicateRows(panel, frames)
  if (rows.length === 0) return OK
  const hint = 'group the queries by the columns that are shown, and join by one that tells all rows apart'
  return { ...finalFailure('duplicate rows', firstOf(rows, 3), 'each row once', { hint }), mayPassLater: true }
}

/** Why a variable has no values. */
async function variableVerdict(
  { query: written, regex }: Variable,
  problem: VariableProblem | undefined,
  evaluator: Evaluator,
  known: Parameters<typeof withCause>[3] & Pick<ExplainedQuery, 'range' | 'stepMs' | 'options'>,
): Promise<Verdict> {
  if (problem === undefined) return OK
  const { query, refused } = problem
  const unknown = unknownVariables(query)
  if (refused !== undefined) return finalFailure('error', refused, 'a list of values', unknown)
  const { selector, label } = labelValuesQuery(query) ?? { selector: resultQuery(query), label: '' }
  const hint = unknown.cause === undefined ? emptyHint(queryFacts(selector).metrics, known) : unknown
  const failed = finalFailure('no data', 'no value', 'at least one value', hint)
  if (hint.cause !== undefined || selector === '') return failed
  const writtenSelector = labelValuesQuery(written)?.selector ?? resultQuery(written)
  const verdict = await withCause(failed, { ...known, expr: selector, written: writtenSelector }, evaluator, known)
  if (verdict !== failed || regex !== '' || label === '') return verdict
  const missing = { name: 'label', subject: `${selector} ${label}` } as const
  return { ...failed, hint: `${selector} has no label ${label}`, cause: missing }
}

/** The expression of `query_result(expr)`, or of a query without a form. */
function resultQuery(query: string): string {
  const { form, inside } = queryForm(query)
  return form === 'query_result' ? inside : query
}

/** An error as a failure, so that one check does not end the others. Rethrows a PrometheusUnreachable. */
export function errorVerdict(error: unknown): Verdict {
  if (error instanceof PrometheusUnreachable) throw error
  const { what, next } = failedPart(error)
  return finalFailure('error', what, 'an answer', { hint: next })
}
