import type { TraceStore } from '../lib/grafana/generated-files.ts'
import { type DashboardUid, uids } from './uids.ts'

/** A link to another dashboard that keeps the datasource, the time range and the values of the row. */
export interface DrillDownLink {
  title: string
  url: string
}

/** A value of the row, by its column. */
const field = (name: string) => grafana(`__data.fields.${name}`)

export function toNamespacePods(): DrillDownLink {
  return drillDownLink('Pods of the namespace', uids.namespacePods, {
    cluster: field('Cluster'),
    namespace: field('Namespace'),
  })
}

export function toNamespaceWorkloads(): DrillDownLink {
  const values = { cluster: field('Cluster'), namespace: field('Namespace') }
  return drillDownLink('Workloads of the namespace', uids.namespaceWorkloads, values)
}

export function toWorkload(): DrillDownLink {
  return drillDownLink('The workload', uids.workload, {
    cluster: field('Cluster'),
    namespace: field('Namespace'),
    type: field('Type'),
    workload: field('Workload'),
  })
}

export function toPod(): DrillDownLink {
  return drillDownLink('The pod', uids.pod, {
    cluster: field('Cluster'),
    namespace: field('Namespace'),
    pod: field('Pod'),
  })
}

export function toNodePods(): DrillDownLink {
  return drillDownLink('Pods of the node', uids.nodePods, { cluster: field('Cluster'), node: field('Node') })
}

export function toNetworkNamespacePods(): DrillDownLink {
  const values = { cluster: field('Cluster'), namespace: field('Namespace') }
  return drillDownLink('Network of the namespace', uids.networkNamespacePods, values)
}

export function toNetworkNamespaceWorkloads(): DrillDownLink {
  const values = { cluster: field('Cluster'), namespace: field('Namespace') }
  return drillDownLink("Network of the namespace's workloads", uids.networkNamespaceWorkload, values)
}

export function toNetworkWorkload(): DrillDownLink {
  return drillDownLink('Network of the workload', uids.networkWorkload, {
    cluster: field('Cluster'),
    namespace: field('Namespace'),
    type: field('Type'),
    workload: field('Workload'),
  })
}

export function toNetworkPod(): DrillDownLink {
  return drillDownLink('Network of the pod', uids.networkPod, {
    cluster: field('Cluster'),
    namespace: field('Namespace'),
    pod: field('Pod'),
  })
}

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

function drillDownLink(title: string, uid: DashboardUid, variables: Readonly<Record<string, string>>): DrillDownLink {
  const values = Object.entries(variables).map(([name, value]) => `var-${name}=${value}`)
  return {
    title,
    url: `/d/${uid}?${[grafana('datasource:queryparam'), ...values, grafana('__url_time_range')].join('&')}`,
  }
}

/** A variable that Grafana replaces. */
function grafana(expression: string): string {
  return `\${${expression}}`
}
