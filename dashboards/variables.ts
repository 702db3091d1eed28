import type { Builder } from '@grafana/grafana-foundation-sdk/cog'
import {
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  type VariableModel,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard'
import { inCluster, inNamespace, ofType, onNode, selected, WORKLOAD_OF_POD } from './queries/scope.ts'
import { CALLS } from './queries/services.ts'

export type Variable = Builder<VariableModel>

/** The datasource of variables and panels. */
export const DATASOURCE = { type: 'prometheus', uid: `\${datasource}` }
/** The value of All: any value but the empty one. Its length does not depend on the number of values. */
const ALL = '.+'
/**
 * The initial value where All would be every pod of a cluster, as in kubernetes-mixin: ten thousand pods are too many
 * for a screen and for Prometheus. A cluster without it starts with All.
 */
const FIRST_NAMESPACE = 'shop'
const FIRST_NODE = 'kwok-node-0000'

/** The Prometheus datasource, initially the lab's. */
export function datasourceVariable(): Variable {
  return new DatasourceVariableBuilder('datasource')
    .label('Data source')
    .type('prometheus')
    .current({ selected: true, text: 'prometheus', value: 'prometheus' })
}

/** The clusters of some series. */
export const clusterVariable = (series = 'k8s_node_condition_ready') =>
  labelVariable('cluster', 'Cluster', series, 'k8s_cluster_name')

/** The clusters in which a job is scraped. */
export const clusterOfJobVariable = (job: string) => clusterVariable(`up{job="${job}"}`)

export const instanceVariable = (job: string) =>
  labelVariable('instance', 'Instance', `up{${inCluster.filter}, job="${job}"}`, 'instance')

export const namespaceVariable = () =>
  labelVariable('namespace', 'Namespace', `k8s_namespace_phase{${inCluster.filter}}`, 'k8s_namespace_name')

/** A namespace, initially one. */
export const oneNamespaceVariable = () => namespaceVariable().current(firstChoice(FIRST_NAMESPACE))

/** The nodes of some series in the selected clusters. */
export const nodeVariable = (metric = 'k8s_node_condition_ready') =>
  labelVariable('node', 'Node', `${metric}{${inCluster.filter}}`, 'k8s_node_name')

/** A node, initially one. */
export const oneNodeVariable = () => nodeVariable().current(firstChoice(FIRST_NODE))

export const podVariable = () => labelVariable('pod', 'Pod', `k8s_pod_phase{${inNamespace.filter}}`, 'k8s_pod_name')

export const workloadTypeVariable = () =>
  labelVariable('type', 'Workload type', `${WORKLOAD_OF_POD}{${inNamespace.filter}}`, 'workload_type')

export const workloadVariable = () =>
  labelVariable('workload', 'Workload', `${WORKLOAD_OF_POD}{${ofType.filter}, ${ofType.workload}}`, 'workload')

/** Claims whose volumes are measured. */
export const volumeVariable = () =>
  labelVariable(
    'volume',
    'Volume claim',
    `k8s_volume_capacity_bytes{${inNamespace.filter}}`,
    'k8s_persistentvolumeclaim_name',
  )

/** The namespaces of KWOK's own series on the selected nodes. */
export const kwokNamespaceVariable = (metric: string) =>
  labelVariable('namespace', 'Namespace', `${metric}{${onNode.filter}}`, 'namespace')

/** The clusters and namespaces of kube-state-metrics. */
export const kubePrometheusVariables = () => [
  labelVariable('cluster', 'Cluster', 'kube_node_info', 'cluster'),
  labelVariable(
    'namespace',
    'Namespace',
    `kube_namespace_status_phase{${selected('cluster', 'cluster')}}`,
    'namespace',
  ),
]

/** The namespaces whose services have traces. All is their list: the label has further values on other series. */
export const tracedNamespaceVariable = () =>
  queryVariable('namespace', 'Namespace', `${CALLS}{${inCluster.filter}}`, 'k8s_namespace_name')

/** The services with traces, load generators included. All is their list, as for the namespaces. */
export const serviceVariable = () =>
  queryVariable('service', 'Service', `${CALLS}{${inNamespace.filter}}`, 'service_name')

/** The values of a label on some series, with several selections and initially All. */
function labelVariable(name: string, label: string, series: string, of: string): QueryVariableBuilder {
  return queryVariable(name, label, series, of).allValue(ALL)
}

function queryVariable(name: string, label: string, series: string, of: string): QueryVariableBuilder {
  return new QueryVariableBuilder(name)
    .label(label)
    .datasource(DATASOURCE)
    .query(`label_values(${series}, ${of})`)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc)
    .multi(true)
    .includeAll(true)
    .current({ selected: true, text: ['All'], value: ['$__all'] })
}

function firstChoice(value: string): { selected: boolean; text: string[]; value: string[] } {
  return { selected: true, text: [value], value: [value] }
}
