import type { Granularity } from '../granularity.ts'
import { type LabPanel, timeseries } from '../panel-builders.ts'
import { autoscaledReplicas } from '../queries/autoscalers.ts'

export function autoscalersTimeseries({ scope }: Pick<Granularity, 'scope'>): LabPanel {
  return timeseries({
    title: 'Autoscaled replicas',
    description: 'Current, desired (by metrics-server) and maximum replicas of each HorizontalPodAutoscaler.',
    unit: 'short',
    bounds: ['max'],
    queries: autoscaledReplicas(scope),
  })
}
