import type { Granularity } from '../granularity.ts'
import { timeseries } from '../panel-builders.ts'
import { autoscaledReplicas } from '../queries/autoscalers.ts'

export const autoscalersTimeseries = ({ scope }: Pick<Granularity, 'scope'>) =>
  timeseries({
    title: 'Autoscaled replicas',
    description: 'Current, desired (by metrics-server) and maximum replicas of each HorizontalPodAutoscaler.',
    unit: 'short',
    bounds: ['max'],
    queries: autoscaledReplicas(scope),
  })
