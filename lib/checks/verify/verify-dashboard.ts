import { isDeepStrictEqual } from 'node:util'
import type { Dashboard } from '../../grafana/dashboard-model.ts'
import {
  type CheckResult,
  checkDashboard,
  errorVerdict,
  keyOf,
  NOWHERE,
  type PlannedSelection,
  planSelections,
} from './check-panels.ts'
import type { CheckContext } from './check-query.ts'
import { createEvaluator, type Evaluator } from './evaluate-queries.ts'
import type { Reading } from './pass-criteria.ts'
import type { DashboardExpectations } from './query-expectations.ts'
import { type DashboardResult, type Failure, type PanelResult, verdictOf } from './verify-report.ts'

/** A dashboard to verify, and what is expected of its queries; undefined for dashboards that are not the lab's own. */
export interface DashboardToVerify {
  dashboard: Dashboard
  expectations: DashboardExpectations | undefined
}

/** The results of a dashboard, or of another part of the report, so far. */
export interface DashboardCheck {
  failures(): readonly Failure[]
  /** Whether a retry may pass. */
  mayPassLater(): boolean
  /** Checks again what failed and may pass later (step 3 of pass-criteria.ts). */
  retry(reading: Reading): Promise<void>
  /** Excuses missing data of the queries for which there is a reason. */
  excuse?(because: (query: string) => Promise<string | undefined>): Promise<void>
  result(): DashboardResult
}

/** A dashboard and its queries. */
export interface DashboardPlan extends DashboardToVerify {
  /** Prerequisites of the dashboard that this cluster does not have, as text. If there are any, the plan has no queries. */
  missing: readonly string[]
  /** Why the plan has no queries, as a failure of the dashboard. */
  failed: readonly CheckResult[]
  selections: readonly PlannedSelection[]
}

/** Plans one dashboard with each selection of its variables. */
export async function planDashboard(
  { dashboard, expectations }: DashboardToVerify,
  reading: Reading,
  context: CheckContext,
): Promise<DashboardPlan> {
  const missing = (expectations?.prerequisites ?? []).flatMap(each => context.missing.get(each) ?? [])
  const plan = { dashboard, expectations, missing, failed: [], selections: [] }
  if (missing.length > 0) return plan
  try {
    return { ...plan, selections: await planSelections(dashboard, reading, context) }
  } catch (error) {
    return { ...plan, failed: [{ what: 'dashboard', place: NOWHERE, verdict: errorVerdict(error) }] }
  }
}

/** The selections that differ from those before them: a variable with one value has it in all selections. */
export function distinctSelections({ selections }: DashboardPlan): PlannedSelection[] {
  const isSame = (a: PlannedSelection, b: PlannedSelection) => isDeepStrictEqual(a.selection.values, b.selection.values)
  return selections.filter((each, at) => !selections.slice(0, at).some(before => isSame(before, each)))
}

/** Verifies one dashboard as planned. */
export async function verifyDashboard(
  plan: DashboardPlan,
  evaluator: Evaluator,
  reading: Reading,
  context: CheckContext,
): Promise<DashboardCheck> {
  const { dashboard } = plan
  let results = [...plan.failed, ...(await checkDashboard(dashboard, reading, context, { ...plan, evaluator }))]
  const retried = () => results.filter(({ verdict }) => verdict.kind === 'failed' && verdict.mayPassLater)
  const failures = () =>
    results.flatMap(({ place, verdict }): Failure[] => {
      if (verdict.kind !== 'failed') return []
      const { problem, got, expected, hint, cause } = verdict
      return [{ dashboard: dashboard.title, source: dashboard.source, ...place, problem, got, expected, hint, cause }]
    })

  return {
    failures,
    mayPassLater: () => retried().length > 0,
    async retry(again) {
      const only = new Set(retried().map(keyOf))
      const { failed, selections } = await planDashboard(plan, again, context)
      results = [...results.filter(({ what }) => what !== 'dashboard'), ...failed]
      if (failed.length > 0) return
      const steps = selections.map(({ queries }) => queries)
      const checks = { ...plan, selections, evaluator: createEvaluator(context.api, steps), only }
      const now = new Map((await checkDashboard(dashboard, again, context, checks)).map(each => [keyOf(each), each]))
      results = results.map(each => now.get(keyOf(each)) ?? each)
    },
    async excuse(because) {
      const excused = async (result: CheckResult): Promise<CheckResult> => {
        if (result.verdict.kind !== 'failed' || !/^(no data|NaN or Inf)$/.test(result.verdict.problem)) return result
        const text = await because(result.place.query)
        return text === undefined ? result : { ...result, verdict: { kind: 'excused', because: text } }
      }
      results = await Promise.all(results.map(excused))
    },
    result() {
      const ok = results.flatMap(({ verdict }) => (verdict.kind === 'ok' ? [verdict] : []))
      const excused = results.flatMap(({ verdict }) => (verdict.kind === 'excused' ? [verdict.because] : []))
      const hidden = dashboard.panels.flatMap(({ targets }) => targets.filter(({ hide }) => hide))
      const skipped = [
        ...dashboard.skipped.map(({ reason }) => reason),
        ...hidden.map(() => 'the query is hidden'),
        ...ok.flatMap(({ notChecked }) => notChecked ?? []),
      ]
      const counts = {
        failed: failures().length,
        byPanel: panelResults(results),
        notApplicable: plan.missing.join(', '),
      }
      return {
        title: dashboard.title,
        source: dashboard.source,
        panels: dashboard.panels.length,
        queries: results.length,
        ok: ok.length,
        compared: ok.filter(({ compared }) => compared).length,
        showFallback: ok.filter(({ showsFallback }) => showsFallback === true).length,
        excused: excused.length,
        skipped: skipped.length,
        reasons: { excused: tally(excused), skipped: tally(skipped) },
        ...truths(results),
        ...counts,
        verdict: verdictOf(counts),
      }
    },
  }
}

/** How often each text occurs. */
export function tally(texts: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const text of texts) counts[text] = (counts[text] ?? 0) + 1
  return counts
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
  const panels = new Map<number, PanelResult & { excused: string[] }>()
  for (const { place, verdict } of results) {
    if (place.panelId === undefined) continue
    const empty = { id: place.panelId, panel: place.panel, ok: 0, compared: 0, failed: 0, excused: [] }
    const panel = panels.get(place.panelId) ?? empty
    panels.set(place.panelId, panel)
    if (verdict.kind === 'failed') panel.failed++
    else if (verdict.kind === 'excused') panel.excused = [...new Set([...panel.excused, verdict.because])]
    else {
      panel.ok++
      if (verdict.compared) panel.compared++
    }
  }
  return [...panels.values()]
}
