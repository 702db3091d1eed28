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
    description: 'Gauge of nodes: degrees, up and down by ten in two minutes.',
    unit: 'celsius',
    queries: [temperature],
  })
}

export function startedContainersTimeseries(): LabPanel {
  return timeseries({
    title: 'Started containers',
    description: 'Counter of nodes: containers that were started there within the chosen time.',
    unit: 'short',
    queries: [startedContainers],
  })
}

export function diskOperationsTimeseries(): LabPanel {
  return timeseries({
    title: 'Disk operations',
    description: 'Histogram of nodes: how many operations a second it counts, 50 a node.',
    unit: 'iops',
    queries: [diskOperations],
  })
}

export function diskLatencyTimeseries(): LabPanel {
  return timeseries({
    title: 'Disk latency',
    description:
      'Histogram of nodes: time within which half, 95 and 99 of 100 operations of the chosen nodes are done.',
    unit: 's',
    queries: diskLatencies,
  })
}

export function queueLengthTimeseries(): LabPanel {
  return timeseries({
    title: 'Queue length',
    description: 'Gauge of pods: requests that wait at the mean pod of each application, from 0 to 59 each minute.',
    unit: 'short',
    queries: [queueLength],
  })
}

export function podRequestsTimeseries(): LabPanel {
  return timeseries({
    title: 'Requests',
    description: 'Counter of pods: requests a second of the pods of each application, five a pod.',
    unit: 'reqps',
    stacked: true,
    queries: [podRequests],
  })
}

export function requestDurationTimeseries(): LabPanel {
  return timeseries({
    title: 'Request duration',
    description:
      'Histogram of pods: time within which half, 95 and 99 of 100 requests of the chosen pods are answered.',
    unit: 's',
    queries: requestDurations,
  })
}

export function meanRequestDurationTimeseries(): LabPanel {
  return timeseries({
    title: 'Request duration, mean',
    description: 'Histogram of pods: time that the pods of each application take for a request in the mean.',
    unit: 's',
    queries: [meanRequestDuration],
  })
}

export function openFilesTimeseries(): LabPanel {
  return timeseries({
    title: 'Open files',
    description: 'Gauge of containers: files that each holds open, more the more CPU it uses.',
    unit: 'short',
    queries: [openFiles],
  })
}

export function logBytesTimeseries(): LabPanel {
  return timeseries({
    title: 'Log written',
    description: 'Counter of containers: bytes a second that each writes to its log.',
    unit: 'Bps',
    queries: [logBytes],
  })
}
