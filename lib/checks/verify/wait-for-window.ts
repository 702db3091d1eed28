import { createPrometheusApi, PrometheusUnreachable } from '../../prometheus/prometheus-client.ts'
import { waitUntil } from '../../system/wait.ts'
import type { EndedSeries } from './ended-series.ts'

/** A series that a KWOK lab always has, so verify waits also while it has none. */
const OF_KWOK_LAB = 'traces_simulator_requests_total'
/** Series of each node and each running pod, and those of optional sources, with further matchers; the last ones are kube-prometheus'. */
const SERIES: readonly (readonly [metric: string, matchers?: string, clusterLabel?: string])[] = [
  ['k8s_node_cpu_time_seconds_total'],
  ['k8s_pod_cpu_time_seconds_total'],
  ['kwok_pod_cpu_usage_seconds_total'],
  [OF_KWOK_LAB],
  // The first span of an idle control plane can come a minute later.
  ['otelcol_receiver_accepted_spans_total'],
  ['otelcol_exporter_sent_spans_total'],
  // Only requests without an error, which each service has from its first pod on.
  ['traces_span_metrics_calls_total', ', span_kind="SPAN_KIND_SERVER", status_code="STATUS_CODE_UNSET"'],
  ['container_cpu_usage_seconds_total', ', job="kubelet", container=""', 'cluster'],
  ['node_cpu_seconds_total', ', mode="idle"', 'cluster'],
]

interface WindowOptions {
  url: string
  clusterName: string
  isKwokLab: boolean
  ended?: readonly Pick<EndedSeries, 'ends'>[]
  windowMs: number
  limitMs: number
  onWaiting: (text: string) => void
}

/**
 * Waits until the series of the nodes and pods cover the rate window: at first a rate is too small or missing. Gives
 * false on time-out.
 *
 * Throws a PrometheusUnreachable. A query without a result is retried.
 */
export async function waitForWindow(options: WindowOptions): Promise<boolean> {
  return await waitUntil({
    what: 'the rate window',
    timeoutMs: options.limitMs,
    everyMs: 2_000,
    check: async () => {
      try {
        const missing = await countYoungSeries(options)
        if (missing === 0) return { done: true }
        const pending = `${missing} series cover less than ${Math.round(options.windowMs / 1_000)} s`
        options.onWaiting(pending)
        return { pending }
      } catch (error) {
        if (error instanceof PrometheusUnreachable) return { failed: error }
        throw error
      }
    },
    onTimeout: () => false,
  })
}

/** How many of the expected series have no sample at the start of the window. */
async function countYoungSeries({ url, clusterName, isKwokLab, ended = [], windowMs }: WindowOptions): Promise<number> {
  // A new client for each try: a client caches answers.
  const api = createPrometheusApi(url, { next: 'make kwok-status' })
  const nowMs = Date.now()
  const counts = await Promise.all(
    SERIES.map(async ([metric, matchers = '', clusterLabel = 'k8s_cluster_name']) => {
      const selector = `${metric}{${clusterLabel}="${clusterName}"${matchers}}`
      const hasEnded = ended.some(({ ends }) => 'metrics' in ends && ends.metrics.test(metric))
      const none = isKwokLab && metric === OF_KWOK_LAB && !hasEnded ? ` or absent(${selector})` : ''
      const young = `count(${selector} unless ${selector} offset ${Math.round(windowMs)}ms)${none}`
      return (await api.instant(young, nowMs))[0]?.value ?? 0
    }),
  )
  return counts.reduce((sum, each) => sum + each, 0)
}
