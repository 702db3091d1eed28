import { type LabPanel, stat, steps, table, timeseries } from '../panel-builders.ts'
import type { Usage } from '../queries/kwok-metrics.ts'
import * as query from '../queries/kwok-metrics.ts'
import { podKeys } from '../table-keys.ts'

const WORDS = {
  cpu: { title: 'CPU', each: 'Cores that each node uses', noun: 'Cores', unit: 'short', decimals: 3 },
  memory: { title: 'Memory', each: 'Working set of each node', noun: 'Working sets', unit: 'bytes', decimals: 1 },
} as const satisfies Record<Usage, object>

export const servedNodesStat = stat({
  title: 'Nodes served',
  description: 'Nodes whose metrics KWOK serves and Prometheus scrapes.',
  unit: 'none',
  query: query.servedNodes,
})

export const scrapeErrorsStat = stat({
  title: 'Nodes with errors',
  description: "Nodes with a metric that KWOK can't evaluate; the log of kwok-controller has the error.",
  unit: 'none',
  query: query.scrapeErrors,
  thresholds: steps('green', [1, 'red']),
})

export const servedPodsTimeseries = timeseries({
  title: 'Pods and containers served',
  description: "Pods and containers in KWOK's metrics, by node. Includes finished pods, which no kubelet measures.",
  unit: 'short',
  queries: [query.servedPods, query.servedContainers],
})

export function nodeUsagesTimeseries(usage: Usage): LabPanel {
  const { title, each, unit } = WORDS[usage]
  return timeseries({
    title: `${title} of nodes, KWOK and OpenTelemetry`,
    description: `${each}, with its system, by KWOK and by the OpenTelemetry Collector. KWOK counts pods without a usage object and annotation as idle, so its value can be lower.`,
    unit,
    queries: query.nodeUsages(usage),
  })
}

export function podUsagesTable(usage: Usage): LabPanel {
  const { title, noun, unit, decimals } = WORDS[usage]
  return table({
    title: `${title} of pods, KWOK and OpenTelemetry`,
    description: `${noun} of each pod by KWOK and by the OpenTelemetry Collector now, and their quotient: 100 % when they agree. KWOK reports 0 for a pod without a usage object and annotation.`,
    unit,
    decimals,
    keys: podKeys(),
    columns: [
      { name: 'KWOK', query: query.podUsageByKwok(usage) },
      { name: 'OpenTelemetry', query: query.podUsageByOtel(usage) },
      { name: 'KWOK / OpenTelemetry', query: query.podUsageAgreement(usage), unit: 'percentunit', decimals: 1 },
    ],
  })
}
