import { cpuUsage } from './cpu.ts'
import { memoryWorkingSet } from './memory.ts'
import { nodeCpuUsage, nodeMemoryWorkingSet } from './nodes.ts'
import { labelsOf, named, type Query } from './query.ts'
import { inNamespace, onNode, POD, selected } from './scope.ts'

const JOB = 'job="kwok-metrics"'
const BY_NODE = ['cluster', 'node'] as const
const NODE = labelsOf(BY_NODE)
const BY_POD = ['cluster', 'namespace', 'pod'] as const
/** KWOK's own series have a kubelet's labels, `namespace` and `pod`. */
const OF_POD = `${onNode.filter}, ${selected('namespace', 'namespace')}`
const OTEL_POD = { filter: `${inNamespace.filter}, ${selected('k8s_node_name', 'node')}` }

const USAGE = {
  cpu: {
    quantity: 'kwok-cpu-usage',
    otel: 'cpu-usage',
    kwok: (what: 'node' | 'pod', filter: string) =>
      `rate(kwok_${what}_cpu_usage_seconds_total{${filter}}[$__rate_interval])`,
    node: nodeCpuUsage,
    pod: cpuUsage,
  },
  memory: {
    quantity: 'kwok-memory-working-set',
    otel: 'memory-working-set',
    kwok: (what: 'node' | 'pod', filter: string) => `kwok_${what}_memory_working_set_bytes{${filter}}`,
    node: nodeMemoryWorkingSet,
    pod: memoryWorkingSet,
  },
} as const

export type Usage = keyof typeof USAGE

/** Nodes whose metrics KWOK serves and Prometheus scrapes. */
export const servedNodes: Query = {
  expr: `count by (k8s_cluster_name) (group by (${NODE}) (up{${onNode.filter}, ${JOB}} == 1))`,
  truth: { of: 'nodes', by: ['cluster'] },
}

/** Nodes with a metric that KWOK can't evaluate. */
export const scrapeErrors: Query = { expr: `sum by (k8s_cluster_name) (kwok_scrape_error{${onNode.filter}})` }

/** Pods in KWOK's metrics, by node: all bound pods, finished ones too. */
export const servedPods: Query = {
  expr: `count by (${NODE}) (kwok_pod_memory_working_set_bytes{${OF_POD}})`,
  legend: '{{k8s_node_name}} pods',
  truth: { of: 'pods', by: BY_NODE },
}

/** Containers in KWOK's metrics, by node. */
export const servedContainers: Query = {
  expr: `count by (${NODE}) (kwok_container_memory_working_set_bytes{${OF_POD}})`,
  legend: '{{k8s_node_name}} containers',
  truth: { of: 'placed-containers', by: BY_NODE },
}

/** The usage of each node by KWOK and by OpenTelemetry: cores, or bytes of the working set. */
export function nodeUsages(usage: Usage): Query[] {
  const { quantity, kwok, node } = USAGE[usage]
  return [
    {
      expr: `sum by (${NODE}) (${kwok('node', onNode.filter)})`,
      legend: '{{k8s_node_name}} KWOK',
      truth: { of: quantity, by: BY_NODE, withSystem: true },
    },
    named('{{k8s_node_name}} OpenTelemetry', node({ scope: onNode, by: BY_NODE })),
  ]
}

/** The usage of each pod by KWOK; 0 without a usage object or annotation. */
export function podUsageByKwok(usage: Usage): Query {
  const renamed = ['namespace', 'pod'].reduce(
    (series, label) => `label_replace(${series}, "k8s_${label}_name", "$1", "${label}", "(.+)")`,
    USAGE[usage].kwok('pod', OF_POD),
  )
  return { expr: `sum by (${POD}) (${renamed})`, truth: { of: USAGE[usage].quantity, by: BY_POD } }
}

/** The usage of each pod by OpenTelemetry. */
export function podUsageByOtel(usage: Usage): Query {
  return USAGE[usage].pod({ scope: OTEL_POD, by: BY_POD })
}

/**
 * The usage of each pod by KWOK divided by that by OpenTelemetry, 1 where they agree. Only pods with a usage object
 * or annotation.
 */
export function podUsageAgreement(usage: Usage): Query {
  return {
    expr: `(${podUsageByKwok(usage).expr} > 0) / ${podUsageByOtel(usage).expr}`,
    truth: { of: USAGE[usage].quantity, over: USAGE[usage].otel, by: BY_POD, aboveZero: true },
    emptyWhen: { because: 'the selected pods may have no usage object and annotation' },
  }
}
