import type { CatalogMetric } from '../../lib/checks/lint/metric-catalog.ts'
import { CLUSTER, CONTAINER_LABELS, group, NODE_LABELS, POD_LABELS } from './rows.ts'

export const K8S_CLUSTER = 'k8s_cluster'

/** The metrics of API objects. States are numbers: see the receiver's documentation. */
export function k8sClusterMetrics(): CatalogMetric[] {
  const of = (label: string) => [CLUSTER, 'k8s_namespace_name', label]
  return [
    ...group(K8S_CLUSTER, NODE_LABELS, {
      k8s_node_allocatable_cpu: ['gauge', 'cores'],
      k8s_node_allocatable_ephemeral_storage_bytes: ['gauge', 'bytes'],
      k8s_node_allocatable_memory_bytes: ['gauge', 'bytes'],
      k8s_node_allocatable_pods: ['gauge', '1'],
      k8s_node_condition_disk_pressure: ['gauge', '1'],
      k8s_node_condition_memory_pressure: ['gauge', '1'],
      k8s_node_condition_network_unavailable: ['gauge', '1'],
      k8s_node_condition_pid_pressure: ['gauge', '1'],
      k8s_node_condition_ready: ['gauge', '1'],
    }),
    ...group(K8S_CLUSTER, [CLUSTER, 'k8s_namespace_name'], { k8s_namespace_phase: ['gauge', '1'] }),
    ...group(K8S_CLUSTER, POD_LABELS, { k8s_pod_phase: ['gauge', '1'] }),
    ...group(K8S_CLUSTER, CONTAINER_LABELS, {
      k8s_container_cpu_limit: ['gauge', 'cores'],
      k8s_container_cpu_request: ['gauge', 'cores'],
      k8s_container_memory_limit_bytes: ['gauge', 'bytes'],
      k8s_container_memory_request_bytes: ['gauge', 'bytes'],
      k8s_container_ready: ['gauge', '1'],
      k8s_container_restarts: ['gauge', '1'],
    }),
    ...group(K8S_CLUSTER, of('k8s_deployment_name'), {
      k8s_deployment_available: ['gauge', '1'],
      k8s_deployment_desired: ['gauge', '1'],
    }),
    ...group(K8S_CLUSTER, of('k8s_replicaset_name'), {
      k8s_replicaset_available: ['gauge', '1'],
      k8s_replicaset_desired: ['gauge', '1'],
    }),
    ...group(K8S_CLUSTER, of('k8s_statefulset_name'), {
      k8s_statefulset_current_pods: ['gauge', '1'],
      k8s_statefulset_desired_pods: ['gauge', '1'],
      k8s_statefulset_ready_pods: ['gauge', '1'],
      k8s_statefulset_updated_pods: ['gauge', '1'],
    }),
    ...group(K8S_CLUSTER, of('k8s_daemonset_name'), {
      k8s_daemonset_current_scheduled_nodes: ['gauge', '1'],
      k8s_daemonset_desired_scheduled_nodes: ['gauge', '1'],
      k8s_daemonset_misscheduled_nodes: ['gauge', '1'],
      k8s_daemonset_ready_nodes: ['gauge', '1'],
    }),
    ...group(K8S_CLUSTER, of('k8s_job_name'), {
      k8s_job_active_pods: ['gauge', '1'],
      k8s_job_desired_successful_pods: ['gauge', '1'],
      k8s_job_failed_pods: ['gauge', '1'],
      k8s_job_max_parallel_pods: ['gauge', '1'],
      k8s_job_successful_pods: ['gauge', '1'],
    }),
    ...group(K8S_CLUSTER, of('k8s_cronjob_name'), { k8s_cronjob_active_jobs: ['gauge', '1'] }),
    ...group(K8S_CLUSTER, of('k8s_hpa_name'), {
      k8s_hpa_current_replicas: ['gauge', '1'],
      k8s_hpa_desired_replicas: ['gauge', '1'],
      k8s_hpa_max_replicas: ['gauge', '1'],
      k8s_hpa_min_replicas: ['gauge', '1'],
    }),
    // Millicores for `requests.cpu` and `limits.cpu`, bytes for memory, else a count: by the label `resource`.
    ...group(K8S_CLUSTER, [...of('k8s_resourcequota_name'), 'resource'], {
      k8s_resource_quota_hard_limit: ['gauge', 'by resource'],
      k8s_resource_quota_used: ['gauge', 'by resource'],
    }),
  ]
}
