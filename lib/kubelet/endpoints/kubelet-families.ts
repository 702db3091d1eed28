import type { KubeletWork } from '../counters/kubelet-work.ts'
import { volumePlugins } from '../counters/kubelet-work.ts'

/** What the families are computed from. */
export interface KubeletActivity {
  node: string
  /** `vMAJOR.MINOR.PATCH` */
  version: string
  /** Time since the start of the node, in whole seconds. */
  ageS: number
  startS: number
  /** Its certificates expire soon, and each renewal fails. */
  hasOldCertificates: boolean
  /** For all pods of the node so far, and for the deleted ones among them. */
  work: KubeletWork
  removed: KubeletWork
  runningPods: number
  runningContainers: number
  exitedContainers: number
  /** Volumes of the running pods by plugin. */
  volumes: KubeletWork
  claims: readonly VolumeOfClaim[]
  cpuSeconds: number
  residentBytes: number
}

/** A mounted PersistentVolumeClaim with its stats. */
export interface VolumeOfClaim {
  namespace: string
  name: string
  stats: Record<'capacityBytes' | 'availableBytes' | 'usedBytes' | 'inodes' | 'inodesFree' | 'inodesUsed', number>
}

/** So many operations, of which half take less than the median. The larger the steepness, the closer to the median are all. */
export type Durations = readonly [count: number, medianS: number, steepness?: number]

type Samples<Value> = (of: KubeletActivity) => [Record<string, string>, Value][]

/** The type of a metric, and its samples with their labels. */
export type Family =
  | { type: 'counter' | 'gauge'; samples: Samples<number> }
  | { type: 'histogram'; buckets: readonly number[]; samples: Samples<Durations> }

/** The buckets of client_golang. */
const DEFAULT = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
const POD_START = [
  ...[0.5, 1, 2, 3, 4, 5, 6, 8, 10, 20, 30, 45, 60, 120, 180, 240, 300, 360, 480, 600, 900, 1200, 1800, 2700, 3600],
]
/** From 5 ms, each 2.5 times the one before. */
const RUNTIME = Array.from({ length: 14 }, (_, power) => 0.005 * 2.5 ** power)
const REST = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60]
const STORAGE = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 25, 50, 120, 300, 600]

/** The API server as a label: its real address is not the same from each of the ways in. */
const API_SERVER = 'kube-apiserver:6443'
const DAY_S = 86_400
/** A kubelet renews a certificate of a year when a fifth of its lifetime is left. */
const ttlSeconds = ({ ageS, hasOldCertificates }: KubeletActivity) =>
  hasOldCertificates ? DAY_S / 2 : 365 * DAY_S - (ageS % (292 * DAY_S))
/** As if one had failed each minute since the node started. */
const failedRenewals = ({ ageS, hasOldCertificates }: KubeletActivity) =>
  hasOldCertificates ? Math.floor(ageS / 60) : 0

/** Operations of the container runtime: how many there have been, and their median duration. Recorded medians, rounded. */
const runtimeOperations = ({ ageS, work, removed }: KubeletActivity): Record<string, Durations> => ({
  container_status: [2 * work.containers + removed.containers, 0.002],
  create_container: [work.containers, 0.03],
  image_status: [2 * work.containers, 0.002],
  list_containers: [1 + Math.floor(1.5 * ageS), 0.0008],
  list_images: [1 + Math.floor(ageS / 30), 0.008],
  list_podsandbox: [1 + Math.floor(1.5 * ageS), 0.001],
  podsandbox_status: [2 * work.pods + removed.pods, 0.002],
  remove_container: [removed.containers, 0.004],
  remove_podsandbox: [removed.pods, 0.09],
  run_podsandbox: [work.pods, 0.2],
  start_container: [work.containers, 0.13],
  status: [1 + Math.floor(ageS / 5), 0.001],
  stop_container: [removed.containers, 0.5],
  stop_podsandbox: [removed.pods, 0.09],
  version: [1 + Math.floor(ageS / 8), 0.001],
})

/** Requests to the API server: the lease every 10 s, node status, status and events of pods, tokens every 48 minutes. */
const requests = ({ ageS, work, removed }: KubeletActivity): [code: string, method: string, count: number][] => [
  ['200', 'DELETE', removed.pods],
  ['200', 'GET', 19 + Math.floor(ageS / 60)],
  ['200', 'PATCH', 5 + 3 * work.pods + Math.floor(ageS / 300)],
  ['200', 'PUT', 1 + Math.floor(ageS / 10)],
  ['201', 'POST', 6 + 5 * work.pods + Math.floor(work.syncs / 48)],
  ['404', 'GET', 8],
]
const requestMedians: Record<string, number> = { DELETE: 0.005, GET: 0.005, PATCH: 0.009, POST: 0.007, PUT: 0.005 }

const storageOperations = ({ work, removed }: KubeletActivity): [operation: string, plugin: string, Durations][] =>
  volumePlugins.flatMap(plugin => [
    ['verify_controller_attached_volume', plugin, [work[plugin], 0.0005]],
    ['volume_mount', plugin, [work[plugin], 0.005]],
    ['volume_unmount', plugin, [removed[plugin], 0.002]],
  ])

const gauge = (samples: Samples<number>): Family => ({ type: 'gauge', samples })
const counter = (samples: Samples<number>): Family => ({ type: 'counter', samples })
const histogram = (buckets: readonly number[], samples: Samples<Durations>): Family => ({
  type: 'histogram',
  buckets,
  samples,
})

/** A series for each value of one label. Like a kubelet, it has none for what has not happened yet. */
const by = <Value extends number | Durations>(label: string, values: Record<string, Value>) =>
  Object.entries(values).flatMap(([key, value]): [Record<string, string>, Value][] =>
    hasEvents(value) ? [[{ [label]: key }, value]] : [],
  )

const hasEvents = (value: number | Durations) => (typeof value === 'number' ? value : value[0]) > 0

/** One series without labels. */
const one =
  <Value>(read: (of: KubeletActivity) => Value): Samples<Value> =>
  of => [[{}, read(of)]]

const ofClaims = (stat: keyof VolumeOfClaim['stats']) =>
  gauge(({ claims }) =>
    claims.map(({ namespace, name, stats }) => [{ namespace, persistentvolumeclaim: name }, stats[stat]]),
  )

/**
 * The metrics of `/metrics` that kubernetes-mixin's rules and its Kubelet dashboard read, in the alphabetical order of a kubelet. No kubelet v1.36 has `kubelet_node_config_error` and
 * `storage_operation_errors_total`, which the dashboard also reads. A counter is a function of the node's age and of its work, so it does not decrease.
 */
export const kubeletFamilies = {
  go_goroutines: gauge(one(({ runningPods }) => 160 + 6 * runningPods)),
  kubelet_certificate_manager_client_expiration_renew_errors: counter(one(failedRenewals)),
  kubelet_certificate_manager_client_ttl_seconds: gauge(one(ttlSeconds)),
  kubelet_certificate_manager_server_ttl_seconds: gauge(one(ttlSeconds)),
  kubelet_cgroup_manager_duration_seconds: histogram(DEFAULT, ({ ageS, work, removed }) =>
    by('operation_type', {
      create: [work.pods, 0.003],
      destroy: [removed.pods, 0.004],
      update: [15 + work.pods + 3 * Math.floor(ageS / 60), 0.0004],
    }),
  ),
  kubelet_evictions: counter(({ work }) =>
    by('eviction_signal', {
      'memory.available': work['memory.available'],
      'nodefs.available': work['nodefs.available'],
    }),
  ),
  kubelet_node_name: gauge(({ node }) => [[{ node }, 1]]),
  kubelet_pleg_relist_duration_seconds: histogram(
    DEFAULT,
    one(({ ageS }) => [1 + ageS, 0.002]),
  ),
  kubelet_pleg_relist_interval_seconds: histogram(
    DEFAULT,
    one(({ ageS }) => [ageS, 1.005, 4_000]),
  ),
  kubelet_pod_start_duration_seconds: histogram(
    POD_START,
    one(({ work }) => [work.pods, 0.6]),
  ),
  kubelet_pod_start_sli_duration_seconds: histogram(
    POD_START,
    one(({ work }) => [work.pods, 1.6]),
  ),
  kubelet_pod_worker_duration_seconds: histogram(DEFAULT, ({ work, removed }) =>
    by('operation_type', {
      create: [work.pods, 0.6],
      kill: [removed.pods, 0.6],
      sync: [work.pods + work.syncs, 0.004],
    }),
  ),
  kubelet_pod_worker_start_duration_seconds: histogram(
    DEFAULT,
    one(({ work }) => [work.pods, 0.002]),
  ),
  kubelet_running_containers: gauge(({ exitedContainers, runningContainers }) => [
    [{ container_state: 'exited' }, exitedContainers],
    [{ container_state: 'running' }, runningContainers],
  ]),
  kubelet_running_pods: gauge(one(({ runningPods }) => runningPods)),
  kubelet_runtime_operations_duration_seconds: histogram(RUNTIME, of => by('operation_type', runtimeOperations(of))),
  // For some containers a kubelet asks once more after their removal.
  kubelet_runtime_operations_errors_total: counter(({ removed }) =>
    by('operation_type', { container_status: Math.floor(removed.containers / 8) }),
  ),
  kubelet_runtime_operations_total: counter(of =>
    by(
      'operation_type',
      Object.fromEntries(Object.entries(runtimeOperations(of)).map(([name, [count]]) => [name, count])),
    ),
  ),
  kubelet_server_expiration_renew_errors: counter(one(failedRenewals)),
  kubelet_volume_stats_available_bytes: ofClaims('availableBytes'),
  kubelet_volume_stats_capacity_bytes: ofClaims('capacityBytes'),
  kubelet_volume_stats_inodes: ofClaims('inodes'),
  kubelet_volume_stats_inodes_free: ofClaims('inodesFree'),
  kubelet_volume_stats_inodes_used: ofClaims('inodesUsed'),
  kubelet_volume_stats_used_bytes: ofClaims('usedBytes'),
  kubernetes_build_info: gauge(({ version }) => {
    const [, major = '', minor = ''] = /^v(\d+)\.(\d+)/.exec(version) ?? []
    const build = { build_date: '1970-01-01T00:00:00Z', compiler: 'gc', git_commit: '', git_tree_state: 'clean' }
    return [[{ ...build, git_version: version, go_version: 'go1.26.8', major, minor, platform: 'linux/amd64' }, 1]]
  }),
  process_cpu_seconds_total: counter(one(({ cpuSeconds }) => cpuSeconds)),
  process_resident_memory_bytes: gauge(one(({ residentBytes }) => residentBytes)),
  process_start_time_seconds: gauge(one(({ startS }) => startS)),
  rest_client_request_duration_seconds: histogram(REST, of => {
    const counts: Record<string, number> = {}
    for (const [, method, count] of requests(of)) counts[method] = (counts[method] ?? 0) + count
    return Object.entries(counts)
      .filter(([, count]) => hasEvents(count))
      .map(([verb, count]) => [{ host: API_SERVER, verb }, [count, requestMedians[verb] ?? 0.005]])
  }),
  rest_client_requests_total: counter(of =>
    requests(of)
      .filter(([, , count]) => hasEvents(count))
      .map(([code, method, count]) => [{ code, host: API_SERVER, method }, count]),
  ),
  storage_operation_duration_seconds: histogram(STORAGE, of =>
    storageOperations(of)
      .filter(([, , value]) => hasEvents(value))
      .map(([operation_name, volume_plugin, value]) => [
        { migrated: 'false', operation_name, status: 'success', volume_plugin },
        value,
      ]),
  ),
  volume_manager_total_volumes: gauge(({ volumes }) =>
    volumePlugins.flatMap(plugin_name =>
      ['actual_state_of_world', 'desired_state_of_world'].flatMap((state): [Record<string, string>, number][] =>
        hasEvents(volumes[plugin_name]) ? [[{ plugin_name, state }, volumes[plugin_name]]] : [],
      ),
    ),
  ),
} satisfies Record<string, Family>

/** Help texts of Kubernetes v1.36. */
export const kubeletHelp: Record<keyof typeof kubeletFamilies, string> = {
  go_goroutines: 'Number of goroutines that currently exist.',
  kubelet_certificate_manager_client_expiration_renew_errors: '[ALPHA] Counter of certificate renewal errors.',
  kubelet_certificate_manager_client_ttl_seconds:
    "[ALPHA] Gauge of the TTL (time-to-live) of the Kubelet's client certificate. The value is in seconds until certificate expiry (negative if already expired). If client certificate is invalid or unused, the value will be +INF.",
  kubelet_certificate_manager_server_ttl_seconds:
    "[ALPHA] Gauge of the shortest TTL (time-to-live) of the Kubelet's serving certificate. The value is in seconds until certificate expiry (negative if already expired). If serving certificate is invalid or unused, the value will be +INF.",
  kubelet_cgroup_manager_duration_seconds:
    '[ALPHA] Duration in seconds for cgroup manager operations. Broken down by method.',
  kubelet_evictions: '[ALPHA] Cumulative number of pod evictions by eviction signal',
  kubelet_node_name: "[ALPHA] The node's name. The count is always 1.",
  kubelet_pleg_relist_duration_seconds: '[ALPHA] Duration in seconds for relisting pods in PLEG.',
  kubelet_pleg_relist_interval_seconds: '[ALPHA] Interval in seconds between relisting in PLEG.',
  kubelet_pod_start_duration_seconds:
    '[ALPHA] Duration in seconds from kubelet seeing a pod for the first time to the pod starting to run',
  kubelet_pod_start_sli_duration_seconds:
    '[ALPHA] Duration in seconds to start a pod, excluding time to pull images and run init containers, measured from pod creation timestamp to when all its containers are reported as started and observed via watch',
  kubelet_pod_worker_duration_seconds:
    '[ALPHA] Duration in seconds to sync a single pod. Broken down by operation type: create, update, or sync',
  kubelet_pod_worker_start_duration_seconds:
    '[ALPHA] Duration in seconds from kubelet seeing a pod to starting a worker.',
  kubelet_running_containers: '[ALPHA] Number of containers currently running',
  kubelet_running_pods: '[ALPHA] Number of pods that have a running pod sandbox',
  kubelet_runtime_operations_duration_seconds:
    '[ALPHA] Duration in seconds of runtime operations. Broken down by operation type.',
  kubelet_runtime_operations_errors_total: '[ALPHA] Cumulative number of runtime operation errors by operation type.',
  kubelet_runtime_operations_total: '[ALPHA] Cumulative number of runtime operations by operation type.',
  kubelet_server_expiration_renew_errors: '[ALPHA] Counter of certificate renewal errors.',
  kubelet_volume_stats_available_bytes: '[ALPHA] Number of available bytes in the volume',
  kubelet_volume_stats_capacity_bytes: '[ALPHA] Capacity in bytes of the volume',
  kubelet_volume_stats_inodes: '[ALPHA] Maximum number of inodes in the volume',
  kubelet_volume_stats_inodes_free: '[ALPHA] Number of free inodes in the volume',
  kubelet_volume_stats_inodes_used: '[ALPHA] Number of used inodes in the volume',
  kubelet_volume_stats_used_bytes: '[ALPHA] Number of used bytes in the volume',
  kubernetes_build_info:
    "[BETA] A metric with a constant '1' value labeled by major, minor, git version, git commit, git tree state, build date, Go version, and compiler from which Kubernetes was built, and platform on which it is running.",
  process_cpu_seconds_total: 'Total user and system CPU time spent in seconds.',
  process_resident_memory_bytes: 'Resident memory size in bytes.',
  process_start_time_seconds: 'Start time of the process since unix epoch in seconds.',
  rest_client_request_duration_seconds: '[ALPHA] Request latency in seconds. Broken down by verb, and host.',
  rest_client_requests_total: '[ALPHA] Number of HTTP requests, partitioned by status code, method, and host.',
  storage_operation_duration_seconds: '[ALPHA] Storage operation duration',
  volume_manager_total_volumes: '[ALPHA] Number of volumes in Volume Manager',
}
