import { timeseries } from '../panel-builders.ts'
import { pendingPods, schedulingLatencies, schedulingRates } from '../queries/scheduler.ts'

export const schedulingRateTimeseries = timeseries({
  title: 'Scheduling Rate',
  description: 'Pods per second that the scheduler attempts to schedule, schedules and binds.',
  unit: 'ops',
  queries: schedulingRates,
})

export const schedulingLatencyTimeseries = timeseries({
  title: 'Scheduling latency 99th Quantile',
  description: 'The 99th percentile of the duration of each stage of scheduling.',
  unit: 's',
  queries: schedulingLatencies,
})

export const pendingPodsTimeseries = timeseries({
  title: 'Pending Pods',
  description: 'Pending pods by scheduling queue; unschedulable ones fit on no node.',
  unit: 'short',
  stacked: true,
  queries: [pendingPods],
})
