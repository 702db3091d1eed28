import { ofJob, quantile, rate } from './control-plane.ts'
import { named, type Query } from './query.ts'

const JOB = 'kube-scheduler'
/** What the scheduler times, with the words for the legend. */
const STAGES = [
  ['scheduler_scheduling_attempt_duration_seconds', 'attempt'],
  ['scheduler_pod_scheduling_sli_duration_seconds', 'until bound'],
  ['scheduler_scheduling_algorithm_duration_seconds', 'scheduling algorithm'],
] as const

/** Pods a second that went through each stage. */
export function schedulingRates(): Query[] {
  return STAGES.map(([metric, stage]) => named(`{{instance}} ${stage}`, rate(`${metric}_count`, JOB, ['instance'])))
}

/** Seconds within which 99 of 100 pods went through each stage. */
export function schedulingLatencies(): Query[] {
  return STAGES.map(([metric, stage]) => named(`{{instance}} ${stage}`, quantile(metric, JOB, ['instance'])))
}

/** Pods that wait for a node, by the queue they wait in. */
export function pendingPods(): Query {
  return {
    expr: `sum by (queue) (scheduler_pending_pods{${ofJob(JOB)}})`,
    legend: '{{queue}}',
  }
}
