import type { CatalogMetric } from '../../lib/checks/lint/metric-catalog.ts'
import { group, SCRAPED_LABELS } from './rows.ts'

const WORK_QUEUE = [...SCRAPED_LABELS, 'name']
const REQUEST = ['component', 'group', 'resource', 'scope', 'subresource', 'verb', 'version']

/** The metrics of the control plane that dashboards and rules use, and related ones. */
export function controlPlaneMetrics(): CatalogMetric[] {
  return [
    ...group('control-plane', SCRAPED_LABELS, {
      go_goroutines: ['gauge', '1'],
      process_cpu_seconds_total: ['counter', 'seconds'],
      process_network_receive_bytes_total: ['counter', 'bytes'],
      process_network_transmit_bytes_total: ['counter', 'bytes'],
      process_open_fds: ['gauge', '1'],
      process_resident_memory_bytes: ['gauge', 'bytes'],
      process_start_time_seconds: ['gauge', 'seconds'],
    }),
    ...group('control-plane', WORK_QUEUE, {
      workqueue_adds_total: ['counter', '1'],
      workqueue_depth: ['gauge', '1'],
      workqueue_queue_duration_seconds: ['histogram', 'seconds'],
    }),
    ...group('control-plane', [...SCRAPED_LABELS, 'code', 'host', 'method'], {
      rest_client_requests_total: ['counter', '1'],
    }),
    ...group('control-plane', [...SCRAPED_LABELS, 'host', 'verb'], {
      rest_client_request_duration_seconds: ['histogram', 'seconds'],
    }),
    ...group('kube-apiserver', [...SCRAPED_LABELS, ...REQUEST], {
      apiserver_request_sli_duration_seconds: ['histogram', 'seconds'],
    }),
    ...group('kube-apiserver', [...SCRAPED_LABELS, ...REQUEST, 'code'], { apiserver_request_total: ['counter', '1'] }),
    ...group('kube-apiserver', [...SCRAPED_LABELS, 'request_kind'], {
      apiserver_current_inflight_requests: ['gauge', '1'],
    }),
    ...group('kube-scheduler', [...SCRAPED_LABELS, 'queue'], { scheduler_pending_pods: ['gauge', '1'] }),
    ...group('kube-scheduler', [...SCRAPED_LABELS, 'attempts'], {
      scheduler_pod_scheduling_sli_duration_seconds: ['histogram', 'seconds'],
    }),
    ...group('kube-scheduler', SCRAPED_LABELS, {
      scheduler_scheduling_algorithm_duration_seconds: ['histogram', 'seconds'],
    }),
    ...group('kube-scheduler', [...SCRAPED_LABELS, 'profile', 'result'], {
      scheduler_schedule_attempts_total: ['counter', '1'],
      scheduler_scheduling_attempt_duration_seconds: ['histogram', 'seconds'],
    }),
    ...etcdMetrics(),
  ]
}

function etcdMetrics(): CatalogMetric[] {
  const call = [...SCRAPED_LABELS, 'grpc_method', 'grpc_service', 'grpc_type']
  return [
    ...group('etcd', SCRAPED_LABELS, {
      etcd_disk_backend_commit_duration_seconds: ['histogram', 'seconds'],
      etcd_disk_wal_fsync_duration_seconds: ['histogram', 'seconds'],
      etcd_mvcc_db_total_size_in_bytes: ['gauge', 'bytes'],
      etcd_mvcc_db_total_size_in_use_in_bytes: ['gauge', 'bytes'],
      etcd_network_client_grpc_received_bytes_total: ['counter', 'bytes'],
      etcd_network_client_grpc_sent_bytes_total: ['counter', 'bytes'],
      etcd_server_has_leader: ['gauge', '1'],
      etcd_server_leader_changes_seen_total: ['counter', '1'],
      // etcd declares the next two as gauges, but they are counters.
      etcd_server_proposals_applied_total: ['counter', '1'],
      etcd_server_proposals_committed_total: ['counter', '1'],
      etcd_server_proposals_failed_total: ['counter', '1'],
      etcd_server_proposals_pending: ['gauge', '1'],
      etcd_server_quota_backend_bytes: ['gauge', 'bytes'],
    }),
    ...group('etcd', call, { grpc_server_started_total: ['counter', '1'] }),
    ...group('etcd', [...call, 'grpc_code'], { grpc_server_handled_total: ['counter', '1'] }),
  ]
}
