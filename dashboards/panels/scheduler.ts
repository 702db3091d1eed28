import { type LabPanel, timeseries } from '../panel-builders.ts'
import { pendingPods, schedulingLatencies, schedulingRates } from '../queries/scheduler.ts'

export function schedulingRateTimeseries(): LabPanel {
  return timeseries({
    title: 'Scheduling Rate',
    description: 'Pods per second that the scheduler attempts to schedule, schedules and binds.',
    unit: 'ops',
    queries: schedulingRates(),
  })
}

export function schedulingLatencyTimeseries(): LabPanel {
  return timeseries({
    title: 'Scheduling latency 99th Quantile',
    description: 'The 99th percentile of the duration of each stage of scheduling.',
    unit: 's',
    queries: schedulingLatencies(),
  })
}

export function pendingPodsTimeseries(): LabPanel {
  return timeseries({
    title: 'Pending Pods',
    description: 'Pending pods by scheduling queue; unschedulable ones fit on no node.',
    unit: 'short',
    stacked: true,
    queries: [pendingPods()],
  })
}
