import { rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { LabError, UsageError } from '../../cli/errors.ts'
import { makeCommand } from '../../cli/settings.ts'
import { connect, type KubeClient } from '../../kube/api-client.ts'
import { listAll } from '../../kube/object-counts.ts'
import { skippedLines } from '../../kube/source-documents.ts'
import { sourcePaths } from '../../kube/source-files.ts'
import { requireCluster } from '../../lab/cluster-owner.ts'
import { ensureScenarioKubeconfig, kubeconfigPath } from '../../lab/kubeconfig.ts'
import type { Lab } from '../../lab/lab.ts'
import { writeFileAtOnce } from '../../lab/write-generated.ts'
import { createPrometheusApi, type PrometheusApi } from '../../prometheus/prometheus-client.ts'
import { lookbackMs } from '../../prometheus/prometheus-config.ts'
import { readRuleFiles } from '../../prometheus/rule-files.ts'
import { healScenarios } from '../../scenarios/heal-scenarios.ts'
import type { Scenario } from '../../scenarios/scenario.ts'
import { type ScenarioRequest, scenarioJournal } from '../../scenarios/scenario-journal.ts'
import { scenarioNamed, scenarios } from '../../scenarios/scenario-list.ts'
import { prometheus, prometheusUrl } from '../../services/prometheus.ts'
import { scenarioHolder } from '../../services/scenario-holder.ts'
import { labServices } from '../../services/service.ts'
import { alertsCopyName, checkedRuleFiles, userRulesDir } from '../../services/user-rules.ts'
import { takeLock } from '../../system/lock.ts'
import { waitUntil } from '../../system/wait.ts'
import { planAlerts, planText } from './alert-plan.ts'
import { type AlertReport, alertReport } from './alert-report.ts'
import { scopePod } from './alert-scope.ts'
import { alertWatch } from './alert-watch.ts'
import { type AlertLab, runAlertPlan } from './run-alert-plan.ts'
import { scaledRules } from './scaled-rules.ts'

export interface VerifyAlertsOptions {
  /** The folder with the lab's own rules. */
  ownRules: string
  /** Ends the run; everything is healed then. */
  signal: AbortSignal
  say: (line: string) => void
}

/**
 * Proves the alerts of a running lab: starts scenarios, follows a copy of the alerts in its Prometheus, and heals the scenarios. The copy is
 * removed and everything is healed when this ends, however it ends.
 *
 * Throws a UsageError for an unknown scenario, and a LabError when scenarios run already or the lab does not answer.
 */
export async function verifyAlerts(lab: Lab, { ownRules, signal, say }: VerifyAlertsOptions): Promise<AlertReport> {
  const beganMs = Date.now()
  const { speed, collectionInterval, clusterName, metrics } = lab.settings
  const chosen = chosenScenarios(lab.settings.scenarios)
  requireCluster(lab)
  const release = await takeLock({
    path: `${lab.dir}.alerts.lock`,
    waitMs: 0,
    refusal: ({ pid }) => new LabError(`verify-alerts runs on the lab "${clusterName}" already (pid ${pid})`),
  })
  try {
    const journal = scenarioJournal(lab)
    requireNone(journal.requests(), clusterName)
    const api = createPrometheusApi(prometheusUrl(lab), { next: makeCommand('kwok-status', clusterName) })
    await api.probe()
    const loadedFiles = new Set((await api.rules()).map(({ file }) => basename(file)))
    const own = readRuleFiles([ownRules]).found.filter(({ file }) => loadedFiles.has(basename(file)))
    const { found: user, refused, skipped } = await checkedRuleFiles(sourcePaths(lab.settings, 'rulesDir'))
    for (const line of skippedLines(skipped)) say(line)
    const isLoaded = (file: { fileName: string }) => own.some(each => each === file) || loadedFiles.has(file.fileName)
    // More often than the rules, because they wait for a shorter time.
    const intervalMs = Math.max(1_000, Math.round(collectionInterval / 5))
    const { alerts, text } = scaledRules({ own, user }, { speed, intervalMs, isLoaded })
    if (alerts.length === 0) {
      throw new LabError('There are no alerts to verify', { why: 'Prometheus has no rules', next: 'make dashboards' })
    }
    await ensureScenarioKubeconfig(lab)
    using client = await connect({ kubeconfig: kubeconfigPath(lab, 'scenarios') })
    const started: ScenarioRequest[] = []
    try {
      await loadCopy(lab, api, text)
      const watch = alertWatch(alerts)
      for (const _ of [1, 2]) {
        await sleep(intervalMs)
        watch.observe(await api.rules(), Date.now())
      }
      const lagMs = lookbackMs(collectionInterval) + 2 * collectionInterval
      const plan = await planAlerts(client, {
        scenarios: chosen,
        unfitLab: async each => await each.unfitLab?.(lab),
        alerts,
        metrics,
        lagMs,
        before: watch.seen,
      })
      say(planText(plan, speed))
      if (plan.scenarios.length === 0) {
        throw new LabError('There is nothing to verify', { why: 'no chosen scenario can raise a loaded alert' })
      }
      const runs = await runAlertPlan(alertLab(lab, { api, client, started }), { plan, watch, signal, say })
      const nowMs = Date.now()
      const names = await api.labelValues('__name__', undefined, { fromMs: beganMs, untilMs: nowMs })
      const hasMetric = (name: string) => names.includes(name)
      const seconds = (nowMs - beganMs) / 1_000
      const raisedBy = ({ name, isOwn }: { name: string; isOwn: boolean }) =>
        scenarios.find(({ alerts: { otel, prometheus: others } }) =>
          (isOwn ? otel : [...otel, ...others]).includes(name),
        )?.name
      return alertReport({ runs, seen: watch.seen, plan, alerts, refused, speed, seconds, hasMetric, raisedBy, nowMs })
    } finally {
      try {
        await healScenarios(
          lab,
          each => started.some(({ name, target }) => each.name === name && each.target === target),
          say,
        )
      } finally {
        rmSync(copyPath(lab), { force: true })
        await labServices(lab).signal(prometheus, 'SIGHUP')
      }
    }
  } finally {
    release()
  }
}

/** The scenarios of SCENARIOS. Throws a UsageError for an unknown one. */
export function chosenScenarios(names: string): Scenario[] {
  return names === 'all' ? [...scenarios] : [...new Set(names.split(','))].map(scenarioNamed)
}

function requireNone(running: readonly ScenarioRequest[], clusterName: string): void {
  if (running.length === 0) return
  throw new UsageError('Scenarios run already', {
    why: running.map(({ name, target }) => `${name} on ${target}`).join(', '),
    next: `${makeCommand('kwok-heal', clusterName)}, then run this again`,
  })
}

function copyPath(lab: Lab): string {
  return join(userRulesDir(lab), alertsCopyName)
}

/** Prometheus loads the copy, and evaluates each rule once. LGTM's Prometheus needs no signal. */
async function loadCopy(lab: Lab, api: PrometheusApi, text: string): Promise<void> {
  writeFileAtOnce(copyPath(lab), text)
  await labServices(lab).signal(prometheus, 'SIGHUP')
  await waitUntil<void>({
    what: 'the copy of the alerts in Prometheus',
    timeoutMs: 90_000,
    everyMs: 500,
    check: async () => {
      const copies = (await api.rules()).filter(({ file }) => basename(file) === alertsCopyName)
      if (copies.length === 0) return { pending: 'Prometheus has not loaded it' }
      const left = copies.filter(({ health }) => health === 'unknown').length
      return left === 0 ? { done: undefined } : { pending: `${left} of its rules were not evaluated yet` }
    },
    next: `read ${lab.logsDir}/prometheus.log`,
  })
}

function alertLab(
  lab: Lab,
  { api, client, started }: { api: PrometheusApi; client: KubeClient; started: ScenarioRequest[] },
): AlertLab {
  const journal = scenarioJournal(lab)
  const requestOf = (name: string, target: string) =>
    journal.requests().find(each => each.name === name && each.target === target)
  return {
    rules: async () => await api.rules(),
    pods: async () => (await listAll(client, '/api/v1/pods')).map(scopePod),
    async start({ scenario: { name }, target }, lengthMs) {
      const startMs = Date.now()
      const request = { name, target, startMs, untilMs: startMs + lengthMs }
      started.push(request)
      journal.request(request)
      await labServices(lab).ensure(scenarioHolder)
    },
    heal({ scenario: { name }, target }) {
      const request = requestOf(name, target)
      if (request !== undefined) journal.end(request)
    },
    progress({ scenario: { name }, target }) {
      const request = requestOf(name, target)
      return request === undefined ? undefined : journal.progress(request)
    },
  }
}
