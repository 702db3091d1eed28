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

/** Alerts of the lab and of kube-prometheus' Kubernetes rules that no scenario raises; docs/scenarios.md says why. */
export const notRaised: readonly string[] = [
  'KubeDeploymentGenerationMismatch',
  'KubeStatefulSetGenerationMismatch',
  'KubeContainerWaiting',
  'KubeHpaReplicasMismatch',
  'KubeAPIDown',
  'KubeSchedulerDown',
  'KubeControllerManagerDown',
  'KubeAPIInstanceUnreachable',
  'KubeAggregatedAPIErrors',
  'KubeClientErrors',
  'KubeClientCertificateExpiration',
  'KubeletPlegDurationHigh',
  'KubeletPodStartUpLatencyHigh',
  'KwokMetricsFailing',
  'CollectorNotDelivering',
  'TraceSimulatorDropping',
]

/** Whether it is stated which scenario raises an alert, or why none does. */
export function isStated(alert: string): boolean {
  const raised = scenarios.some(({ alerts: { otel, prometheus } }) => [...otel, ...prometheus].includes(alert))
  return raised || notRaised.includes(alert)
}

/** Throws a UsageError that names the nearest scenario, or all. */
export function scenarioNamed(name: string): Scenario {
  const found = scenarios.find(each => each.name === name)
  if (found !== undefined) return found
  const names = scenarios.map(each => each.name)
  const nearest = nearestName(name, names)
  throw new UsageError(`There is no scenario "${name}"`, {
    why: nearest === undefined ? `the scenarios are ${names.join(', ')}` : `did you mean ${nearest}?`,
    next: 'make kwok-scenario SCENARIO=list',
  })
}

/** What `SCENARIO=list` prints. */
export function scenarioListText(): string {
  const rows = scenarios.map(({ name, target, does }) => [name, target, does])
  return formatTable([['SCENARIO', 'TARGET', 'WHAT HAPPENS'], ...rows])
}
