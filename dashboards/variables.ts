import type { Builder } from '@grafana/grafana-foundation-sdk/cog'
import {
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  type VariableModel,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard'
import { inCluster, inNamespace, ofType, onNode, WORKLOAD_OF_POD } from './queries/scope.ts'
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

export function clusterVariable(): Variable {
  return labelVariable('cluster', 'Cluster', 'k8s_node_condition_ready', 'k8s_cluster_name')
}

export function namespaceVariable(): QueryVariableBuilder {
  const series = `k8s_namespace_phase{${inCluster.filter}}`
  return labelVariable('namespace', 'Namespace', series, 'k8s_namespace_name')
}

/** A namespace, initially one. */
export function oneNamespaceVariable(): Variable {
  return namespaceVariable().current(firstChoice(FIRST_NAMESPACE))
}

/** A node, initially one. */
export function oneNodeVariable(): Variable {
  return nodeVariable().current(firstChoice(FIRST_NODE))
}

export function nodeVariable(): QueryVariableBuilder {
  return labelVariable('node', 'Node', `k8s_node_condition_ready{${inCluster.filter}}`, 'k8s_node_name')
}

export function podVariable(): Variable {
  return labelVariable('pod', 'Pod', `k8s_pod_phase{${inNamespace.filter}}`, 'k8s_pod_name')
}

export function workloadTypeVariable(): Variable {
  return labelVariable('type', 'Workload type', `${WORKLOAD_OF_POD}{${inNamespace.filter}}`, 'workload_type')
}

export function workloadVariable(): Variable {
  const series = `${WORKLOAD_OF_POD}{${ofType.filter}, ${ofType.workload}}`
  return labelVariable('workload', 'Workload', series, 'workload')
}

/** Claims whose volumes are measured. */
export function volumeVariable(): Variable {
  const series = `k8s_volume_capacity_bytes{${inNamespace.filter}}`
  return labelVariable('volume', 'Volume claim', series, 'k8s_persistentvolumeclaim_name')
}

/** The clusters in which a job is scraped. */
export function clusterOfJobVariable(job: string): Variable {
  return labelVariable('cluster', 'Cluster', `up{job="${job}"}`, 'k8s_cluster_name')
}

export function instanceVariable(job: string): Variable {
  return labelVariable('instance', 'Instance', `up{${inCluster.filter}, job="${job}"}`, 'instance')
}

/** The namespaces whose services have traces. */
export function tracedNamespaceVariable(): Variable {
  const series = `${CALLS}{${inCluster.filter}}`
  return listedVariable('namespace', 'Namespace', series, 'k8s_namespace_name')
}

/** The services with traces, load generators included. */
export function serviceVariable(): Variable {
  return listedVariable('service', 'Service', `${CALLS}{${inNamespace.filter}}`, 'service_name')
}

/** The clusters of some series. */
export function clusterOfVariable(metric: string): Variable {
  return labelVariable('cluster', 'Cluster', metric, 'k8s_cluster_name')
}

/** The nodes of some series in the selected clusters. */
export function nodeOfVariable(metric: string): Variable {
  return labelVariable('node', 'Node', `${metric}{${inCluster.filter}}`, 'k8s_node_name')
}

/** The namespaces of KWOK's own series on the selected nodes. */
export function kwokNamespaceVariable(metric: string): Variable {
  return labelVariable('namespace', 'Namespace', `${metric}{${onNode.filter}}`, 'namespace')
}

/** A variable whose All is its list: the label has further values on other series. */
function listedVariable(name: string, label: string, series: string, of: string): Variable {
  return queryVariable(name, label, series, of)
}

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
