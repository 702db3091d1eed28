import { setTimeout as sleep } from 'node:timers/promises'
import { LabError } from '../../cli/errors.ts'
import { nearestAmong } from '../../cli/nearest-name.ts'
import type { Settings } from '../../cli/settings.ts'
import type { RefusedFile, Sources } from '../../kube/source-documents.ts'
import { orNone, type PrometheusApi, PrometheusUnreachable } from '../../prometheus/prometheus-client.ts'
import type { RuleFile } from '../../prometheus/rule-files.ts'
import { type FindSeries, knownSeries } from '../lint/lab-metrics.ts'
import type { CatalogMetric } from '../lint/metric-catalog.ts'
import { checkRules, ruleNotes } from './check-rules.ts'
import { type EndedSeries, endedBy } from './ended-series.ts'
import { createEvaluator } from './evaluate-queries.ts'
import { queryFacts } from './panel-queries.ts'
import type { Reading, StateReader } from './pass-criteria.ts'
import { checkPlacement } from './placement.ts'
import { dialectsOf, missingPrerequisites } from './prerequisites.ts'
import { createReadings, readingWithoutCluster } from './read-states.ts'
import { type LabCommands, scrapeProblems, withDownPart } from './scrape-problems.ts'
import {
  type DashboardCheck,
  type DashboardToVerify,
  distinctSelections,
  planDashboard,
  verifyDashboard,
} from './verify-dashboard.ts'
import { type Failure, otherResult, unreadable, type VerifyReport } from './verify-report.ts'

export type { DashboardToVerify } from './verify-dashboard.ts'

/** Loaded dashboards, and the files that could not be read. */
export interface DashboardsToVerify {
  dashboards: readonly DashboardToVerify[]
  refused: readonly RefusedFile[]
  /** The metrics that labs can have, with the values of labels that can have few. Reading them takes a part of a second. */
  catalog?: (() => readonly CatalogMetric[]) | undefined
}

export interface VerifyOptions extends DashboardsToVerify {
  api: PrometheusApi
  /** The datasource's `timeInterval`: the collection interval. */
  scrapeMs: number
  /** Undefined without a cluster; then numbers are not compared. */
  truth: StateReader | undefined
  /**
   * METRICS of a lab of simulated nodes, which has all prerequisites but optional ones: traced applications, KWOK's metrics, and the
   * dialect of metrics that it leaves out. Undefined elsewhere.
   */
  metrics: Settings['metrics'] | undefined
  /** The commands that show the state of the lab, and that restore the rights of kube-state-metrics. */
  commands?: LabCommands
  /** The parts of the lab that do not run. */
  stopped?: readonly string[]
  /** The series that running scenarios have ended. */
  ended?: readonly EndedSeries[]
  /** Rules of the user. */
  rules?: Sources<RuleFile>
  /** How long failures that may pass later are retried. */
  retryMs: number
  onProgress?: (text: string) => void
}

/**
 * Runs every query of every dashboard as Grafana would, and checks the results. pass-criteria.ts defines when a
 * number passes, and how long verify retries while the cluster changes.
 *
 * A cluster that can't be read is a failure; one that can't be read for a retry is noted. Throws a LabError when
 * Prometheus can't be reached.
 */
export async function verify(options: VerifyOptions): Promise<VerifyReport> {
  const { api, dashboards, truth, onProgress = () => {} } = options
  const startedMs = performance.now()
  const unread = options.refused.map(file => unreadableCheck(file, 'a Grafana dashboard'))
  // Queries run also without a cluster.
  const readStates = createReadings(truth, options.scrapeMs)
  const first = await readStates().catch((error: unknown) => {
    if (!(error instanceof LabError)) throw error
    unread.push(unreadableCheck({ source: 'The cluster', error: new LabError(error.message) }, 'its objects'))
    return readingWithoutCluster()
  })
  await api.probe()
  const missing = await missingPrerequisites(api, options.metrics, first.untilMs)
  const problems = await scrapeProblems(api, first, options)
  const recorded = new Map(
    ((await orNone(api.rules())) ?? []).flatMap(({ type, name, query }) =>
      type === 'recording' ? [[name, query]] : [],
    ),
  )
  const rules = new Map([...recorded].map(([name, query]) => [name, queryFacts(query)]))
  const lastHour = { fromMs: first.untilMs - 3_600_000, untilMs: first.untilMs }
  const names = await orNone(api.labelValues('__name__', undefined, lastHour))
  let catalog: FindSeries | undefined
  const known: FindSeries = name => {
    catalog ??= knownSeries(options.catalog?.() ?? [], [])
    return catalog(name)
  }
  const metricNames = names && new Set(names)
  const lab = { known, dialects: dialectsOf(missing), nearest: nearestAmong(names ?? []) }
  const context = { api, scrapeMs: options.scrapeMs, rules, recorded, metricNames, missing, lab }

  onProgress('values of variables')
  const plans = await Promise.all(
    dashboards.map(async each => {
      const plan = await planDashboard(each, first, context)
      return { ...plan, selections: distinctSelections(plan) }
    }),
  )
  const steps = plans.flatMap(({ selections }) => selections.map(({ queries }) => queries))
  const evaluator = createEvaluator(api, steps)
  // In parallel: it takes some seconds on a large cluster.
  const placement = first.states === undefined ? [] : [checkPlacement(api, first, missing)]
  for (const each of placement) each.catch(() => {})
  const ruleCheck = options.rules && (await checkRules(options.rules, context, first.untilMs))
  const checks: DashboardCheck[] = ruleCheck === undefined ? [] : [ruleCheck]
  for (const [index, plan] of plans.entries()) {
    onProgress(`${plan.dashboard.title} (${index + 1} of ${dashboards.length})`)
    checks.push(await verifyDashboard(plan, evaluator, first, context))
  }
  checks.push(...(await Promise.all(placement)), ...unread)
  const excuseEnded = async () => {
    const because = (query: string) => endedBy(query, options.ended ?? [], context, first.untilMs)
    for (const check of checks) await check.excuse?.(because)
  }
  await excuseEnded()
  const endMs = performance.now() + options.retryMs
  let waitedMs = 0
  let unreadAgain: string | undefined
  while (checks.some(check => check.mayPassLater()) && performance.now() + options.scrapeMs < endMs) {
    const count = checks.reduce((sum, check) => sum + check.failures().length, 0)
    onProgress(`${count} failed; retrying, as the cluster may have changed`)
    await sleep(options.scrapeMs)
    waitedMs += options.scrapeMs
    const reading = await readStates().catch((error: unknown) => {
      if (!(error instanceof LabError) || error instanceof PrometheusUnreachable) throw error
      unreadAgain ??= `Some retries of failures could not read the cluster: ${error.message}`
      return undefined
    })
    if (reading === undefined) continue
    for (const check of checks) if (check.mayPassLater()) await check.retry(reading)
    await excuseEnded()
  }
  const failures: Failure[] = []
  for (const each of checks.flatMap(check => check.failures()))
    failures.push(await withDownPart(each, problems, context, first.untilMs))
  return {
    prometheusUrl: api.url,
    time: new Date(first.untilMs).toISOString(),
    truth: first.states === undefined ? '' : (truth?.name ?? ''),
    ...(ruleCheck === undefined ? {} : { rules: ruleCheck.rules() }),
    notes: [
      ...notesOf(first),
      ...problems.notes,
      ...(ruleCheck === undefined ? [] : ruleNotes(ruleCheck.rules())),
      ...(unreadAgain === undefined ? [] : [unreadAgain]),
    ],
    dashboards: checks.map(check => check.result()),
    failures,
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

function unreadableCheck(file: RefusedFile, expected: string): DashboardCheck {
  return {
    failures: () => [unreadable(file, expected)],
    mayPassLater: () => false,
    retry: async () => {},
    result: () => otherResult(file.source, { failed: 1 }),
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
