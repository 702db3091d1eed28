import type { Query } from './query.ts'
import type { Scope } from './scope.ts'

/** The current, desired and maximum replicas of each HorizontalPodAutoscaler. */
export function autoscaledReplicas({ filter }: Scope): Query[] {
  return (['current', 'desired', 'max'] as const).map(which => ({
    expr: `max by (k8s_cluster_name, k8s_namespace_name, k8s_hpa_name) (k8s_hpa_${which}_replicas{${filter}})`,
    legend: `{{k8s_hpa_name}} ${which}`,
    truth: { of: `hpa-${which}`, by: ['cluster', 'namespace', 'autoscaler'] },
    emptyWhen: { because: 'a namespace may have no autoscaler' },
  }))
}
