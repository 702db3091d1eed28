import { capacityAlerts, clusterAlerts, measuringAlerts } from './alerts.ts'
import { apiserverRules } from './kube-apiserver.ts'
import { kubernetesRules } from './kubernetes.ts'
import type { RecordingRule, RuleGroup } from './rule.ts'
import { tracingAlerts } from './tracing.ts'

/** Every rule, by the name of its file without `.yaml`. */
export function ruleFiles(): ReadonlyMap<string, readonly RuleGroup[]> {
  return new Map([
    ['kubernetes', [kubernetesRules()]],
    ['kube-apiserver', [apiserverRules()]],
    ['alerts', [clusterAlerts(), capacityAlerts(), measuringAlerts()]],
    // Not for a cluster where nobody makes traces: one of them fires when there are none.
    ['tracing', [tracingAlerts()]],
  ])
}

/** The series that the rules record, for whoever reads queries on them. */
export function recordedSeries(): RecordingRule[] {
  return [...ruleFiles().values()]
    .flat()
    .flatMap(group => group.rules)
    .filter(rule => 'record' in rule)
}
