import { setTimeout as sleep } from 'node:timers/promises'
import { LabError } from '../../cli/errors.ts'
import type { RefusedFile } from '../../grafana/dashboard-files.ts'
import type { Dashboard } from '../../grafana/dashboard-model.ts'
import { type PrometheusApi, PrometheusUnreachable, QueryError } from '../../prometheus/prometheus-client.ts'
import { createEvaluator } from './evaluate-queries.ts'
import { queryFacts } from './panel-queries.ts'
import type { Reading, StateReader } from './pass-criteria.ts'
import { metricsOnNode, placementQuery, podsOnWrongNode } from './placement.ts'
import { missingPrerequisites } from './prerequisites.ts'
import type { DashboardExpectations } from './query-expectations.ts'
import { createReadings, readingWithoutCluster } from './read-states.ts'
import { type DashboardCheck, planDashboard, verifyDashboard } from './verify-dashboard.ts'
import type { DashboardResult, Failure, VerifyReport } from './verify-report.ts'

/** A dashboard to verify, and what is expected of its queries; undefined for dashboards that are not the lab's own. */
export interface DashboardToVerify {
  dashboard: Dashboard
  expectations: DashboardExpectations | undefined
}

/** Loaded dashboards, and the files that could not be read. */
export interface DashboardsToVerify {
  dashboards: readonly DashboardToVerify[]
  refused: readonly RefusedFile[]
}

export interface VerifyOptions extends DashboardsToVerify {
  api: PrometheusApi
  /** The datasource's `timeInterval`: the collection interval. */
  scrapeMs: number
  /** Undefined without a cluster; then numbers are not compared. */
  truth: StateReader | undefined
  /**
   * A lab of simulated nodes, which has all prerequisites but optional ones: traced applications and KWOK's metrics.
   */
  isKwokLab: boolean
  /** How long failures that may pass later are retried. */
  retryMs: number
  onProgress?: (text: string) => void
}

/** The title under which wrong nodes of pods are reported. */
export const PLACEMENT = "Pods' series"

/**
 * Runs every query of every dashboard as Grafana would, and checks the results. pass-criteria.ts defines when a
 * number passes, and how long verify retries while the cluster changes.
 *
 * A cluster that can't be read is a failure; one that can't be read for a retry is noted. Throws a LabError when
 * Prometheus can't be reached.
 */
export async function verify(options: VerifyOptions): Promise<VerifyReport> {
  const { api, dashboards, refused, truth, onProgress = () => {} } = options
  const startedMs = performance.now()
  const noted: string[] = []
  // Queries run also without a cluster.
  const readStates = createReadings(truth, options.scrapeMs)
  const first = await readStates().catch((error: unknown) => {
    if (!(error instanceof LabError)) throw error
    noted.push(error.message)
    return readingWithoutCluster()
  })
  await api.probe()
  const missing = await missingPrerequisites(api, options.isKwokLab, first.untilMs)
  // Some databases with a PromQL API have no rules.
  const recorded = (await orNone(api.recordingRules())) ?? []
  const rules = new Map([...recorded].map(([name, query]) => [name, queryFacts(query)]))
  const names = await orNone(api.labelValues('__name__', undefined, lastHour(first.untilMs)))
  const metricNames = names && new Set(names)
  const context = { api, scrapeMs: options.scrapeMs, rules, metricNames, missing }

  const checks: DashboardCheck[] = []
  onProgress('values of variables')
  const plans = await Promise.all(
    dashboards.map(({ dashboard, expectations }) => planDashboard(dashboard, expectations, first, context)),
  )
  const evaluator = createEvaluator(
    api,
    plans.flatMap(({ selections }) => selections.map(({ queries }) => queries)),
  )
  // In parallel: it takes some seconds on a large cluster.
  const placed = placementFailures(api, first)
  placed.catch(() => {})
  for (const [index, plan] of plans.entries()) {
    onProgress(`${plan.dashboard.title} (${index + 1} of ${dashboards.length})`)
    checks.push(await verifyDashboard(plan, evaluator, first, context))
  }
  let wrongNodes = await placed
  const endMs = performance.now() + options.retryMs
  let waitedMs = 0
  let unreadAgain: string | undefined
  while (
    (wrongNodes.length > 0 || checks.some(check => check.mayPassLater)) &&
    performance.now() + options.scrapeMs < endMs
  ) {
    const count = checks.reduce((sum, check) => sum + check.failures.length, wrongNodes.length)
    onProgress(`${count} failed; retrying, as the cluster may have changed`)
    await sleep(options.scrapeMs)
    waitedMs += options.scrapeMs
    const reading = await readStates().catch((error: unknown) => {
      if (!(error instanceof LabError) || error instanceof PrometheusUnreachable) throw error
      unreadAgain ??= `Some retries of failures could not read the cluster: ${error.message}`
      return undefined
    })
    if (reading === undefined) continue
    for (const check of checks) if (check.mayPassLater) await check.retry(reading)
    if (wrongNodes.length > 0) wrongNodes = await placementFailures(api, reading)
  }
  const unread = noted.map(got => ({
    ...unreadableFailure({ source: 'The cluster', error: new LabError(got) }),
    expected: 'its objects',
  }))
  const results = checks.map(check => check.result())
  const unreadable = [...refused.map(unreadableFailure), ...unread]
  return {
    prometheusUrl: api.url,
    time: new Date(first.untilMs).toISOString(),
    truth: first.states === undefined ? '' : (truth?.name ?? ''),
    notes: [...notesOf(first), ...(unreadAgain === undefined ? [] : [unreadAgain])],
    dashboards: [
      ...results,
      ...(first.states === undefined ? [] : [placementResult(wrongNodes)]),
      ...unreadable.map(({ source }) => resultOf(source, { failed: 1 })),
    ],
    failures: [...checks.flatMap(check => check.failures), ...wrongNodes, ...unreadable],
    slowest: slowest(api),
    requests: api.timings.length,
    seconds: (performance.now() - startedMs - waitedMs) / 1_000,
    waitedSeconds: waitedMs / 1_000,
  }
}

/** Notes that precede the failures. */
function notesOf({ states }: Reading): string[] {
  if (states === undefined) return ['No cluster is known for this Prometheus, so numbers are not compared']
  const { nodes, pods, clusterName } = states.now.snapshot
  if (nodes.length === 0) return [`Cluster ${clusterName} has no nodes: there is nothing to measure`]
  const isIdle = pods.every(({ phase }) => phase !== 'Running')
  return isIdle ? [`Cluster ${clusterName} has no running pods: there is no usage`] : []
}

/** An optional answer. */
async function orNone<T>(answer: Promise<T>): Promise<T | undefined> {
  return await answer.catch((error: unknown) => {
    if (error instanceof QueryError) return undefined
    throw error
  })
}

function lastHour(untilMs: number): { fromMs: number; untilMs: number } {
  return { fromMs: untilMs - 3_600_000, untilMs }
}

async function placementFailures(api: PrometheusApi, { states, untilMs }: Reading): Promise<Failure[]> {
  if (states === undefined) return []
  const { snapshot } = states.now
  const query = placementQuery(snapshot.clusterName)
  const place = {
    ...{ dashboard: PLACEMENT, source: PLACEMENT, panel: 'node of each pod', panelId: undefined },
    ...{ refId: '', choice: '', query },
  }
  let samples: Awaited<ReturnType<typeof api.instant>>
  try {
    samples = await api.instant(query, untilMs)
  } catch (error) {
    if (!(error instanceof QueryError)) throw error
    return [{ ...place, problem: 'error', got: error.why, expected: 'an answer', hint: '' }]
  }
  const wrong = podsOnWrongNode(samples, snapshot)
  const [first] = wrong
  if (first === undefined) return []
  const names = (await orNone(metricsOnNode(api, first, untilMs))) ?? []
  const more = wrong.length > 1 ? `; and ${wrong.length - 1} more pods` : ''
  return [
    {
      ...place,
      problem: 'wrong node',
      got: `${first.where}: ${first.got}${more}`,
      expected: `${first.where}: ${first.expected}`,
      hint: `among them ${names.join(', ')}: see which processor of the collector sets k8s.node.name`,
    },
  ]
}

function placementResult(failures: readonly Failure[]): DashboardResult {
  const isOk = failures.length === 0
  return resultOf(PLACEMENT, { queries: 1, ok: isOk ? 1 : 0, compared: isOk ? 1 : 0, failed: isOk ? 0 : 1 })
}

function unreadableFailure({ source, error }: RefusedFile): Failure {
  return {
    ...{ dashboard: source, source, panel: '', panelId: undefined, refId: '', choice: '' },
    ...{ problem: 'unreadable', query: '' },
    ...{ got: error.message, expected: 'a Grafana dashboard', hint: error.next ?? '' },
  }
}

/** The result of something that is not a dashboard. */
function resultOf(title: string, counts: Partial<DashboardResult>): DashboardResult {
  const none = { panels: 0, queries: 0, ok: 0, failed: 0, excused: 0, compared: 0, showFallback: 0, skipped: 0 }
  return {
    ...{ title, source: title, verdict: counts.failed ? 'failed' : 'ok' },
    byPanel: [],
    ...none,
    ...{ withTruth: 0, withoutTruth: [] },
    reasons: { excused: {}, skipped: {} },
    notApplicable: '',
    ...counts,
  }
}

function slowest({ timings }: PrometheusApi): VerifyReport['slowest'] {
  const longest = new Map<string, number>()
  for (const { query, durationMs } of timings) longest.set(query, Math.max(durationMs, longest.get(query) ?? 0))
  return [...longest]
    .sort((a, b) => b[1] - a[1])
    .slice(0, 10)
    .map(([query, durationMs]) => ({ query, seconds: durationMs / 1_000 }))
}
