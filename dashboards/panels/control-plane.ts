import { type LabPanel, stat, timeseries } from '../panel-builders.ts'
import {
  apiRequestLatency,
  apiRequestRate,
  type ControlPlaneJob,
  goroutines,
  processCpu,
  residentMemory,
  up,
  workQueueAdds,
  workQueueDepth,
  workQueueLatency,
} from '../queries/control-plane.ts'

export function upStat(job: ControlPlaneJob): LabPanel {
  return stat({
    title: 'Up',
    description: `Instances of ${job} that answer when they are scraped.`,
    unit: 'none',
    query: up(job),
    thresholds: [
      { value: null, color: 'red' },
      { value: 1, color: 'green' },
    ],
  })
}

export function workQueueAddsTimeseries(job: ControlPlaneJob): LabPanel {
  return timeseries({
    title: 'Work Queue Add Rate',
    description: 'Objects a second that were put into each work queue.',
    unit: 'ops',
    queries: [workQueueAdds(job)],
  })
}

export function workQueueDepthTimeseries(job: ControlPlaneJob): LabPanel {
  return timeseries({
    title: 'Work Queue Depth',
    description: 'Objects that wait in each work queue. One that stays up has too little done about it.',
    unit: 'short',
    queries: [workQueueDepth(job)],
  })
}

export function workQueueLatencyTimeseries(job: ControlPlaneJob): LabPanel {
  return timeseries({
    title: 'Work Queue Latency',
    description: 'Time within which 99 of 100 objects have left their work queue.',
    unit: 's',
    queries: [workQueueLatency(job)],
  })
}

export function apiRequestRateTimeseries(job: ControlPlaneJob): LabPanel {
  return timeseries({
    title: 'Kube API Request Rate',
    description: `Requests a second of ${job} to the API server, by status code.`,
    unit: 'reqps',
    stacked: true,
    queries: [apiRequestRate(job)],
  })
}

export function apiLatencyTimeseries(job: ControlPlaneJob, verb: 'POST' | 'GET'): LabPanel {
  return timeseries({
    title: `${verb === 'POST' ? 'Post' : 'Get'} Request Latency 99th Quantile`,
    description: `Time within which 99 of 100 ${verb} requests of ${job} to the API server are answered.`,
    unit: 's',
    queries: [apiRequestLatency(job, verb)],
  })
}

export function memoryTimeseries(job: ControlPlaneJob): LabPanel {
  return timeseries({
    title: 'Memory',
    description: `Resident memory of the ${job} process.`,
    unit: 'bytes',
    queries: [residentMemory(job)],
  })
}

export function cpuTimeseries(job: ControlPlaneJob): LabPanel {
  return timeseries({
    title: 'CPU usage',
    description: `Cores that the ${job} process uses.`,
    unit: 'short',
    queries: [processCpu(job)],
  })
}

export function goroutinesTimeseries(job: ControlPlaneJob): LabPanel {
  return timeseries({
    title: 'Goroutines',
    description: `Goroutines of the ${job} process. A number that only grows is a leak.`,
    unit: 'short',
    queries: [goroutines(job)],
  })
}
