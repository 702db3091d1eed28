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

/** The datasource that the variables and panels ask. */
export const DATASOURCE = { type: 'prometheus', uid: `\${datasource}` }
/** What All stands for: every value but the empty one, and short however many values there are. */
const ALL = '.+'
/**
 * Chosen at first where All would be every pod of a cluster, as kubernetes-mixin's dashboards begin with one: ten thousand pods are more
 * than a screen can show or Prometheus gives at once. A cluster without it begins with All.
 */
const FIRST_NAMESPACE = 'shop'
const FIRST_NODE = 'kwok-node-0000'

/** Which Prometheus. Its first choice is the lab's. */
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

/** A namespace, on dashboards of what is in it. */
export function oneNamespaceVariable(): Variable {
  return namespaceVariable().current(firstChoice(FIRST_NAMESPACE))
}

/** A node, on a dashboard of what is on it. */
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

/** The claims whose volumes are measured. */
export function volumeVariable(): Variable {
  const series = `k8s_volume_capacity_bytes{${inNamespace.filter}}`
  return labelVariable('volume', 'Volume claim', series, 'k8s_persistentvolumeclaim_name')
}

/** The clusters that a part of the control plane is scraped in, by its job. */
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

/** The services that have traces, load generators among them. */
export function serviceVariable(): Variable {
  return listedVariable('service', 'Service', `${CALLS}{${inNamespace.filter}}`, 'service_name')
}

/** The clusters of some series. */
export function clusterOfVariable(metric: string): Variable {
  return labelVariable('cluster', 'Cluster', metric, 'k8s_cluster_name')
}

/** The nodes that some series of the chosen clusters name. */
export function nodeOfVariable(metric: string): Variable {
  return labelVariable('node', 'Node', `${metric}{${inCluster.filter}}`, 'k8s_node_name')
}

/** The namespaces of pods that KWOK's own series name, on the chosen nodes. */
export function kwokNamespaceVariable(metric: string): Variable {
  return labelVariable('namespace', 'Namespace', `${metric}{${onNode.filter}}`, 'namespace')
}

/** Of which All is just what is listed: other series, of pods, have more values of that label, and those are not meant. */
function listedVariable(name: string, label: string, series: string, of: string): Variable {
  return queryVariable(name, label, series, of)
}

/** Values of a label on some series; several may be chosen, and All is chosen first. */
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
