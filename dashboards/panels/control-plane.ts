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
    description: `Instances of ${job} whose scrape succeeds.`,
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
    description: 'Objects per second added to each work queue.',
    unit: 'ops',
    queries: [workQueueAdds(job)],
  })
}

export function workQueueDepthTimeseries(job: ControlPlaneJob): LabPanel {
  return timeseries({
    title: 'Work Queue Depth',
    description: 'Objects waiting in each work queue. A queue that stays long is processed too slowly.',
    unit: 'short',
    queries: [workQueueDepth(job)],
  })
}

export function workQueueLatencyTimeseries(job: ControlPlaneJob): LabPanel {
  return timeseries({
    title: 'Work Queue Latency',
    description: 'The 99th percentile of the time that objects spend in each work queue.',
    unit: 's',
    queries: [workQueueLatency(job)],
  })
}

export function apiRequestRateTimeseries(job: ControlPlaneJob): LabPanel {
  return timeseries({
    title: 'Kube API Request Rate',
    description: `Requests per second of ${job} to the API server, by status code.`,
    unit: 'reqps',
    stacked: true,
    queries: [apiRequestRate(job)],
  })
}

export function apiLatencyTimeseries(job: ControlPlaneJob, verb: 'POST' | 'GET'): LabPanel {
  return timeseries({
    title: `${verb === 'POST' ? 'Post' : 'Get'} Request Latency 99th Quantile`,
    description: `The 99th percentile of the duration of ${verb} requests of ${job} to the API server.`,
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
    description: `Goroutines of the ${job} process. A number that only grows indicates a leak.`,
    unit: 'short',
    queries: [goroutines(job)],
  })
}
