import { type LabDashboard, labDashboard, line, row } from '../dashboard.ts'
import { wholeCluster } from '../granularity.ts'
import {
  availabilityStat,
  errorBudgetTimeseries,
  kindAvailabilityStat,
  sliDurationTimeseries,
  sliErrorsTimeseries,
  sliRequestsTimeseries,
} from '../panels/apiserver.ts'
import {
  apiLatencyTimeseries,
  apiRequestRateTimeseries,
  cpuTimeseries,
  goroutinesTimeseries,
  memoryTimeseries,
  upStat,
  workQueueAddsTimeseries,
  workQueueDepthTimeseries,
  workQueueLatencyTimeseries,
} from '../panels/control-plane.ts'
import {
  callRateTimeseries,
  clientTrafficTimeseries,
  databaseSizeTimeseries,
  databaseUtilisationGauge,
  diskLatencyTimeseries,
  failedCallRateTimeseries,
  hasLeaderStat,
  leaderChangesStat,
  openStreamsTimeseries,
  proposalsTimeseries,
} from '../panels/etcd.ts'
import { kwokOpenFilesTimeseries, kwokTrafficTimeseries } from '../panels/kwok.ts'
import { nodesStat } from '../panels/nodes.ts'
import { runningPodsStat } from '../panels/pods.ts'
import { pendingPodsTimeseries, schedulingLatencyTimeseries, schedulingRateTimeseries } from '../panels/scheduler.ts'
import type { ControlPlaneJob } from '../queries/control-plane.ts'
import { uids } from '../uids.ts'
import { clusterOfJobVariable, datasourceVariable, instanceVariable } from '../variables.ts'

export function apiserver(): LabDashboard {
  const job = 'kube-apiserver'
  return labDashboard({
    uid: uids.apiserver,
    title: 'Kubernetes / API server',
    description: 'Availability, errors and latency of the API server, and its resources.',
    prerequisites: ['control-plane'],
    variables: variablesOf(job),
    rows: [
      row('Availability', line(7, availabilityStat(), errorBudgetTimeseries())),
      row('Reads', ...sli('read')),
      row('Writes', ...sli('write')),
      row(
        'Work queues',
        line(7, workQueueAddsTimeseries(job), workQueueDepthTimeseries(job)),
        line(7, workQueueLatencyTimeseries(job)),
      ),
      processRow(job),
    ],
  })
}

export function controllerManager(): LabDashboard {
  const job = 'kube-controller-manager'
  return labDashboard({
    uid: uids.controllerManager,
    title: 'Kubernetes / Controller Manager',
    description: "The controllers' work queues, and their requests to the API server.",
    prerequisites: ['control-plane'],
    variables: variablesOf(job),
    rows: [
      row('Work queues', line(7, upStat(job), workQueueAddsTimeseries(job)), line(7, workQueueDepthTimeseries(job))),
      row('Latency', line(7, workQueueLatencyTimeseries(job))),
      requestsRow(job),
      processRow(job),
    ],
  })
}

export function scheduler(): LabDashboard {
  const job = 'kube-scheduler'
  return labDashboard({
    uid: uids.scheduler,
    title: 'Kubernetes / Scheduler',
    description: 'Scheduling rate, latency and pending pods.',
    prerequisites: ['control-plane'],
    variables: variablesOf(job),
    rows: [
      row(
        'Scheduling',
        line(7, upStat(job), pendingPodsTimeseries()),
        line(7, schedulingRateTimeseries(), schedulingLatencyTimeseries()),
      ),
      requestsRow(job),
      processRow(job),
    ],
  })
}

export function etcd(): LabDashboard {
  const job = 'etcd'
  return labDashboard({
    uid: uids.etcd,
    title: 'etcd',
    description: 'The store of the API server.',
    prerequisites: ['etcd'],
    variables: variablesOf(job),
    rows: [
      row('Health', line(4, upStat(job), hasLeaderStat(), leaderChangesStat(), databaseUtilisationGauge())),
      row(
        'Calls',
        line(7, callRateTimeseries(), failedCallRateTimeseries()),
        line(7, openStreamsTimeseries(), clientTrafficTimeseries()),
      ),
      row('Data', line(7, databaseSizeTimeseries(), diskLatencyTimeseries()), line(7, proposalsTimeseries())),
      processRow(job),
    ],
  })
}

export function kwokController(): LabDashboard {
  const job = 'kwok-controller'
  return labDashboard({
    uid: uids.kwok,
    title: 'KWOK controller',
    description: 'The process that simulates the nodes. Its requests to the API server are the cost of the simulation.',
    prerequisites: ['kwok'],
    variables: variablesOf(job),
    rows: [
      row('Simulated', line(4, upStat(job), nodesStat(wholeCluster), runningPodsStat(wholeCluster))),
      row('Traffic', line(7, kwokTrafficTimeseries(), kwokOpenFilesTimeseries())),
      processRow(job),
    ],
  })
}

function sli(kind: 'read' | 'write') {
  return [
    line(
      7,
      kindAvailabilityStat(kind),
      sliRequestsTimeseries(kind),
      sliErrorsTimeseries(kind),
      sliDurationTimeseries(kind),
    ),
  ]
}

function requestsRow(job: ControlPlaneJob) {
  return row(
    'Requests to the API server',
    line(7, apiRequestRateTimeseries(job)),
    line(7, apiLatencyTimeseries(job, 'POST'), apiLatencyTimeseries(job, 'GET')),
  )
}

function processRow(job: ControlPlaneJob) {
  return row('Process', line(7, memoryTimeseries(job), cpuTimeseries(job), goroutinesTimeseries(job)))
}

function variablesOf(job: ControlPlaneJob) {
  return [datasourceVariable(), clusterOfJobVariable(job), instanceVariable(job)]
}
