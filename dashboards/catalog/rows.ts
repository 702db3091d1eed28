import type { CatalogMetric } from '../../lib/checks/lint/metric-catalog.ts'

/** A metric in a group: its type and its unit. */
type Row = readonly [type: CatalogMetric['type'], unit: string]

/** Metrics of one source that have the same labels. */
export function group(source: string, labels: readonly string[], rows: Readonly<Record<string, Row>>): CatalogMetric[] {
  return Object.entries(rows).map(([name, [type, unit]]) => ({ name, type, unit, labels, source }))
}

export const CLUSTER = 'k8s_cluster_name'
export const NODE_LABELS = [CLUSTER, 'k8s_node_name']
/** The owners that the collector's k8s_attributes processor adds to series of pods. */
const OWNER_LABELS = [
  'k8s_daemonset_name',
  'k8s_deployment_name',
  'k8s_job_name',
  'k8s_replicaset_name',
  'k8s_statefulset_name',
]
export const POD_LABELS = [CLUSTER, 'k8s_namespace_name', 'k8s_node_name', 'k8s_pod_name', ...OWNER_LABELS]
export const CONTAINER_LABELS = [...POD_LABELS, 'k8s_container_name']
/** Labels of all scraped series. */
export const SCRAPED_LABELS = [CLUSTER, 'instance', 'job']
