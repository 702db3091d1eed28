/** The uids of the dashboards. They never change, because bookmarks and other dashboards link to them. */
export const uids = {
  overview: 'lab-overview',
  cluster: 'k8s-resources-cluster',
  namespacePods: 'k8s-resources-namespace-pods',
  namespaceWorkloads: 'k8s-resources-namespace-workloads',
  nodePods: 'k8s-resources-node-pods',
  nodesOverview: 'k8s-resources-nodes-overview',
  pod: 'k8s-resources-pod',
  workload: 'k8s-resources-workload',
  networkCluster: 'k8s-network-cluster',
  networkNamespacePods: 'k8s-network-namespace-pods',
  networkNamespaceWorkload: 'k8s-network-namespace-workload',
  networkPod: 'k8s-network-pod',
  networkWorkload: 'k8s-network-workload',
  persistentVolumes: 'k8s-persistent-volumes',
  nodeHealth: 'k8s-node-health',
  apiserver: 'k8s-apiserver',
  controllerManager: 'k8s-controller-manager',
  scheduler: 'k8s-scheduler',
  etcd: 'k8s-etcd',
  kwok: 'kwok-controller',
  boutique: 'online-boutique',
  traces: 'traces',
  kubePrometheus: 'kube-prometheus',
  kwokMetrics: 'kwok-metrics',
  customMetrics: 'custom-metrics',
} as const

export type DashboardUid = (typeof uids)[keyof typeof uids]

/** The tag of all dashboards, which the dashboard menu lists. */
export const TAG = 'kube-otel-lab'
