import { isDeepStrictEqual } from 'node:util'
import type { Dashboard } from '../../grafana/dashboard-model.ts'
import {
  type CheckContext,
  type CheckResult,
  checkDashboard,
  errorResult,
  type PlannedSelection,
  planSelections,
} from './check-panels.ts'
import type { Verdict } from './check-query.ts'
import { createEvaluator, type Evaluator } from './evaluate-queries.ts'
import type { Reading } from './pass-criteria.ts'
import type { DashboardExpectations, Prerequisite } from './query-expectations.ts'
import { type DashboardResult, type Failure, type PanelResult, verdictOf } from './verify-report.ts'

/** The results of a dashboard so far. */
export interface DashboardCheck {
  readonly failures: readonly Failure[]
  /** Whether a retry may pass. */
  readonly mayPassLater: boolean
  /** Checks again what failed and may pass later (step 3 of pass-criteria.ts). */
  retry(reading: Reading): Promise<void>
  result(): DashboardResult
}

/** A dashboard and its queries. */
export interface DashboardPlan {
  dashboard: Dashboard
  expectations: DashboardExpectations | undefined
  /** Prerequisites of the dashboard that this cluster does not have. If there are any, the plan has no queries. */
  missing: readonly Prerequisite[]
  /** Why the plan has no queries. */
  failed: CheckResult | undefined
  selections: readonly PlannedSelection[]
}

/** Plans one dashboard with each selection of its variables that differs from those before it. */
export async function planDashboard(
  dashboard: Dashboard,
  expectations: DashboardExpectations | undefined,
  reading: Reading,
  context: CheckContext,
): Promise<DashboardPlan> {
  const missing = (expectations?.prerequisites ?? []).filter(each => context.missing.has(each))
  const { planned, failed } =
    missing.length === 0 ? await planOrFail(dashboard, reading, context) : { planned: [], failed: undefined }
  // A variable with one value has the same value in all selections.
  const isSame = (a: PlannedSelection, b: PlannedSelection) => isDeepStrictEqual(a.selection.values, b.selection.values)
  const selections = planned.filter((each, at) => !planned.slice(0, at).some(before => isSame(before, each)))
  return { dashboard, expectations, missing, failed, selections }
}

/** The key of a failure of the whole dashboard. */
const DASHBOARD = 'dashboard'

/** The queries of a dashboard; or none of them, and the error as a failure of the dashboard. */
async function planOrFail(
  dashboard: Dashboard,
  reading: Reading,
  context: CheckContext,
): Promise<{ planned: PlannedSelection[]; failed: CheckResult | undefined }> {
  try {
    return { planned: await planSelections(dashboard, reading, context), failed: undefined }
  } catch (error) {
    const place = { panel: '', panelId: undefined, refId: '', choice: '', query: '' }
    return { planned: [], failed: errorResult(DASHBOARD, place, error) }
  }
}

/** Verifies one dashboard as planned. */
export async function verifyDashboard(
  { dashboard, expectations, missing, failed: planFailure, selections }: DashboardPlan,
  evaluator: Evaluator,
  reading: Reading,
  context: CheckContext,
): Promise<DashboardCheck> {
  let results = [
    ...(planFailure === undefined ? [] : [planFailure]),
    ...(await checkDashboard(dashboard, expectations, reading, context, { selections, evaluator })),
  ]
  const failures = () => results.flatMap(each => failureOf(dashboard, each))
  const retried = () => results.filter(({ verdict }) => verdict.kind === 'failed' && verdict.mayPassLater)

  return {
    get failures() {
      return failures()
    },
    get mayPassLater() {
      return retried().length > 0
    },
    async retry(again) {
      const only = new Set(retried().map(({ key }) => key))
      const { planned, failed } = await planOrFail(dashboard, again, context)
      results = [...results.filter(({ key }) => key !== DASHBOARD), ...(failed === undefined ? [] : [failed])]
      if (failed !== undefined) return
      const evaluator = createEvaluator(
        context.api,
        planned.map(({ queries }) => queries),
      )
      const options = { selections: planned, evaluator, only }
      const now = await checkDashboard(dashboard, expectations, again, context, options)
      const byKey = new Map(now.map(each => [each.key, each]))
      results = results.map(each => (only.has(each.key) ? (byKey.get(each.key) ?? each) : each))
    },
    result() {
      const reasons: DashboardResult['reasons'] = { excused: {}, skipped: {} }
      const count = (of: Record<string, number>, reason: string) => {
        of[reason] = (of[reason] ?? 0) + 1
      }
      for (const { verdict } of results) if (verdict.kind === 'excused') count(reasons.excused, verdict.because)
      for (const { reason } of dashboard.skipped) count(reasons.skipped, reason)
      for (const { targets } of dashboard.panels) {
        for (const { hide } of targets) if (hide) count(reasons.skipped, 'the query is hidden')
      }
      const ok = results.flatMap(({ verdict }) => (verdict.kind === 'ok' ? [verdict] : []))
      for (const { notChecked } of ok) if (notChecked !== undefined) count(reasons.skipped, notChecked)
      const sum = (of: Record<string, number>) => Object.values(of).reduce((all, each) => all + each, 0)
      const byPanel = panelResults(results)
      const [failed, notApplicable] = [failures().length, missing.join(', ')]
      return {
        title: dashboard.title,
        source: dashboard.source,
        panels: dashboard.panels.length,
        queries: results.length,
        ok: ok.length,
        compared: ok.filter(({ compared }) => compared).length,
        showFallback: ok.filter(({ showsFallback }) => showsFallback === true).length,
        failed,
        excused: sum(reasons.excused),
        skipped: sum(reasons.skipped),
        reasons,
        ...truths(results),
        byPanel,
        notApplicable,
        verdict: verdictOf({ failed, byPanel, notApplicable }),
      }
    },
  }
}

function failureOf({ title, source }: Dashboard, { place, verdict }: CheckResult): Failure[] {
  if (verdict.kind !== 'failed') return []
  const { problem, got, expected, hint } = verdict
  return [{ dashboard: title, source, ...place, problem, got, expected, hint }]
}

/** Which queries have an expected value with some selection, and which have none. */
function truths(results: readonly CheckResult[]): Pick<DashboardResult, 'withTruth' | 'withoutTruth'> {
  const queries = new Map<string, { place: CheckResult['place']; hasTruth: boolean }>()
  for (const { place, hasTruth } of results) {
    if (hasTruth === undefined) continue
    const key = `${place.panelId} ${place.refId}`
    const known = queries.get(key)
    queries.set(key, { place: known?.place ?? place, hasTruth: hasTruth || known?.hasTruth === true })
  }
  const without = [...queries.values()].filter(each => !each.hasTruth)
  return {
    withTruth: queries.size - without.length,
    withoutTruth: without.map(({ place: { panel, refId, query } }) => ({ panel, refId, query })),
  }
}

/** The results by panel, without those of variables. */
function panelResults(results: readonly CheckResult[]): PanelResult[] {
  const panels = new Map<number, { panel: string; verdicts: Verdict[] }>()
  for (const { place, verdict } of results) {
    if (place.panelId === undefined) continue
    const known = panels.get(place.panelId)
    panels.set(place.panelId, { panel: place.panel, verdicts: [...(known?.verdicts ?? []), verdict] })
  }
  return [...panels].map(([id, { panel, verdicts }]) => {
    const ok = verdicts.filter(({ kind }) => kind === 'ok')
    return {
      id,
      panel,
      ok: ok.length,
      compared: ok.filter(verdict => verdict.kind === 'ok' && verdict.compared).length,
      failed: verdicts.filter(({ kind }) => kind === 'failed').length,
      excused: [...new Set(verdicts.flatMap(verdict => (verdict.kind === 'excused' ? [verdict.because] : [])))],
    }
  })
}
