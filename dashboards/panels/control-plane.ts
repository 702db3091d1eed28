import { stat, steps, timeseries } from '../panel-builders.ts'
import type { ControlPlaneJob } from '../queries/control-plane.ts'
import * as query from '../queries/control-plane.ts'

export const upStat = (job: ControlPlaneJob) =>
  stat({
    title: 'Up',
    description: `Instances of ${job} whose scrape succeeds.`,
    unit: 'none',
    query: query.up(job),
    thresholds: steps('red', [1, 'green']),
  })

export const workQueueAddsTimeseries = (job: ControlPlaneJob) =>
  timeseries({
    title: 'Work Queue Add Rate',
    description: 'Objects per second added to each work queue.',
    unit: 'ops',
    queries: [query.workQueueAdds(job)],
  })

export const workQueueDepthTimeseries = (job: ControlPlaneJob) =>
  timeseries({
    title: 'Work Queue Depth',
    description: 'Objects waiting in each work queue. A queue that stays long is processed too slowly.',
    unit: 'short',
    queries: [query.workQueueDepth(job)],
  })

export const workQueueLatencyTimeseries = (job: ControlPlaneJob) =>
  timeseries({
    title: 'Work Queue Latency',
    description: 'The 99th percentile of the time that objects spend in each work queue.',
    unit: 's',
    queries: [query.workQueueLatency(job)],
  })

export const apiRequestRateTimeseries = (job: ControlPlaneJob) =>
  timeseries({
    title: 'Kube API Request Rate',
    description: `Requests per second of ${job} to the API server, by status code.`,
    unit: 'reqps',
    stacked: true,
    queries: [query.apiRequestRate(job)],
  })

export const apiLatencyTimeseries = (job: ControlPlaneJob, verb: 'POST' | 'GET') =>
  timeseries({
    title: `${verb === 'POST' ? 'Post' : 'Get'} Request Latency 99th Quantile`,
    description: `The 99th percentile of the duration of ${verb} requests of ${job} to the API server.`,
    unit: 's',
    queries: [query.apiRequestLatency(job, verb)],
  })

export const memoryTimeseries = (job: ControlPlaneJob) =>
  timeseries({
    title: 'Memory',
    description: `Resident memory of the ${job} process.`,
    unit: 'bytes',
    queries: [query.residentMemory(job)],
  })

export const cpuTimeseries = (job: ControlPlaneJob) =>
  timeseries({
    title: 'CPU usage',
    description: `Cores that the ${job} process uses.`,
    unit: 'short',
    queries: [query.processCpu(job)],
  })

export const goroutinesTimeseries = (job: ControlPlaneJob) =>
  timeseries({
    title: 'Goroutines',
    description: `Goroutines of the ${job} process. A number that only grows indicates a leak.`,
    unit: 'short',
    queries: [query.goroutines(job)],
  })
