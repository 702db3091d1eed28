import { type KubeletWork, volumePlugins } from '../counters/kubelet-work.ts'

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
  0.5, 1, 2, 3, 4, 5, 6, 8, 10, 20, 30, 45, 60, 120, 180, 240, 300, 360, 480, 600, 900, 1200, 1800, 2700, 3600,
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

/** Metrics with one series, without labels. */
const oneGauge = (read: (of: KubeletActivity) => number) => gauge(of => [[{}, read(of)]])
const oneCounter = (read: (of: KubeletActivity) => number) => counter(of => [[{}, read(of)]])
const oneHistogram = (buckets: readonly number[], read: (of: KubeletActivity) => Durations) =>
  histogram(buckets, of => [[{}, read(of)]])

/** A series for each value of one label. */
const by = <Value>(label: string, values: Record<string, Value>) =>
  Object.entries(values).map(([key, value]): [Record<string, string>, Value] => [{ [label]: key }, value])

const ofClaims = (stat: keyof VolumeOfClaim['stats']) =>
  gauge(({ claims }) =>
    claims.map(({ namespace, name, stats }) => [{ namespace, persistentvolumeclaim: name }, stats[stat]]),
  )

/**
 * The metrics of `/metrics` that kubernetes-mixin's rules and its Kubelet dashboard read, in the alphabetical order of a kubelet. No kubelet v1.36 has `kubelet_node_config_error` and
 * `storage_operation_errors_total`, which the dashboard also reads. A counter is a function of the node's age and of its work, so it does not decrease.
 */
export const kubeletFamilies = {
  go_goroutines: oneGauge(({ runningPods }) => 160 + 6 * runningPods),
  kubelet_certificate_manager_client_expiration_renew_errors: oneCounter(failedRenewals),
  kubelet_certificate_manager_client_ttl_seconds: oneGauge(ttlSeconds),
  kubelet_certificate_manager_server_ttl_seconds: oneGauge(ttlSeconds),
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
  kubelet_pleg_relist_duration_seconds: oneHistogram(DEFAULT, ({ ageS }) => [1 + ageS, 0.002]),
  kubelet_pleg_relist_interval_seconds: oneHistogram(DEFAULT, ({ ageS }) => [ageS, 1.005, 4_000]),
  kubelet_pod_start_duration_seconds: oneHistogram(POD_START, ({ work }) => [work.pods, 0.6]),
  kubelet_pod_start_sli_duration_seconds: oneHistogram(POD_START, ({ work }) => [work.pods, 1.6]),
  kubelet_pod_worker_duration_seconds: histogram(DEFAULT, ({ work, removed }) =>
    by('operation_type', {
      create: [work.pods, 0.6],
      kill: [removed.pods, 0.6],
      sync: [work.pods + work.syncs, 0.004],
    }),
  ),
  kubelet_pod_worker_start_duration_seconds: oneHistogram(DEFAULT, ({ work }) => [work.pods, 0.002]),
  kubelet_running_containers: gauge(({ exitedContainers, runningContainers }) => [
    [{ container_state: 'exited' }, exitedContainers],
    [{ container_state: 'running' }, runningContainers],
  ]),
  kubelet_running_pods: oneGauge(({ runningPods }) => runningPods),
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
  kubelet_server_expiration_renew_errors: oneCounter(failedRenewals),
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
  process_cpu_seconds_total: oneCounter(({ cpuSeconds }) => cpuSeconds),
  process_resident_memory_bytes: oneGauge(({ residentBytes }) => residentBytes),
  process_start_time_seconds: oneGauge(({ startS }) => startS),
  rest_client_request_duration_seconds: histogram(REST, of => {
    const counts: Record<string, number> = {}
    for (const [, method, count] of requests(of)) counts[method] = (counts[method] ?? 0) + count
    return Object.entries(counts).map(([verb, count]) => [
      { host: API_SERVER, verb },
      [count, requestMedians[verb] ?? 0.005],
    ])
  }),
  rest_client_requests_total: counter(of =>
    requests(of).map(([code, method, count]) => [{ code, host: API_SERVER, method }, count]),
  ),
  storage_operation_duration_seconds: histogram(STORAGE, of =>
    storageOperations(of).map(([operation_name, volume_plugin, value]) => [
      { migrated: 'false', operation_name, status: 'success', volume_plugin },
      value,
    ]),
  ),
  volume_manager_total_volumes: gauge(({ volumes }) =>
    volumePlugins.flatMap(plugin_name =>
      ['actual_state_of_world', 'desired_state_of_world'].flatMap((state): [Record<string, string>, number][] =>
        volumes[plugin_name] > 0 ? [[{ plugin_name, state }, volumes[plugin_name]]] : [],
      ),
    ),
  ),
} satisfies Record<string, Family>
