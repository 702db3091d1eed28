import { UsageError } from '../cli/errors.ts'
import { nearestName } from '../cli/nearest-name.ts'
import { formatTable } from '../cli/table.ts'
import { apiScenarios } from './api-scenarios.ts'
import { nodeChanges } from './node-changes.ts'
import { nodeScenarios } from './node-scenarios.ts'
import { objectScenarios } from './object-scenarios.ts'
import { partScenarios } from './part-scenarios.ts'
import { podScenarios } from './pod-scenarios.ts'
import type { Scenario } from './scenario.ts'
import { serviceScenarios } from './service-scenarios.ts'
import { usageScenarios } from './usage-scenarios.ts'

/** In the order of the list and the docs. */
export const scenarios: readonly Scenario[] = [
  ...podScenarios,
  ...usageScenarios,
  ...nodeScenarios,
  ...nodeChanges,
  ...objectScenarios,
  ...serviceScenarios,
  ...partScenarios,
  ...apiScenarios,
]

/** Alerts of the lab and of kube-prometheus' Kubernetes rules that no scenario raises, and why. */
export const notRaised: readonly (readonly [alerts: readonly string[], why: string])[] = [
  [
    ['KubeDeploymentGenerationMismatch', 'KubeStatefulSetGenerationMismatch'],
    'No scenario alone: start `pod-pending` or `statefulset-replica-missing` while `controller-manager-down` runs.',
  ],
  [
    ['KubeContainerWaiting'],
    'Each attempt of `image-pull-back-off` to pull the image has another reason, with which the wait of an hour begins again.',
  ],
  [['KubeHpaReplicasMismatch'], 'It needs a Deployment whose pods cannot be created, and an autoscaler of it.'],
  [
    ['KubeAPIDown', 'KubeSchedulerDown', 'KubeControllerManagerDown'],
    'They fire without a target; the targets of the lab stay, and are down.',
  ],
  [['KubeAPIInstanceUnreachable'], 'The holder of scenarios works through the API server.'],
  [
    ['KubeAggregatedAPIErrors'],
    'It needs an aggregated API that becomes unavailable again every minute; at `SPEED=30` it fires in `aggregated-api-down`.',
  ],
  [['KubeClientErrors'], "It needs failing requests of the API server's own client."],
  [['KubeClientCertificateExpiration'], 'No client of the lab has a certificate that expires soon.'],
  [
    ['KubeletPlegDurationHigh', 'KubeletPodStartUpLatencyHigh'],
    'The durations that a simulated kubelet reports have a constant distribution.',
  ],
  [['KwokMetricsFailing'], 'It needs a Metric object with an invalid expression.'],
  [['CollectorNotDelivering'], 'Without Prometheus, which the collector delivers to, no rule is evaluated.'],
  [
    ['TraceSimulatorDropping'],
    'It fires only after `collector-down`: the metrics of the spans that were dropped are missing until the collector runs again.',
  ],
]

/** Whether it is stated which scenario raises an alert, or why none does. */
export function isStated(alert: string): boolean {
  const raised = scenarios.some(({ alerts: { otel, prometheus } }) => [...otel, ...prometheus].includes(alert))
  return raised || notRaised.some(([names]) => names.includes(alert))
}

/** Throws a UsageError that names the nearest scenario, or all. */
export function scenarioNamed(name: string): Scenario {
  const found = scenarios.find(each => each.name === name)
  if (found !== undefined) return found
  const names = scenarios.map(each => each.name)
  const nearest = nearestName(name, names)
  throw new UsageError(`There is no scenario "${name}"`, {
    why: nearest === undefined ? undefined : `did you mean ${nearest}?`,
    next: 'make kwok-scenario SCENARIO=list',
  })
}

/** What `SCENARIO=list` prints. */
export function scenarioListText(): string {
  const rows = scenarios.map(({ name, target, does }) => [name, target, does])
  return formatTable([['SCENARIO', 'TARGET', 'WHAT HAPPENS'], ...rows])
}

/** The tables of docs/scenarios.md. */
export function scenarioTables(): string {
  const codes = (names: readonly string[]) => names.map(name => `\`${name}\``).join(', ') || '-'
  const does = scenarios.map(
    ({ name, target, does, effect, heals }) => `| \`${name}\` | ${target} | ${does} | ${effect} | ${heals} |`,
  )
  const shows = scenarios.map(
    ({ name, shows, alerts }) => `| \`${name}\` | ${shows} | ${codes(alerts.otel)} | ${codes(alerts.prometheus)} |`,
  )
  return [
    '| scenario | target | what happens | full effect after | healing |',
    '| --- | --- | --- | --- | --- |',
    ...does,
    '',
    "| scenario | dashboards | the lab's alerts | kube-prometheus' alerts |",
    '| --- | --- | --- | --- |',
    ...shows,
    '',
    '| no scenario raises | why |',
    '| --- | --- |',
    ...notRaised.map(([alerts, why]) => `| ${codes(alerts)} | ${why} |`),
  ].join('\n')
}
