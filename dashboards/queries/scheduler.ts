import { ofJob, quantile, rate } from './control-plane.ts'
import { named, type Query } from './query.ts'

const JOB = 'kube-scheduler'
/** The stages that the scheduler measures, with their legends. */
const STAGES = [
  ['scheduler_scheduling_attempt_duration_seconds', 'attempt'],
  ['scheduler_pod_scheduling_sli_duration_seconds', 'until bound'],
  ['scheduler_scheduling_algorithm_duration_seconds', 'scheduling algorithm'],
] as const

/** Pods per second in each stage. */
export const schedulingRates = STAGES.map(([metric, stage]) =>
  named(`{{instance}} ${stage}`, rate(`${metric}_count`, JOB, ['instance'])),
)

/** The 99th percentile of the duration of each stage, in seconds. */
export const schedulingLatencies = STAGES.map(([metric, stage]) =>
  named(`{{instance}} ${stage}`, quantile(metric, JOB, ['instance'])),
)

/** Pending pods, by scheduling queue. */
export const pendingPods: Query = {
  expr: `sum by (queue) (scheduler_pending_pods{${ofJob(JOB)}})`,
  legend: '{{queue}}',
}
