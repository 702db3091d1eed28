import { type Column, type LabPanel, stat, table, timeseries } from '../panel-builders.ts'
import {
  nodeUsages,
  podUsageAgreement,
  podUsageByKwok,
  podUsageByOtel,
  scrapeErrors,
  servedContainers,
  servedNodes,
  servedPods,
  type Usage,
} from '../queries/kwok-metrics.ts'
import { podKeys } from '../table-keys.ts'

const WORDS = {
  cpu: { title: 'CPU', each: 'Cores that each node uses', noun: 'Cores', unit: 'short', decimals: 3 },
  memory: { title: 'Memory', each: 'Working set of each node', noun: 'Working sets', unit: 'bytes', decimals: 1 },
} as const satisfies Record<Usage, object>

export function servedNodesStat(): LabPanel {
  return stat({
    title: 'Nodes served',
    description: 'Nodes whose metrics KWOK serves and Prometheus scrapes.',
    unit: 'none',
    query: servedNodes,
  })
}

export function scrapeErrorsStat(): LabPanel {
  return stat({
    title: 'Nodes with errors',
    description: "Nodes with a metric that KWOK can't evaluate; the log of kwok-controller has the error.",
    unit: 'none',
    query: scrapeErrors,
    thresholds: [
      { value: null, color: 'green' },
      { value: 1, color: 'red' },
    ],
  })
}

export function servedPodsTimeseries(): LabPanel {
  return timeseries({
    title: 'Pods and containers served',
    description: "Pods and containers in KWOK's metrics, by node. Includes finished pods, which no kubelet measures.",
    unit: 'short',
    queries: [servedPods, servedContainers],
  })
}

export function nodeUsagesTimeseries(usage: Usage): LabPanel {
  const { title, each, unit } = WORDS[usage]
  return timeseries({
    title: `${title} of nodes, KWOK and OpenTelemetry`,
    description: `${each}, with its system, by KWOK and by the OpenTelemetry Collector. KWOK counts pods without a usage object and annotation as idle, so its value can be lower.`,
    unit,
    queries: nodeUsages(usage),
  })
}

export function podUsagesTable(usage: Usage): LabPanel {
  const { title, noun, unit, decimals } = WORDS[usage]
  const columns: Column[] = [
    { name: 'KWOK', query: podUsageByKwok(usage) },
    { name: 'OpenTelemetry', query: podUsageByOtel(usage) },
    { name: 'KWOK / OpenTelemetry', query: podUsageAgreement(usage), unit: 'percentunit', decimals: 1 },
  ]
  return table({
    title: `${title} of pods, KWOK and OpenTelemetry`,
    description: `${noun} of each pod by KWOK and by the OpenTelemetry Collector now, and their quotient: 100 % when they agree. KWOK reports 0 for a pod without a usage object and annotation.`,
    unit,
    decimals,
    keys: podKeys(),
    columns,
  })
}
