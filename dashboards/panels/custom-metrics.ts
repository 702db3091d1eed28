import { type LabPanel, timeseries } from '../panel-builders.ts'
import {
  diskLatencies,
  diskOperations,
  logBytes,
  meanRequestDuration,
  openFiles,
  podRequests,
  queueLength,
  requestDurations,
  startedContainers,
  temperature,
} from '../queries/custom-metrics.ts'

export function temperatureTimeseries(): LabPanel {
  return timeseries({
    title: 'Temperature',
    description: 'Gauge of nodes: degrees Celsius, up and down by ten in two minutes.',
    unit: 'celsius',
    queries: [temperature],
  })
}

export function startedContainersTimeseries(): LabPanel {
  return timeseries({
    title: 'Started containers',
    description: 'Counter of nodes: containers that were started within the time range.',
    unit: 'short',
    queries: [startedContainers],
  })
}

export function diskOperationsTimeseries(): LabPanel {
  return timeseries({
    title: 'Disk operations',
    description: 'Histogram of nodes: operations per second, 50 for each node.',
    unit: 'iops',
    queries: [diskOperations],
  })
}

export function diskLatencyTimeseries(): LabPanel {
  return timeseries({
    title: 'Disk latency',
    description:
      'Histogram of nodes: median, 95th and 99th percentile of the duration of operations of the selected nodes.',
    unit: 's',
    queries: diskLatencies,
  })
}

export function queueLengthTimeseries(): LabPanel {
  return timeseries({
    title: 'Queue length',
    description: 'Gauge of pods: waiting requests per pod of each application, from 0 to 59 within each minute.',
    unit: 'short',
    queries: [queueLength],
  })
}

export function podRequestsTimeseries(): LabPanel {
  return timeseries({
    title: 'Requests',
    description: 'Counter of pods: requests per second of the pods of each application, five for each pod.',
    unit: 'reqps',
    stacked: true,
    queries: [podRequests],
  })
}

export function requestDurationTimeseries(): LabPanel {
  return timeseries({
    title: 'Request duration',
    description:
      'Histogram of pods: median, 95th and 99th percentile of the duration of requests of the selected pods.',
    unit: 's',
    queries: requestDurations,
  })
}

export function meanRequestDurationTimeseries(): LabPanel {
  return timeseries({
    title: 'Request duration, mean',
    description: 'Histogram of pods: mean request duration of the pods of each application.',
    unit: 's',
    queries: [meanRequestDuration],
  })
}

export function openFilesTimeseries(): LabPanel {
  return timeseries({
    title: 'Open files',
    description: 'Gauge of containers: open files, proportional to CPU usage.',
    unit: 'short',
    queries: [openFiles],
  })
}

export function logBytesTimeseries(): LabPanel {
  return timeseries({
    title: 'Log written',
    description: 'Counter of containers: bytes per second that each writes to its log.',
    unit: 'Bps',
    queries: [logBytes],
  })
}
