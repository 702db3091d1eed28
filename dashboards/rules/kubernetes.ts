import { activeSeries, REQUESTED, type Requested } from '../queries/requested.ts'
import { POD, WORKLOAD_OF_POD } from '../queries/scope.ts'
import type { RecordingRule, RuleGroup } from './rule.ts'

/** Owners that the collector's k8s_attributes processor adds to pods, with the label and the type. */
const OWNERS = [
  ['k8s_deployment_name', 'deployment'],
  ['k8s_statefulset_name', 'statefulset'],
  ['k8s_daemonset_name', 'daemonset'],
  // The pods of a CronJob count for its Jobs, because no label has the name of the CronJob.
  ['k8s_job_name', 'job'],
] as const

/** Of pods that are Pending or Running. */
const ACTIVE = 'namespace_workload_pod:k8s_pod_phase:active'

/**
 * The workload of each pod, and the requests and limits of containers and namespaces. Each rule uses those before it.
 */
export function kubernetesRules(): RuleGroup {
  return {
    name: 'kubernetes',
    rules: [
      workloadOfPod(),
      activePods(),
      ...REQUESTED.map(activeRequest),
      requestedByNamespace('namespace_cpu:k8s_container_cpu_request:sum', 'k8s_container_cpu_request'),
      requestedByNamespace(
        'namespace_memory:k8s_container_memory_request_bytes:sum',
        'k8s_container_memory_request_bytes',
      ),
    ],
  }
}

/** 1 for each pod, with `workload` and `workload_type`. */
function workloadOfPod(): RecordingRule {
  const labelled = (matchers: string, label: string, type: string) =>
    `label_replace(label_replace(k8s_pod_phase{${matchers}}, "workload", "$1", "${label}", "(.+)"), "workload_type", "${type}", "", "")`
  const none = OWNERS.map(([label]) => `${label}=""`)
  const parts = [
    ...OWNERS.map(([label, type]) => labelled(`${label}!=""`, label, type)),
    labelled('k8s_replicaset_name!="", k8s_deployment_name=""', 'k8s_replicaset_name', 'replicaset'),
    labelled(['k8s_replicaset_name=""', ...none].join(', '), 'k8s_pod_name', 'barepod'),
  ]
  return {
    record: WORKLOAD_OF_POD,
    // A pod that is measured before its owner is known has a second series without the owner for one look-back. Two
    // workloads of one pod would fail every query that joins, so the first one with an owner counts.
    expr: `group by (${POD}, workload, workload_type) (\n  ${parts.join(`\n  or on (${POD})\n  `)}\n)`,
  }
}

/**
 * Unfinished pods with their workloads. A pod that was just bound has two series for one look-back, the older one
 * without a node: the greater phase is the current one.
 */
function activePods(): RecordingRule {
  return { record: ACTIVE, expr: `${WORKLOAD_OF_POD} and on (${POD}) max by (${POD}) (k8s_pod_phase) <= 2` }
}

/** The requests and limits of the containers of unfinished pods, each once, with the node if it is known. */
function activeRequest(metric: Requested): RecordingRule {
  const container = `${POD}, k8s_container_name`
  const placed = `max by (${container}, k8s_node_name) (${metric}{k8s_node_name!=""})`
  const any = `max by (${container}) (${metric})`
  return {
    record: activeSeries(metric),
    expr: `(${placed} or on (${container}) ${any})\n* on (${POD}) group_left (workload, workload_type) ${ACTIVE}`,
  }
}

function requestedByNamespace(record: string, metric: Requested): RecordingRule {
  return { record, expr: `sum by (k8s_cluster_name, k8s_namespace_name) (${activeSeries(metric)})` }
}
