import type { TraceStore } from '../lib/grafana/generated-files.ts'
import { type DashboardUid, uids } from './uids.ts'

/** A link to another dashboard that keeps the datasource, the time range and the values of the row. */
export interface DrillDownLink {
  title: string
  url: string
}

export const toNamespacePods = drillDownLink('Pods of the namespace', uids.namespacePods, 'Namespace')
export const toNamespaceWorkloads = drillDownLink('Workloads of the namespace', uids.namespaceWorkloads, 'Namespace')
export const toWorkload = drillDownLink('The workload', uids.workload, 'Namespace', 'Type', 'Workload')
export const toPod = drillDownLink('The pod', uids.pod, 'Namespace', 'Pod')
export const toNodePods = drillDownLink('Pods of the node', uids.nodePods, 'Node')
export const toNetworkNamespacePods = drillDownLink('Network of the namespace', uids.networkNamespacePods, 'Namespace')
export const toNetworkNamespaceWorkloads = drillDownLink(
  "Network of the namespace's workloads",
  uids.networkNamespaceWorkload,
  'Namespace',
)
export const toNetworkWorkload = drillDownLink(
  'Network of the workload',
  uids.networkWorkload,
  'Namespace',
  'Type',
  'Workload',
)
export const toNetworkPod = drillDownLink('Network of the pod', uids.networkPod, 'Namespace', 'Pod')

/** The newest traces with the row's service. */
export function toTraces(store: TraceStore): DrillDownLink {
  const datasource = { type: store, uid: store }
  const service = field('Service')
  const asked = {
    jaeger: { queryType: 'search', service },
    tempo: { queryType: 'traceql', query: `{resource.service.name="${service}"}`, tableType: 'traces' },
  }
  const panes = {
    traces: {
      datasource: store,
      queries: [{ refId: 'A', datasource, ...asked[store], limit: 20 }],
      range: { from: grafana('__from'), to: grafana('__to') },
    },
  }
  // Grafana replaces its variables only where they are not encoded.
  const encoded = encodeURIComponent(JSON.stringify(panes)).replaceAll(/%24%7B(.*?)%7D/g, (_, name: string) =>
    grafana(name),
  )
  const name = { jaeger: 'Jaeger', tempo: 'Tempo' }[store]
  return { title: `Traces of the service in ${name}`, url: `/explore?schemaVersion=1&panes=${encoded}` }
}

/** A link that selects the row's cluster and the values of some columns. A variable has the name of its column. */
function drillDownLink(title: string, uid: DashboardUid, ...columns: string[]): DrillDownLink {
  const values = ['Cluster', ...columns].map(column => `var-${column.toLowerCase()}=${field(column)}`)
  return {
    title,
    url: `/d/${uid}?${[grafana('datasource:queryparam'), ...values, grafana('__url_time_range')].join('&')}`,
  }
}

/** A variable that Grafana replaces. */
function grafana(expression: string): string {
  return `\${${expression}}`
}

/** A value of the row, by its column. */
function field(column: string): string {
  return grafana(`__data.fields.${column}`)
}
