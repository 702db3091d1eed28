import { timeseries } from '../panel-builders.ts'
import * as query from '../queries/custom-metrics.ts'

export const temperatureTimeseries = timeseries({
  title: 'Temperature',
  description: 'Gauge of nodes: degrees Celsius, up and down by ten in two minutes.',
  unit: 'celsius',
  queries: [query.temperature],
})

export const startedContainersTimeseries = timeseries({
  title: 'Started containers',
  description: 'Counter of nodes: containers that were started within the time range.',
  unit: 'short',
  queries: [query.startedContainers],
})

export const diskOperationsTimeseries = timeseries({
  title: 'Disk operations',
  description: 'Histogram of nodes: operations per second, 50 for each node.',
  unit: 'iops',
  queries: [query.diskOperations],
})

export const diskLatencyTimeseries = timeseries({
  title: 'Disk latency',
  description:
    'Histogram of nodes: median, 95th and 99th percentile of the duration of operations of the selected nodes.',
  unit: 's',
  queries: query.diskLatencies,
})

export const queueLengthTimeseries = timeseries({
  title: 'Queue length',
  description: 'Gauge of pods: waiting requests per pod of each application, from 0 to 59 within each minute.',
  unit: 'short',
  queries: [query.queueLength],
})

export const podRequestsTimeseries = timeseries({
  title: 'Requests',
  description: 'Counter of pods: requests per second of the pods of each application, five for each pod.',
  unit: 'reqps',
  stacked: true,
  queries: [query.podRequests],
})

export const requestDurationTimeseries = timeseries({
  title: 'Request duration',
  description: 'Histogram of pods: median, 95th and 99th percentile of the duration of requests of the selected pods.',
  unit: 's',
  queries: query.requestDurations,
})

export const meanRequestDurationTimeseries = timeseries({
  title: 'Request duration, mean',
  description: 'Histogram of pods: mean request duration of the pods of each application.',
  unit: 's',
  queries: [query.meanRequestDuration],
})

export const openFilesTimeseries = timeseries({
  title: 'Open files',
  description: 'Gauge of containers: open files, proportional to CPU usage.',
  unit: 'short',
  queries: [query.openFiles],
})

export const logBytesTimeseries = timeseries({
  title: 'Log written',
  description: 'Counter of containers: bytes per second that each writes to its log.',
  unit: 'Bps',
  queries: [query.logBytes],
})
