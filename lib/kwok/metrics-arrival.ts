import { makeCommand } from '../cli/settings.ts'
import type { Lab } from '../lab/lab.ts'
import { query, type Sample } from '../prometheus/prometheus-client.ts'
import { prometheusUrl } from '../services/prometheus.ts'
import { waitUntil } from '../system/wait.ts'
import { INFO_METRIC, infoDigest, type MetricManifest } from './metric-objects.ts'

/** Names that a kubelet or the collector also uses. kwok-config/prometheus.yaml adds the prefix `kwok_`; a test compares the two. */
const RENAMED = /^(?:(?:container|k8s|kubelet|machine|node|pod|system)_.+|scrape_error)$/

/** The name of a KWOK metric in Prometheus; for a histogram, of its count. */
export function nameInPrometheus(name: string, kind: string): string {
  const series = kind === 'histogram' ? `${name}_count` : name
  return RENAMED.test(series) ? `kwok_${series}` : series
}

/** The served metrics that Prometheus does not have: `<metric> of <node>`. */
export function missingSeries(
  expected: ReadonlyMap<string, ReadonlySet<string>>,
  samples: readonly Sample[],
): string[] {
  const present = new Set(samples.map(({ labels }) => `${labels['__name__']} of ${labels['k8s_node_name']}`))
  return [...expected].flatMap(([node, names]) =>
    [...names].map(name => `${name} of ${node}`).filter(series => !present.has(series)),
  )
}

/**
 * Waits until Prometheus has every served metric of every node, with the node's name.
 *
 * Throws a LabError with the first missing metric.
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
  const current = `group by (__name__, k8s_node_name) (${INFO_METRIC}{${scope},digest=${infoDigest(manifest)}})`
  const url = prometheusUrl(lab)
  await waitUntil<void>({
    what: "KWOK's metrics in Prometheus",
    timeoutMs: 60_000 + 4 * lab.settings.collectionInterval,
    everyMs: 1_000,
    check: async () => {
      const [all, infos] = await Promise.all([query(url, expression), query(url, current)])
      const others = all.filter(({ labels }) => labels['__name__'] !== INFO_METRIC)
      const missing = missingSeries(expected, [...others, ...infos])
      if (missing.length === 0) return { done: undefined }
      return { pending: `${missing.length} are missing, the first is ${missing[0]}` }
    },
    progress: 'Metrics',
    next: `${makeCommand('kwok-status', lab.settings.clusterName)}, and read the targets of job kwok-metrics at ${url}/api/v1/targets`,
  })
}
