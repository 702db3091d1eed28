import { rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { LabError, UsageError } from '../../cli/errors.ts'
import { labNamespace } from '../../k3d/agreement.ts'
import { applyLgtmRules } from '../../k3d/k3d-lgtm.ts'
import { reachPrometheus } from '../../k3d/port-forward.ts'
import type { KubeClient } from '../../kube/api-client.ts'
import { apiTime } from '../../kube/json.ts'
import { listAll } from '../../kube/object-counts.ts'
import { skippedLines } from '../../kube/source-documents.ts'
import { requireSources } from '../../kube/source-files.ts'
import { type Lab, labCommand, statusCommand } from '../../lab/lab.ts'
import { writeFileAtOnce } from '../../lab/write-generated.ts'
import { createPrometheusApi, type PrometheusApi } from '../../prometheus/prometheus-client.ts'
import { lookbackMs } from '../../prometheus/prometheus-config.ts'
import { type RuleFile, readRuleFiles } from '../../prometheus/rule-files.ts'
import { healScenarios } from '../../scenarios/heal-scenarios.ts'
import type { Scenario } from '../../scenarios/scenario.ts'
import { connectForScenarios, type ScenarioCluster, scenarioCluster } from '../../scenarios/scenario-cluster.ts'
import { type ScenarioRequest, scenarioJournal } from '../../scenarios/scenario-journal.ts'
import { scenarioNamed, scenarios } from '../../scenarios/scenario-list.ts'
import { lgtm } from '../../services/lgtm.ts'
import { prometheus, prometheusUrl } from '../../services/prometheus.ts'
import { scenarioHolder } from '../../services/scenario-holder.ts'
import { hasService, labServices } from '../../services/service.ts'
import { alertsCopyName, alertsLockPath, checkedRuleFiles, userRulesDir } from '../../services/user-rules.ts'
import { takeLock } from '../../system/lock.ts'
import { waitUntil } from '../../system/wait.ts'
import { type ExpectedAlert, expectedAlerts, type PlannedScenario, planAlerts, planText } from './alert-plan.ts'
import { type AlertReport, alertReport } from './alert-report.ts'
import { scopePod } from './alert-scope.ts'
import { alertWatch, type ScenarioRun } from './alert-watch.ts'
import { type AlertLab, nameOf, runAlertPlan } from './run-alert-plan.ts'
import { keyOf, savedRun, seenBefore, toSave } from './saved-run.ts'
import { type AlertRule, scaledRules } from './scaled-rules.ts'

/** An alert that needs longer is not tried. */
const MOST_MS = 1_800_000
const MOST_AT_REAL_SPEED_MS = 4 * 3_600_000

export interface VerifyAlertsOptions {
  /** The folder with the lab's own rules. */
  ownRules: string
  /** Forgets an interrupted run. */
  fresh: boolean
  /** Ends the run; everything is healed then. */
  signal: AbortSignal
  say: (line: string) => void
}

/**
 * Proves the alerts of a running lab: starts scenarios, follows a copy of the alerts in its Prometheus, and heals the scenarios. The copy is
 * removed and everything is healed when this ends, however it ends. Results of finished scenarios are kept until all have finished: a run with
 * the same rules, scenarios and speed continues there.
 *
 * Throws a UsageError for an unknown scenario, and a LabError when scenarios run already or the lab does not answer.
 */
export async function verifyAlerts(
  lab: Lab,
  { ownRules, fresh, signal, say }: VerifyAlertsOptions,
): Promise<AlertReport> {
  const startedMs = Date.now()
  const { speed, clusterName, metrics } = lab.settings
  const chosen = chosenScenarios(lab.settings.scenarios)
  const rulePaths = requireSources(lab.settings, 'rulesDir')
  const cluster = scenarioCluster(lab)
  await cluster.require()
  const release = await takeLock({
    path: alertsLockPath(lab),
    waitMs: 0,
    refusal: ({ pid }) => new LabError(`verify-alerts runs on the lab "${clusterName}" already (pid ${pid})`),
  })
  try {
    const file = savedRun(lab)
    const last = file.read()
    const started = (last?.runs ?? []).filter(({ state }) => state !== 'done')
    await healScenarios(lab, isOneOf(started), say)
    requireNone(lab)
    using reached = await reachPrometheus(lab)
    const api = createPrometheusApi(prometheusUrl(reached.lab), { next: statusCommand(lab) })
    await api.probe()
    const { alerts, text, refused, intervalMs } = await alertsToVerify(reached.lab, {
      api,
      ownRules,
      rulePaths,
      say,
    })
    const { collectionInterval } = reached.lab.settings
    const key = keyOf(text, chosen, metrics)
    const saved = last?.key === key && !fresh ? last : { beganMs: startedMs, tookMs: 0, runs: [], seen: [] }
    const finished = new Map(saved.runs.flatMap(each => (each.state === 'done' ? [[each.name, each]] : [])))
    using client = await connectForScenarios(lab)
    const runs: ScenarioRun[] = []
    const copy = alertsCopy(lab)
    try {
      await copy.write(text)
      await waitUntilLoaded(api, copy, signal)
      const lagMs = lookbackMs(collectionInterval) + 2 * collectionInterval
      const mostMs = speed === 1 ? MOST_AT_REAL_SPEED_MS : MOST_MS
      const planning = { alerts, metrics, lagMs, mostMs }
      const left = chosen.filter(({ name }) => started.some(each => each.name === name))
      await untilResolved(api, { alerts, expected: left.flatMap(each => expectedAlerts(each, planning).expected) })
      const before = alertWatch(alerts)
      for (const _ of [1, 2]) {
        await sleep(intervalMs)
        before.observe(await api.rules(), Date.now())
      }
      const { notTried, ...plan } = await planAlerts(client, {
        ...planning,
        scenarios: chosen,
        unfitLab: async each => cluster.exclusion(each) ?? (await each.unfitLab?.(lab)),
        isOfLab: await cluster.isOfLab(client),
        before: before.seen,
        finishedOn: name => finished.get(name)?.target,
      })
      const initial = { state: 'waiting', startMs: 0, healMs: 0, doneMs: 0, trouble: '' } as const
      runs.push(...plan.scenarios.map(each => ({ ...each, ...(finished.get(each.scenario.name) ?? initial) })))
      const waiting = runs.filter(({ state }) => state === 'waiting')
      say(planText({ notTried, nodes: plan.nodes, scenarios: waiting }, speed))
      if (runs.length === 0) {
        throw new LabError('There is nothing to verify', { why: 'no chosen scenario can raise a loaded alert' })
      }
      if (finished.size > 0) {
        say(
          `Continues the run of ${apiTime(saved.beganMs)}, which finished ${finished.size} of ${runs.length} scenarios; --fresh starts again`,
        )
      }
      const watch = alertWatch(alerts, [...before.seen, ...seenBefore(saved, runs, alerts)])
      const tookMs = () => saved.tookMs + Date.now() - startedMs
      const save = () =>
        file.save({ key, beganMs: saved.beganMs, tookMs: tookMs(), ...toSave(runs, watch.seen, alerts) })
      await runAlertPlan(alertLab(lab, { api, client, requireThere: presence(cluster, reached.ended) }), {
        runs,
        nodes: plan.nodes,
        watch,
        signal,
        say,
        save,
      })
      const nowMs = Date.now()
      const names = await api.labelValues('__name__', undefined, { fromMs: saved.beganMs, untilMs: nowMs })
      const report = alertReport({
        runs,
        seen: watch.seen,
        notTried,
        alerts,
        refused,
        speed,
        seconds: tookMs() / 1_000,
        mostMs,
        nowMs,
        hasMetric: name => names.includes(name),
        raisedBy: ({ name, isOwn }) =>
          scenarios.find(({ alerts: { otel, prometheus: others } }) =>
            (isOwn ? otel : [...otel, ...others]).includes(name),
          )?.name,
      })
      file.remove()
      return report
    } finally {
      try {
        await healScenarios(lab, isOneOf(runs.map(({ scenario: { name }, target }) => ({ name, target }))), say)
      } finally {
        await copy.remove()
      }
    }
  } finally {
    release()
  }
}

/** The copy of the lab's alerts and of those of RULES_DIR. Throws a LabError without alerts. */
async function alertsToVerify(
  { settings }: Lab,
  given: Pick<VerifyAlertsOptions, 'ownRules' | 'say'> & { api: PrometheusApi; rulePaths: readonly string[] },
) {
  const { api, ownRules, rulePaths, say } = given
  const loadedFiles = new Set((await api.rules()).map(({ file }) => basename(file)))
  const own = readRuleFiles([ownRules]).found.filter(({ file }) => loadedFiles.has(basename(file)))
  const { found: user, refused, skipped } = await checkedRuleFiles(rulePaths)
  for (const line of skippedLines(skipped)) say(line)
  for (const { error } of refused) say(error.message)
  if (rulePaths.length > 0 && user.length === 0) {
    throw new UsageError(`RULES_DIR=${settings.rulesDir} has no rules that Prometheus can load`, {
      next: 'name files or folders with rules, or none',
    })
  }
  const isLoaded = (file: RuleFile) => own.includes(file) || loadedFiles.has(file.fileName)
  // More often than the rules, because they wait for a shorter time.
  const intervalMs = Math.max(1_000, Math.round(settings.collectionInterval / 5))
  const { alerts, text } = scaledRules({ own, user }, { speed: settings.speed, intervalMs, isLoaded })
  if (alerts.length === 0) {
    throw new LabError('There are no alerts to verify', { why: 'Prometheus has no rules', next: 'make dashboards' })
  }
  return { alerts, text, refused, intervalMs }
}

function isOneOf(runs: readonly { name: string; target: string }[]): (request: ScenarioRequest) => boolean {
  return ({ name, target }) => runs.some(each => each.name === name && each.target === target)
}

/** Waits until the alerts of healed scenarios are resolved. One that is not is then one from before the first scenario. */
async function untilResolved(
  api: PrometheusApi,
  { alerts, expected }: { alerts: readonly AlertRule[]; expected: readonly ExpectedAlert[] },
): Promise<void> {
  if (expected.length === 0) return
  await waitUntil<void>({
    what: 'the end of the alerts of the interrupted run',
    progress: 'Waiting until the alerts of the interrupted run are resolved',
    timeoutMs: Math.max(...expected.map(({ clearsWithinMs }) => clearsWithinMs)),
    everyMs: 2_000,
    check: async () => {
      const now = alertWatch(alerts)
      now.observe(await api.rules(), Date.now())
      const left = now.seen.filter(({ rule }) => expected.some(({ rules }) => rules.includes(rule)))
      return left.length === 0 ? { done: undefined } : { pending: left.map(nameOf).join(', ') }
    },
    onTimeout: () => {},
  })
}

/** The scenarios of SCENARIOS. Throws a UsageError for an unknown one. */
export function chosenScenarios(names: string): Scenario[] {
  return names === 'all' ? [...scenarios] : [...new Set(names.split(','))].map(scenarioNamed)
}

function requireNone(lab: Lab): void {
  const running = scenarioJournal(lab).requests()
  if (running.length === 0) return
  throw new UsageError('Scenarios run already', {
    why: running.map(({ name, target }) => `${name} on ${target}`).join(', '),
    next: `${labCommand(lab, 'kwok-heal')}, then run this again`,
  })
}

/** The copy of the alerts, where the Prometheus of a lab reads it. */
interface AlertsCopy {
  write: (text: string) => Promise<unknown>
  remove: () => Promise<unknown>
  /** How long Prometheus takes to load it, and to evaluate each rule once. */
  loadsWithinMs: number
  /** Where to look when it does not. */
  next: () => Promise<string>
}

function alertsCopy(lab: Lab): AlertsCopy {
  if (lab.kind === 'context') {
    return {
      write: text => applyLgtmRules(lab, alertsCopyName, text),
      remove: () => applyLgtmRules(lab, alertsCopyName),
      loadsWithinMs: 240_000,
      next: async () => `read kubectl logs -n ${labNamespace} deployment/lgtm --context ${lab.context}`,
    }
  }
  const path = join(userRulesDir(lab), alertsCopyName)
  const services = labServices(lab)
  // LGTM's Prometheus needs no signal.
  const reload = () => services.signal(prometheus, 'SIGHUP')
  return {
    write: text => {
      writeFileAtOnce(path, text)
      return reload()
    },
    remove: () => {
      rmSync(path, { force: true })
      return reload()
    },
    loadsWithinMs: 90_000,
    next: async () => `read ${(await services.state(hasService(lab, lgtm) ? lgtm : prometheus)).logFile}`,
  }
}

async function waitUntilLoaded(
  api: PrometheusApi,
  { loadsWithinMs, next }: AlertsCopy,
  signal: AbortSignal,
): Promise<void> {
  const where = await next()
  await waitUntil<void>({
    what: 'the copy of the alerts in Prometheus',
    progress: 'Waiting until Prometheus has loaded the alerts',
    timeoutMs: loadsWithinMs,
    everyMs: 500,
    check: async () => {
      const copies = (await api.rules()).filter(({ file }) => basename(file) === alertsCopyName)
      if (copies.length === 0) return { pending: 'Prometheus has not loaded it' }
      const left = copies.filter(({ health }) => health === 'unknown').length
      return left === 0 ? { done: undefined } : { pending: `${left} of its rules were not evaluated yet` }
    },
    next: where,
    signal,
  })
}

/** Throws a LabError when the lab was taken down, or Prometheus cannot be reached any more. */
function presence(cluster: ScenarioCluster, ended: Promise<string> | undefined): () => void {
  let why: string | undefined
  void ended?.then(text => {
    why = text || 'kubectl port-forward ended'
  })
  return () => {
    cluster.requireStill()
    if (why === undefined) return
    throw new LabError('The connection to Prometheus in the cluster has ended', {
      why,
      next: 'run this again to continue',
    })
  }
}

function alertLab(
  lab: Lab,
  { api, client, requireThere }: Pick<AlertLab, 'requireThere'> & { api: PrometheusApi; client: KubeClient },
): AlertLab {
  const journal = scenarioJournal(lab)
  const requestOf = ({ scenario: { name }, target }: PlannedScenario) =>
    journal.requests().find(isOneOf([{ name, target }]))
  return {
    requireThere,
    rules: async () => await api.rules(),
    pods: async () => (await listAll(client, '/api/v1/pods')).map(scopePod),
    async start({ scenario: { name }, target }, lengthMs) {
      const startMs = Date.now()
      journal.request({ name, target, startMs, untilMs: startMs + lengthMs })
      await labServices(lab).ensure(scenarioHolder)
    },
    heal(planned) {
      const request = requestOf(planned)
      if (request !== undefined) journal.end(request)
    },
    progress(planned) {
      const request = requestOf(planned)
      return request === undefined ? undefined : journal.progress(request)
    },
  }
}
