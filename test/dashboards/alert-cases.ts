import type { AlertCase, Series } from './rule-cases.ts'

const C = 'k8s_cluster_name="c"'
const cluster = { k8s_cluster_name: 'c' }
const onNode = { ...cluster, k8s_node_name: 'bad' }
const inNamespace = { ...cluster, k8s_namespace_name: 'n' }
const onPod = { ...inNamespace, k8s_pod_name: 'bad' }
const onContainer = { ...onPod, k8s_container_name: 'app' }
const node = (name: string) => `{${C}, k8s_node_name="${name}"}`
const pod = (name: string) => `{${C}, k8s_namespace_name="n", k8s_pod_name="${name}"}`
const container = (name: string) => `{${C}, k8s_namespace_name="n", k8s_pod_name="${name}", k8s_container_name="app"}`
const object = (kind: string, name: string) => `{${C}, k8s_namespace_name="n", k8s_${kind}_name="${name}"}`

/** The same metric of a bad and of a good object. */
const pair = (metric: string, labels: (name: string) => string, bad: string, good: string): Series[] => [
  [`${metric}${labels('bad')}`, bad],
  [`${metric}${labels('good')}`, good],
]
const calls = (service: string, kind: string, status: string) =>
  `traces_span_metrics_calls_total{${C}, k8s_namespace_name="n", service_name="${service}", span_kind="SPAN_KIND_${kind}", status_code="STATUS_CODE_${status}"}`
const target = (job: string, instance: string) => `up{${C}, job="${job}", instance="${instance}"}`

/** Two nodes of four cores or bytes, and requests of five in two namespaces. */
const overcommit = (alert: string, record: string, allocatable: string): AlertCase => ({
  alert,
  series: [
    [`${allocatable}${node('a')}`, '4x60'],
    [`${allocatable}${node('b')}`, '4x60'],
    [`${record}{${C}, k8s_namespace_name="m"}`, '2x60'],
    [`${record}{${C}, k8s_namespace_name="n"}`, '3x60'],
    // All requests fit on one node.
    [`${allocatable}{k8s_cluster_name="roomy", k8s_node_name="a"}`, '4x60'],
    [`${allocatable}{k8s_cluster_name="roomy", k8s_node_name="b"}`, '4x60'],
    [`${record}{k8s_cluster_name="roomy", k8s_namespace_name="n"}`, '3x60'],
    // A single node has no spare.
    [`${allocatable}{k8s_cluster_name="single", k8s_node_name="a"}`, '4x60'],
    [`${record}{k8s_cluster_name="single", k8s_namespace_name="n"}`, '3x60'],
  ],
  notAt: '4m',
  firesAt: '6m',
  labels: cluster,
  value: '1',
})

export const alertCases: readonly AlertCase[] = [
  {
    alert: 'KubeNodeNotReady',
    series: pair('k8s_node_condition_ready', node, '-1x60', '1x60'),
    notAt: '1m',
    firesAt: '3m',
    labels: onNode,
  },
  {
    alert: 'KubeNodeUnderPressure',
    series: [
      ...pair('k8s_node_condition_memory_pressure', node, '1x60', '0x60'),
      ...pair('k8s_node_condition_disk_pressure', node, '0x60', '0x60'),
      ...pair('k8s_node_condition_pid_pressure', node, '-1x60', '0x60'),
    ],
    notAt: '1m',
    firesAt: '3m',
    labels: { ...onNode, condition: 'MemoryPressure' },
  },
  {
    alert: 'KubePodStuckPending',
    series: pair('k8s_pod_phase', pod, '1x60', '2x60'),
    notAt: '4m',
    firesAt: '6m',
    labels: onPod,
  },
  {
    alert: 'KubePodFailed',
    series: pair('k8s_pod_phase', pod, '4x60', '3x60'),
    notAt: '30s',
    firesAt: '2m',
    labels: onPod,
  },
  {
    alert: 'KubeContainerRestarting',
    // One restart every two minutes; the other one restarted once.
    series: pair('k8s_container_restarts', container, '0x11 1x11 2x11 3x11 4x11 5x11 6x11', '0x30 1x60'),
    notAt: '1m',
    firesAt: '12m',
    labels: onContainer,
    value: '5.085',
  },
  {
    alert: 'KubeDeploymentReplicasMissing',
    series: [
      ...pair('k8s_deployment_desired', name => object('deployment', name), '3x60', '3x60'),
      ...pair('k8s_deployment_available', name => object('deployment', name), '2x60', '3x60'),
    ],
    notAt: '4m',
    firesAt: '6m',
    labels: { ...inNamespace, k8s_deployment_name: 'bad' },
    value: '2',
  },
  {
    alert: 'KubeJobFailed',
    series: pair('k8s_job_failed_pods', name => object('job', name), '2x60', '0x60'),
    notAt: '30s',
    firesAt: '2m',
    labels: { ...inNamespace, k8s_job_name: 'bad' },
    value: '2',
  },
  {
    alert: 'KubeHpaMaxedOut',
    series: [
      ...pair('k8s_hpa_min_replicas', name => object('hpa', name), '1x90', '5x90'),
      ...pair('k8s_hpa_max_replicas', name => object('hpa', name), '5x90', '5x90'),
      // The minimum of the good one is its maximum.
      ...pair('k8s_hpa_current_replicas', name => object('hpa', name), '5x90', '5x90'),
    ],
    notAt: '9m',
    firesAt: '11m',
    labels: { ...inNamespace, k8s_hpa_name: 'bad' },
    value: '5',
  },
  overcommit('KubeCPUOvercommit', 'namespace_cpu:k8s_container_cpu_request:sum', 'k8s_node_allocatable_cpu'),
  overcommit(
    'KubeMemoryOvercommit',
    'namespace_memory:k8s_container_memory_request_bytes:sum',
    'k8s_node_allocatable_memory_bytes',
  ),
  {
    alert: 'KubeQuotaNearlyFull',
    series: ['bad', 'good', 'closed'].flatMap((name): Series[] => {
      const labels = `{${C}, k8s_namespace_name="n", k8s_resourcequota_name="${name}", resource="pods"}`
      const [hard, used] = name === 'closed' ? [0, 0] : [100, name === 'bad' ? 95 : 90]
      return [
        [`k8s_resource_quota_hard_limit${labels}`, `${hard}x60`],
        [`k8s_resource_quota_used${labels}`, `${used}x60`],
      ]
    }),
    notAt: '4m',
    firesAt: '6m',
    labels: { ...inNamespace, k8s_resourcequota_name: 'bad', resource: 'pods' },
    value: '95%',
  },
  {
    alert: 'KubeVolumeFillingUp',
    series: [
      ...pair('k8s_volume_capacity_bytes', name => object('persistentvolumeclaim', name), '100x60', '100x60'),
      ...pair('k8s_volume_available_bytes', name => object('persistentvolumeclaim', name), '5x60', '50x60'),
      // A volume without a claim, such as that of a token, is always full.
      [`k8s_volume_capacity_bytes{${C}, k8s_namespace_name="n", k8s_volume_name="token"}`, '100x60'],
      [`k8s_volume_available_bytes{${C}, k8s_namespace_name="n", k8s_volume_name="token"}`, '0x60'],
    ],
    notAt: '1m',
    firesAt: '3m',
    labels: { ...inNamespace, k8s_persistentvolumeclaim_name: 'bad' },
    value: '5%',
  },
  {
    alert: 'KubeCPUThrottlingHigh',
    series: [
      ...pair('container_cpu_cfs_periods_total', container, '0+100x90', '0+100x90'),
      ...pair('container_cpu_cfs_throttled_periods_total', container, '0+50x90', '0+20x90'),
    ],
    notAt: '9m',
    firesAt: '12m',
    labels: onContainer,
    value: '50%',
  },
  {
    alert: 'KubeControlPlaneDown',
    series: [
      [target('etcd', 'a'), '0x60'],
      [target('kube-scheduler', 'b'), '1x60'],
    ],
    notAt: '30s',
    firesAt: '2m',
    labels: { ...cluster, job: 'etcd', instance: 'a' },
  },
  {
    alert: 'StatsProxyDown',
    series: [[target('stats-proxy', 'a'), '0x60']],
    notAt: '30s',
    firesAt: '2m',
    labels: { ...cluster, job: 'stats-proxy', instance: 'a' },
  },
  {
    alert: 'MetricsServerDown',
    series: [
      [target('metrics-server', 'a'), '0x60'],
      [target('stats-proxy', 'b'), '0x60'],
    ],
    notAt: '30s',
    firesAt: '2m',
    labels: { ...cluster, job: 'metrics-server', instance: 'a' },
  },
  {
    alert: 'KwokMetricsFailing',
    series: pair('kwok_scrape_error', node, '1x60', '0x60'),
    notAt: '30s',
    firesAt: '2m',
    labels: onNode,
  },
  {
    alert: 'TargetsDown',
    series: [
      [target('kubelet-cadvisor', 'a'), '0x60'],
      [target('kubelet-cadvisor', 'b'), '1x60'],
      [target('prometheus', 'a'), '1x60'],
    ],
    notAt: '1m',
    firesAt: '3m',
    labels: { ...cluster, job: 'kubelet-cadvisor' },
    value: '50%',
  },
  {
    alert: 'CollectorSilent',
    // The last sample is at ten seconds, and remains for promtool's look-back of five minutes.
    series: [[`otelcol_process_uptime_seconds_total{${C}}`, '10 20 _x60']],
    notAt: '4m',
    firesAt: '7m',
    labels: {},
  },
  {
    alert: 'CollectorNotDelivering',
    series: [
      [`otelcol_exporter_send_failed_metric_points_total{${C}, exporter="otlp_http"}`, '0+20x60'],
      [`otelcol_exporter_send_failed_metric_points_total{${C}, exporter="debug"}`, '3x60'],
    ],
    notAt: '1m',
    firesAt: '6m',
    labels: { ...cluster, exporter: 'otlp_http' },
    value: '2',
  },
  {
    alert: 'ServiceErrorsHigh',
    series: [
      [calls('bad', 'SERVER', 'UNSET'), '0+9x60'],
      [calls('bad', 'SERVER', 'ERROR'), '0+1x60'],
      // One in a hundred is below the threshold, and client spans do not count.
      [calls('good', 'SERVER', 'UNSET'), '0+99x60'],
      [calls('good', 'SERVER', 'ERROR'), '0+1x60'],
      [calls('good', 'CLIENT', 'ERROR'), '0+50x60'],
    ],
    notAt: '1m',
    firesAt: '4m',
    labels: { ...inNamespace, service_name: 'bad' },
    value: '10%',
  },
  {
    alert: 'TraceSimulatorDropping',
    series: [
      [`traces_simulator_spans_total{${C}, result="sent"}`, '0+500x60'],
      [`traces_simulator_spans_total{${C}, result="dropped"}`, '0+20x60'],
      [`traces_simulator_spans_total{${C}, result="failed"}`, '7x60'],
    ],
    notAt: '30s',
    firesAt: '6m',
    labels: { ...cluster, result: 'dropped' },
    value: '2',
  },
  {
    alert: 'TraceSimulatorSilent',
    // The last sample remains for promtool's look-back of five minutes; then the duration of the alert begins.
    series: [[`traces_simulator_requests_total{${C}}`, '10 20 _x90']],
    notAt: '9m',
    firesAt: '11m',
    labels: {},
  },
  {
    alert: 'TracesNotDelivered',
    series: [
      [`otelcol_exporter_send_failed_spans_total{${C}, exporter="otlp_grpc/jaeger"}`, '0+20x60'],
      [`otelcol_exporter_send_failed_spans_total{${C}, exporter="debug"}`, '3x60'],
    ],
    notAt: '30s',
    firesAt: '6m',
    labels: { ...cluster, exporter: 'otlp_grpc/jaeger' },
    value: '2',
  },
  {
    alert: 'NodeWithoutUsage',
    series: [
      ...pair('k8s_node_condition_ready', node, '1x60', '1x60'),
      // A node that is not ready has no usage.
      [`k8s_node_condition_ready${node('away')}`, '0x60'],
      [`k8s_node_memory_working_set_bytes${node('good')}`, '5x60'],
    ],
    notAt: '1m',
    firesAt: '3m',
    labels: onNode,
  },
  {
    alert: 'KubeAPIErrorBudgetSpent',
    series: [
      [`apiserver_request:availability1h{${C}, verb="all"}`, '0.95x60'],
      [`apiserver_request:availability1h{${C}, verb="read"}`, '0.5x60'],
      ['apiserver_request:availability1h{k8s_cluster_name="good", verb="all"}', '0.999x60'],
    ],
    notAt: '4m',
    firesAt: '6m',
    labels: { ...cluster, verb: 'all' },
    value: '95%',
  },
]
