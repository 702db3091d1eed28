import { type LabPanel, timeseries } from '../panel-builders.ts'
import { pendingPods, schedulingLatencies, schedulingRates } from '../queries/scheduler.ts'

export function schedulingRateTimeseries(): LabPanel {
  return timeseries({
    title: 'Scheduling Rate',
    description: 'Pods a second that the scheduler tried to place, placed and bound.',
    unit: 'ops',
    queries: schedulingRates(),
  })
}

export function schedulingLatencyTimeseries(): LabPanel {
  return timeseries({
    title: 'Scheduling latency 99th Quantile',
    description: 'Time within which 99 of 100 pods went through each stage of scheduling.',
    unit: 's',
    queries: schedulingLatencies(),
  })
}

export function pendingPodsTimeseries(): LabPanel {
  return timeseries({
    title: 'Pending Pods',
    description: 'Pods that wait for a node, by the queue they wait in: unschedulable ones fit nowhere.',
    unit: 'short',
    stacked: true,
    queries: [pendingPods()],
  })
}
