import { isDeepStrictEqual } from 'node:util'
import type { Dashboard } from '../../grafana/dashboard-model.ts'
import { type Common, failedJudgement, type Judged, judgeAll, type PlannedChoice, planChoices } from './check-panels.ts'
import { createEvaluator, type Evaluator } from './evaluate-queries.ts'
import type { Reading } from './pass-criteria.ts'
import type { DashboardMarks, Need } from './query-expectations.ts'
import { type DashboardResult, type Failure, type PanelResult, verdictOf } from './verify-report.ts'

/** What has been found of a dashboard so far. */
export interface Round {
  readonly failures: readonly Failure[]
  /** Whether some of them may pass when looked at again. */
  readonly settles: boolean
  /** Checks again what failed. */
  retry(reading: Reading): Promise<void>
  result(): DashboardResult
}

/** A dashboard, and what will be asked of it. */
export interface DashboardPlan {
  dashboard: Dashboard
  marks: DashboardMarks | undefined
  /** What it needs and this cluster lacks; then nothing is asked. */
  absent: readonly Need[]
  /** Why nothing of it can be asked. */
  failed: Judged | undefined
  choices: readonly PlannedChoice[]
}

/** Plans one dashboard under every choice of its variables that differs from those before it. */
export async function planDashboard(
  dashboard: Dashboard,
  marks: DashboardMarks | undefined,
  reading: Reading,
  common: Common,
): Promise<DashboardPlan> {
  const absent = (marks?.needs ?? []).filter(need => common.lacking.has(need))
  const { planned, failed } =
    absent.length === 0 ? await planOrFail(dashboard, reading, common) : { planned: [], failed: undefined }
  // Of one cluster, one and several are the same, and without variables all three are.
  const isSame = (a: PlannedChoice, b: PlannedChoice) => isDeepStrictEqual(a.choice.values, b.choice.values)
  const choices = planned.filter((each, at) => !planned.slice(0, at).some(before => isSame(before, each)))
  return { dashboard, marks, absent, failed, choices }
}

/** The queries of a dashboard; or none of them, and the error as a failure of the dashboard. */
async function planOrFail(
  dashboard: Dashboard,
  reading: Reading,
  common: Common,
): Promise<{ planned: PlannedChoice[]; failed: Judged | undefined }> {
  try {
    return { planned: await planChoices(dashboard, reading, common), failed: undefined }
  } catch (error) {
    const place = { panel: '', panelId: undefined, refId: '', choice: '', query: '' }
    return { planned: [], failed: failedJudgement(DASHBOARD, place, error) }
  }
}

/** The key of a failure of the whole dashboard. */
const DASHBOARD = 'dashboard'

/** Verifies one dashboard as it was planned. */
export async function verifyDashboard(
  { dashboard, marks, absent, failed: unplanned, choices }: DashboardPlan,
  evaluator: Evaluator,
  reading: Reading,
  common: Common,
): Promise<Round> {
  let judged = [
    ...(unplanned === undefined ? [] : [unplanned]),
    ...(await judgeAll(dashboard, marks, reading, common, { choices, evaluator })),
  ]
  const failuresOf = () => judged.flatMap(each => failureOf(dashboard, each))

  return {
    get failures() {
      return failuresOf()
    },
    get settles() {
      return judged.some(({ verdict }) => verdict.kind === 'failed' && verdict.settles)
    },
    async retry(again) {
      const failed = new Set(
        judged.filter(({ verdict }) => verdict.kind === 'failed' && verdict.settles).map(({ key }) => key),
      )
      const { planned: choices, failed: unplanned } = await planOrFail(dashboard, again, common)
      judged = [...judged.filter(({ key }) => key !== DASHBOARD), ...(unplanned === undefined ? [] : [unplanned])]
      if (unplanned !== undefined) return
      const evaluator = createEvaluator(
        common.api,
        choices.map(({ asked }) => asked),
      )
      const now = await judgeAll(dashboard, marks, again, common, { choices, evaluator, only: failed })
      const verdicts = new Map(now.map(each => [each.key, each]))
      judged = judged.map(each => (failed.has(each.key) ? (verdicts.get(each.key) ?? each) : each))
    },
    result() {
      const reasons: DashboardResult['reasons'] = { excused: {}, skipped: {} }
      const count = (of: Record<string, number>, reason: string) => {
        of[reason] = (of[reason] ?? 0) + 1
      }
      for (const { verdict } of judged) if (verdict.kind === 'excused') count(reasons.excused, verdict.because)
      for (const { reason } of dashboard.skipped) count(reasons.skipped, reason)
      for (const { targets } of dashboard.panels) {
        for (const { hide } of targets) if (hide) count(reasons.skipped, 'the query is hidden')
      }
      const sum = (of: Record<string, number>) => Object.values(of).reduce((all, each) => all + each, 0)
      const fine = judged.flatMap(({ verdict }) => (verdict.kind === 'ok' ? [verdict.compared] : []))
      const byPanel = panelResults(judged)
      const [failed, notApplicable] = [failuresOf().length, absent.join(', ')]
      return {
        ...{
          title: dashboard.title,
          source: dashboard.source,
          panels: dashboard.panels.length,
          queries: judged.length,
        },
        ...{ ok: fine.length, compared: fine.filter(compared => compared).length },
        showFallback: judged.filter(({ verdict }) => verdict.kind === 'ok' && verdict.showsFallback === true).length,
        ...{ failed, excused: sum(reasons.excused), skipped: sum(reasons.skipped), reasons },
        ...truths(judged),
        ...{ byPanel, notApplicable, verdict: verdictOf({ failed, byPanel, notApplicable }) },
      }
    },
  }
}

function failureOf({ title, source }: Dashboard, { failure, verdict }: Judged): Failure[] {
  if (verdict.kind !== 'failed') return []
  const { problem, got, expected, hint } = verdict
  return [{ dashboard: title, source, ...failure, problem, got, expected, hint }]
}

/** Which queries have a truth under some choice, and which under none. */
function truths(judged: readonly Judged[]): Pick<DashboardResult, 'withTruth' | 'withoutTruth'> {
  const queries = new Map<string, Judged & { known: boolean }>()
  for (const each of judged) {
    if (each.hasTruth === undefined) continue
    const key = `${each.failure.panelId} ${each.failure.refId}`
    const earlier = queries.get(key)
    queries.set(key, { ...(earlier ?? each), known: each.hasTruth || earlier?.known === true })
  }
  const untold = [...queries.values()].filter(({ known }) => !known)
  return {
    withTruth: queries.size - untold.length,
    withoutTruth: untold.map(({ failure: { panel, refId, query } }) => ({ panel, refId, query })),
  }
}

/** Of panels alone, not of variables. */
function panelResults(judged: readonly Judged[]): PanelResult[] {
  const panels = new Map(
    judged.flatMap(({ failure: { panelId, panel } }) => (panelId === undefined ? [] : [[panelId, panel] as const])),
  )
  return [...panels].map(([id, panel]) => {
    const verdicts = judged.filter(({ failure }) => failure.panelId === id).map(({ verdict }) => verdict)
    const fine = verdicts.flatMap(verdict => (verdict.kind === 'ok' ? [verdict.compared] : []))
    return {
      ...{ id, panel },
      ok: fine.length,
      compared: fine.filter(compared => compared).length,
      failed: verdicts.filter(({ kind }) => kind === 'failed').length,
      excused: [...new Set(verdicts.flatMap(verdict => (verdict.kind === 'excused' ? [verdict.because] : [])))],
    }
  })
}
