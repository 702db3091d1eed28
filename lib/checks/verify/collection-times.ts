import type { PrometheusApi } from '../../prometheus/prometheus-client.ts'

/** Finds each collection even at the shortest interval, one second. */
const QUERY_STEP_MS = 500

/**
 * The times (epoch, oldest first) at which the collector read each node's kubelet up to a time, by node. All data
 * points of one read have the same time.
 *
 * Throws a LabError when Prometheus can't be reached.
 */
export async function collectionTimes(
  api: Pick<PrometheusApi, 'range'>,
  { clusterName, untilMs, lengthMs }: { clusterName: string; untilMs: number; lengthMs: number },
): Promise<Map<string, number[]>> {
  const series = `k8s_node_cpu_time_seconds_total{k8s_cluster_name="${clusterName}"}`
  const fromMs = untilMs - Math.floor(lengthMs / QUERY_STEP_MS) * QUERY_STEP_MS
  const newest = `max by (k8s_node_name) (timestamp(${series}))`
  const found = await api.range(newest, { fromMs, untilMs }, QUERY_STEP_MS)
  return new Map(
    found.map(({ labels, points }) => {
      const times = new Set(points.map(([, seconds]) => Math.round(seconds * 1_000)))
      return [labels['k8s_node_name'] ?? '', [...times].sort((a, b) => a - b)]
    }),
  )
}
