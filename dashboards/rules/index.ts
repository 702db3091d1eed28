import { capacityAlerts, clusterAlerts, measuringAlerts } from './alerts.ts'
import { apiserverRules } from './kube-apiserver.ts'
import { kubernetesRules } from './kubernetes.ts'
import type { RecordingRule, RuleGroup } from './rule.ts'
import { tracingAlerts } from './tracing.ts'

/** All rules, by the name of their file without `.yaml`. */
export function ruleFiles(): ReadonlyMap<string, readonly RuleGroup[]> {
  return new Map([
    ['kubernetes', [kubernetesRules()]],
    ['kube-apiserver', [apiserverRules()]],
    ['alerts', [clusterAlerts(), capacityAlerts(), measuringAlerts()]],
    // Not for a cluster without a trace simulator, where one of them fires.
    ['tracing', [tracingAlerts()]],
  ])
}

/** The recorded series. */
export function recordedSeries(): RecordingRule[] {
  return [...ruleFiles().values()]
    .flat()
    .flatMap(group => group.rules)
    .filter(rule => 'record' in rule)
}
