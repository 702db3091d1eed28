import { makeCommand } from '../cli/settings.ts'
import type { Lab } from '../lab/lab.ts'
import { query, type Sample } from '../prometheus/prometheus-client.ts'
import { prometheusUrl } from '../services/prometheus.ts'
import { waitUntil } from '../system/wait.ts'
import { INFO_METRIC, type MetricManifest } from './metric-objects.ts'

/** Names that a kubelet or the collector has too; kwok-config/prometheus.yaml puts `kwok_` before them, a test compares. */
export const RENAMED = /^(?:(?:container|k8s|kubelet|machine|node|pod|system)_.+|scrape_error)$/

/** How a metric of KWOK is called in Prometheus; of a histogram, its count. */
export function nameInPrometheus(name: string, kind: string): string {
  const series = kind === 'histogram' ? `${name}_count` : name
  return RENAMED.test(series) ? `kwok_${series}` : series
}

/** What of the served metrics Prometheus lacks: `<metric> of <node>`. */
export function missingSeries(
  expected: ReadonlyMap<string, ReadonlySet<string>>,
  samples: readonly Sample[],
): string[] {
  const there = new Set(samples.map(({ labels }) => `${labels['__name__']} of ${labels['k8s_node_name']}`))
  return [...expected].flatMap(([node, names]) =>
    [...names].map(name => `${name} of ${node}`).filter(series => !there.has(series)),
  )
}

/**
 * Waits until Prometheus has every metric of every node that serves it, by the node's own name.
 *
 * Throws a LabError that names the first one it lacks.
 */
export async function waitUntilInPrometheus(
  lab: Lab,
  manifest: MetricManifest,
  served: ReadonlyMap<string, ReadonlySet<string>>,
): Promise<void> {
  const kinds = new Map(manifest.spec.metrics.map(({ name, kind }) => [name, kind]))
  const expected = new Map(
    [...served].map(([node, names]) => {
      const ours = [...names].filter(name => kinds.has(name))
      return [node, new Set(ours.map(name => nameInPrometheus(name, kinds.get(name) ?? '')))] as const
    }),
  )
  const names = [...new Set([...expected.values()].flatMap(each => [...each]))]
  const scope = `job="kwok-metrics",k8s_cluster_name="${lab.settings.clusterName}"`
  const expression = `group by (__name__, k8s_node_name) ({${scope},__name__=~"${names.join('|')}"})`
  const label = manifest.spec.metrics.find(({ name }) => name === INFO_METRIC)?.['labels']
  const digest = (label as { value: string }[] | undefined)?.[0]?.value ?? '""'
  const current = `group by (__name__, k8s_node_name) (${INFO_METRIC}{${scope},digest=${digest}})`
  const url = prometheusUrl(lab)
  await waitUntil<void>({
    what: "KWOK's metrics in Prometheus",
    timeoutMs: 60_000 + 4 * lab.settings.collectionInterval,
    everyMs: 1_000,
    check: async () => {
      const [all, marks] = await Promise.all([query(url, expression), query(url, current)])
      const others = all.filter(({ labels }) => labels['__name__'] !== INFO_METRIC)
      const missing = missingSeries(expected, [...others, ...marks])
      if (missing.length === 0) return { done: undefined }
      return { pending: `${missing.length} are missing, the first is ${missing[0]}` }
    },
    progress: 'Metrics',
    next: `${makeCommand('kwok-status', lab.settings.clusterName)}, and look at the targets of job kwok-metrics at ${url}/api/v1/targets`,
  })
}
