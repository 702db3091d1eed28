import type { PrometheusApi } from '../../prometheus/prometheus-client.ts'

/** A collector that asks each second, the most often there is, is seen each time. */
const LOOKED_EACH_MS = 500

/**
 * When the collector asked each node's kubelet (epoch, the oldest first) up to a time, by node: it writes one time to all that it
 * takes from an answer.
 *
 * Throws a LabError when Prometheus can't be reached.
 */
export async function collectionTimes(
  api: Pick<PrometheusApi, 'range'>,
  { clusterName, untilMs, lengthMs }: { clusterName: string; untilMs: number; lengthMs: number },
): Promise<Map<string, number[]>> {
  const series = `k8s_node_cpu_time_seconds_total{k8s_cluster_name="${clusterName}"}`
  const fromMs = untilMs - Math.floor(lengthMs / LOOKED_EACH_MS) * LOOKED_EACH_MS
  const newest = `max by (k8s_node_name) (timestamp(${series}))`
  const found = await api.range(newest, { fromMs, untilMs }, LOOKED_EACH_MS)
  return new Map(
    found.map(({ labels, points }) => {
      const times = new Set(points.map(([, seconds]) => Math.round(seconds * 1_000)))
      return [labels['k8s_node_name'] ?? '', [...times].sort((a, b) => a - b)]
    }),
  )
}
