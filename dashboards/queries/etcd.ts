import { ofJob, quantile, rate } from './control-plane.ts'
import { named, type Query } from './query.ts'

const JOB = 'etcd'
const gauge = (metric: string, legend: string): Query => ({ expr: `${metric}{${ofJob(JOB)}}`, legend })

/** Members with a leader. */
export const hasLeader: Query = { expr: `sum by (k8s_cluster_name) (etcd_server_has_leader{${ofJob(JOB)}})` }
/** Leader changes within the dashboard's time range. */
export const leaderChanges: Query = {
  expr: `max by (k8s_cluster_name) (increase(etcd_server_leader_changes_seen_total{${ofJob(JOB)}}[$__range]))`,
}
/** Calls of clients per second, by method. */
export const callRate: Query = { ...rate('grpc_server_started_total', JOB, ['grpc_method']), legend: '{{grpc_method}}' }
/** Failed calls per second, by method and code. */
export const failedCallRate: Query = {
  expr: `sum by (grpc_method, grpc_code) (rate(grpc_server_handled_total{${ofJob(JOB)}, grpc_code=~"Unknown|FailedPrecondition|ResourceExhausted|Internal|Unavailable|DataLoss|DeadlineExceeded"}[$__rate_interval]))`,
  legend: '{{grpc_method}} {{grpc_code}}',
  emptyWhen: {
    because: 'a server without failed calls has no series of them',
    given: `grpc_server_handled_total{${ofJob(JOB)}}`,
  },
}
/** Open watches and lease streams. */
export const openStreams: Query[] = (
  [
    ['Watch', 'watches'],
    ['LeaseKeepAlive', 'leases'],
  ] as const
).map(([method, legend]) => {
  const matchers = `${ofJob(JOB)}, grpc_type="bidi_stream", grpc_method="${method}"`
  return {
    expr: `sum(grpc_server_started_total{${matchers}}) - sum(grpc_server_handled_total{${matchers}})`,
    legend,
  }
})
/** The size of the database file, and its used part, in bytes. */
export const databaseSize: Query[] = [
  gauge('etcd_mvcc_db_total_size_in_bytes', '{{instance}} file'),
  gauge('etcd_mvcc_db_total_size_in_use_in_bytes', '{{instance}} in use'),
]
/** The size of the database file as a share of its quota, 0 to 1. */
export const databaseUtilisation: Query = {
  expr: `etcd_mvcc_db_total_size_in_bytes{${ofJob(JOB)}} / etcd_server_quota_backend_bytes{${ofJob(JOB)}}`,
  legend: '{{instance}}',
}
/** The 99th percentile of the duration of disk writes, in seconds. */
export const diskLatencies: Query[] = [
  named('{{instance}} log', quantile('etcd_disk_wal_fsync_duration_seconds', JOB, ['instance'])),
  named('{{instance}} database', quantile('etcd_disk_backend_commit_duration_seconds', JOB, ['instance'])),
]
/** Bits per second from and to clients. */
export const clientTraffic: Query[] = (['received', 'sent'] as const).map(way => ({
  expr: `8 * sum by (instance) (rate(etcd_network_client_grpc_${way}_bytes_total{${ofJob(JOB)}}[$__rate_interval]))`,
  legend: `{{instance}} ${way}`,
}))
/** Raft proposals per second: committed, applied and failed. */
export const proposals: Query[] = [
  named('committed', rate('etcd_server_proposals_committed_total', JOB, ['instance'])),
  named('applied', rate('etcd_server_proposals_applied_total', JOB, ['instance'])),
  named('failed', rate('etcd_server_proposals_failed_total', JOB, ['instance'])),
]
