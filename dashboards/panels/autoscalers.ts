import type { Granularity } from '../granularity.ts'
import { type LabPanel, timeseries } from '../panel-builders.ts'
import { autoscaledReplicas } from '../queries/autoscalers.ts'

export function autoscalersTimeseries({ scope }: Pick<Granularity, 'scope'>): LabPanel {
  return timeseries({
    title: 'Autoscaled replicas',
    description: 'Replicas that each HorizontalPodAutoscaler has, wants by what metrics-server measures, and may have.',
    unit: 'short',
    bounds: ['max'],
    queries: autoscaledReplicas(scope),
  })
}
