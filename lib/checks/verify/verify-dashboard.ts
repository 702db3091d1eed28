import type { Dashboard } from '../../grafana/dashboard-model.ts'
import { type CheckResult, checkDashboard, errorVerdict, keyOf, NOWHERE } from './check-panels.ts'
import type { CheckContext } from './check-query.ts'
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

/** Verifies one dashboard. */
export async function verifyDashboard(
  { dashboard, expectations }: DashboardToVerify,
  reading: Reading,
  context: CheckContext,
): Promise<DashboardCheck> {
  const missing = (expectations?.prerequisites ?? []).flatMap(each => context.missing.get(each) ?? [])
  const check = async (now: Reading, only?: ReadonlySet<string>) =>
    await checkDashboard(dashboard, now, context, expectations, only).catch((error): CheckResult[] => [
      { what: 'dashboard', place: NOWHERE, verdict: errorVerdict(error) },
    ])
  let results = missing.length > 0 ? [] : await check(reading)
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
      const now = await check(again, new Set(retried().map(keyOf)))
      const byKey = new Map(now.map(each => [keyOf(each), each]))
      const isOfAll = ({ what }: CheckResult) => what === 'dashboard'
      results = [
        ...results.filter(each => !isOfAll(each)).map(each => byKey.get(keyOf(each)) ?? each),
        ...now.filter(isOfAll),
      ]
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
        notApplicable: missing.join(', '),
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
