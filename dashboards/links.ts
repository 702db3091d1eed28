import { type DashboardUid, uids } from './uids.ts'

/** Where a click leads, with the datasource, the time and what the row says carried over. */
export interface Drill {
  title: string
  url: string
}

/** A value of the row, by the name of its column. */
const field = (name: string) => grafana(`__data.fields.${name}`)

export function toNamespacePods(): Drill {
  return drill('Pods of the namespace', uids.namespacePods, {
    cluster: field('Cluster'),
    namespace: field('Namespace'),
  })
}

export function toNamespaceWorkloads(): Drill {
  const values = { cluster: field('Cluster'), namespace: field('Namespace') }
  return drill('Workloads of the namespace', uids.namespaceWorkloads, values)
}

export function toWorkload(): Drill {
  return drill('The workload', uids.workload, {
    cluster: field('Cluster'),
    namespace: field('Namespace'),
    type: field('Type'),
    workload: field('Workload'),
  })
}

export function toPod(): Drill {
  return drill('The pod', uids.pod, { cluster: field('Cluster'), namespace: field('Namespace'), pod: field('Pod') })
}

export function toNodePods(): Drill {
  return drill('Pods of the node', uids.nodePods, { cluster: field('Cluster'), node: field('Node') })
}

export function toNetworkNamespacePods(): Drill {
  const values = { cluster: field('Cluster'), namespace: field('Namespace') }
  return drill('Network of the namespace', uids.networkNamespacePods, values)
}

export function toNetworkWorkload(): Drill {
  return drill('Network of the workload', uids.networkWorkload, {
    cluster: field('Cluster'),
    namespace: field('Namespace'),
    type: field('Type'),
    workload: field('Workload'),
  })
}

export function toNetworkPod(): Drill {
  return drill('Network of the pod', uids.networkPod, {
    cluster: field('Cluster'),
    namespace: field('Namespace'),
    pod: field('Pod'),
  })
}

function drill(title: string, uid: DashboardUid, variables: Readonly<Record<string, string>>): Drill {
  const values = Object.entries(variables).map(([name, value]) => `var-${name}=${value}`)
  return {
    title,
    url: `/d/${uid}?${[grafana('datasource:queryparam'), ...values, grafana('__url_time_range')].join('&')}`,
  }
}

/** Something that Grafana puts in. */
function grafana(expression: string): string {
  return `\${${expression}}`
}
