import { type DashboardDefinition, line, row } from '../dashboard.ts'
import { wholeCluster } from '../granularity.ts'
import * as slo from '../panels/apiserver.ts'
import * as component from '../panels/control-plane.ts'
import * as store from '../panels/etcd.ts'
import { kwokOpenFilesTimeseries, kwokTrafficTimeseries } from '../panels/kwok.ts'
import { nodesStat } from '../panels/nodes.ts'
import { runningPodsStat } from '../panels/pods.ts'
import { pendingPodsTimeseries, schedulingLatencyTimeseries, schedulingRateTimeseries } from '../panels/scheduler.ts'
import type { ControlPlaneJob } from '../queries/control-plane.ts'
import { uids } from '../uids.ts'
import { clusterOfJobVariable, instanceVariable } from '../variables.ts'

export const apiserver = componentDashboard('apiserver', {
  uid: uids.apiserver,
  title: 'Kubernetes / API server',
  description: 'Availability, errors and latency of the API server, and its resources.',
  prerequisites: ['control-plane'],
  rows: [
    row('Availability', line(7, slo.availabilityStat, slo.errorBudgetTimeseries)),
    row('Reads', line(7, slo.sliPanels('read'))),
    row('Writes', line(7, slo.sliPanels('write'))),
    row(
      'Work queues',
      line(
        7,
        component.workQueueAddsTimeseries('apiserver'),
        component.workQueueDepthTimeseries('apiserver'),
      ),
      line(7, component.workQueueLatencyTimeseries('apiserver')),
    ),
  ],
})

export const controllerManager = componentDashboard('kube-controller-manager', {
  uid: uids.controllerManager,
  title: 'Kubernetes / Controller Manager',
  description: "The controllers' work queues, and their requests to the API server.",
  prerequisites: ['control-plane'],
  rows: [
    row(
      'Work queues',
      line(
        7,
        component.upStat('kube-controller-manager'),
        component.workQueueAddsTimeseries('kube-controller-manager'),
      ),
      line(7, component.workQueueDepthTimeseries('kube-controller-manager')),
    ),
    row('Latency', line(7, component.workQueueLatencyTimeseries('kube-controller-manager'))),
    requestsRow('kube-controller-manager'),
  ],
})

export const scheduler = componentDashboard('kube-scheduler', {
  uid: uids.scheduler,
  title: 'Kubernetes / Scheduler',
  description: 'Scheduling rate, latency and pending pods.',
  prerequisites: ['control-plane'],
  rows: [
    row(
      'Scheduling',
      line(7, component.upStat('kube-scheduler'), pendingPodsTimeseries),
      line(7, schedulingRateTimeseries, schedulingLatencyTimeseries),
    ),
    requestsRow('kube-scheduler'),
  ],
})

export const etcd = componentDashboard('etcd', {
  uid: uids.etcd,
  title: 'etcd',
  description: 'The store of the API server.',
  prerequisites: ['etcd'],
  rows: [
    row(
      'Health',
      line(4, component.upStat('etcd'), store.hasLeaderStat, store.leaderChangesStat, store.databaseUtilisationGauge),
    ),
    row(
      'Calls',
      line(7, store.callRateTimeseries, store.failedCallRateTimeseries),
      line(7, store.openStreamsTimeseries, store.clientTrafficTimeseries),
    ),
    row('Data', line(7, store.databaseSizeTimeseries, store.diskLatencyTimeseries), line(7, store.proposalsTimeseries)),
  ],
})

export const kwokController = componentDashboard('kwok-controller', {
  uid: uids.kwok,
  title: 'KWOK controller',
  description: 'The process that simulates the nodes. Its requests to the API server are the cost of the simulation.',
  prerequisites: ['kwok'],
  rows: [
    row(
      'Simulated',
      line(4, component.upStat('kwok-controller'), nodesStat(wholeCluster), runningPodsStat(wholeCluster)),
    ),
    row('Traffic', line(7, kwokTrafficTimeseries, kwokOpenFilesTimeseries)),
  ],
})

/** The dashboard of a component, with the usage of its process in the last row. */
function componentDashboard(job: ControlPlaneJob, given: Omit<DashboardDefinition, 'variables'>): DashboardDefinition {
  const { memoryTimeseries, cpuTimeseries, goroutinesTimeseries } = component
  const process = row('Process', line(7, memoryTimeseries(job), cpuTimeseries(job), goroutinesTimeseries(job)))
  return {
    ...given,
    variables: [clusterOfJobVariable(job), instanceVariable(job)],
    rows: [...given.rows, process],
  }
}

function requestsRow(job: ControlPlaneJob) {
  return row(
    'Requests to the API server',
    line(7, component.apiRequestRateTimeseries(job)),
    line(7, component.apiLatencyTimeseries(job, 'POST'), component.apiLatencyTimeseries(job, 'GET')),
  )
}
