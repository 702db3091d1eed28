/** The label of each dimension of a query's result, by OpenTelemetry's names. */
export const labelOfDimension = {
  cluster: 'k8s_cluster_name',
  node: 'k8s_node_name',
  namespace: 'k8s_namespace_name',
  workload: 'workload',
  workload_type: 'workload_type',
  /** A workload by the service name of its spans. */
  service: 'service_name',
  pod: 'k8s_pod_name',
  container: 'k8s_container_name',
  phase: 'phase',
  condition: 'condition',
  /** The name of a client span. */
  call: 'span_name',
  /** A PersistentVolumeClaim. */
  claim: 'k8s_persistentvolumeclaim_name',
  autoscaler: 'k8s_hpa_name',
  /** The state of CPU time or memory of a node. */
  state: 'state',
  /** Direction of a node's disk I/O: read, write. */
  direction: 'direction',
} as const

/** A dimension of a query's result. */
export type Dimension = keyof typeof labelOfDimension

/** The labels of the dimensions in one dialect. */
export type DimensionLabels = Readonly<Record<Dimension, string>>

/** kube-prometheus' labels of kube-state-metrics and of the kubelets. */
export const kubePrometheusLabels: DimensionLabels = {
  ...labelOfDimension,
  cluster: 'cluster',
  node: 'node',
  namespace: 'namespace',
  pod: 'pod',
  container: 'container',
  claim: 'persistentvolumeclaim',
  autoscaler: 'horizontalpodautoscaler',
}

/** kube-prometheus' labels of node exporters: each is scraped as an instance with its node's name. */
export const nodeExporterLabels: DimensionLabels = { ...kubePrometheusLabels, node: 'instance' }

/** The dimensions of an object. */
export type Place = Readonly<Partial<Record<Dimension, string>>>
