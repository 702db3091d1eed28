import { activeSeries, REQUESTED, type Requested } from '../queries/requested.ts'
import { POD, WORKLOAD_OF_POD } from '../queries/scope.ts'
import type { RecordingRule, RuleGroup } from './rule.ts'

/** Owners that the collector's k8s_attributes processor names on a pod, with the label and the word for the type. */
const OWNERS = [
  ['k8s_deployment_name', 'deployment'],
  ['k8s_statefulset_name', 'statefulset'],
  ['k8s_daemonset_name', 'daemonset'],
  // A CronJob's pods count as its Jobs': the name of the CronJob could only be guessed.
  ['k8s_job_name', 'job'],
] as const

/** Of pods that are Pending or Running. */
const ACTIVE = 'namespace_workload_pod:k8s_pod_phase:active'

/** Which workload each pod belongs to, and what its containers and all of a namespace ask for. Each rule uses those before it. */
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
    // A pod seen before its owner has an older series without one, for as long as the look-back: two workloads of one pod
    // would fail every query that joins, so the first that knows an owner decides.
    expr: `group by (${POD}, workload, workload_type) (\n  ${parts.join(`\n  or on (${POD})\n  `)}\n)`,
  }
}

/**
 * The pods that are not finished, with their workloads. A pod that has just got its node has two series for as long as the
 * look-back, the one without a node being old: the greater phase is the present one.
 */
function activePods(): RecordingRule {
  return { record: ACTIVE, expr: `${WORKLOAD_OF_POD} and on (${POD}) max by (${POD}) (k8s_pod_phase) <= 2` }
}

/** What each container of a pod that isn't finished asks for, once: with its node as soon as it is known. */
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
