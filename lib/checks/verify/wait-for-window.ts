import { createPrometheusApi, type PrometheusApi, PrometheusUnreachable } from '../../prometheus/prometheus-client.ts'
import { waitUntil } from '../../system/wait.ts'

interface AwaitedSeries {
  metric: string
  matchers?: string
  /** A KWOK lab always has it, so verify waits also while it has no series. */
  ofKwokLab?: true
}

/** Series of each node and each running pod, and those of optional sources. */
const SERIES: readonly AwaitedSeries[] = [
  { metric: 'k8s_node_cpu_time_seconds_total' },
  { metric: 'k8s_pod_cpu_time_seconds_total' },
  { metric: 'kwok_pod_cpu_usage_seconds_total' },
  { metric: 'traces_simulator_requests_total', ofKwokLab: true },
  // The first span of an idle control plane can come a minute later.
  { metric: 'otelcol_receiver_accepted_spans_total' },
  { metric: 'otelcol_exporter_sent_spans_total' },
  // Only requests without an error, which each service has from its first pod on.
  {
    metric: 'traces_span_metrics_calls_total',
    matchers: ', span_kind="SPAN_KIND_SERVER", status_code="STATUS_CODE_UNSET"',
  },
]

/**
 * Waits until the series of the nodes and pods cover the rate window: at first a rate is too small or missing. Gives
 * false on time-out.
 *
 * Throws a PrometheusUnreachable. A query without a result is retried.
 */
export async function waitForWindow(options: {
  url: string
  clusterName: string
  isKwokLab: boolean
  windowMs: number
  limitMs: number
  onWaiting: (text: string) => void
}): Promise<boolean> {
  const { url, windowMs, limitMs, onWaiting } = options
  return await waitUntil({
    what: 'the rate window',
    timeoutMs: limitMs,
    everyMs: 2_000,
    check: async () => {
      // A new client for each try: a client caches answers.
      try {
        const missing = await countYoungSeries(createPrometheusApi(url, { next: 'make kwok-status' }), options)
        if (missing === 0) return { done: true }
        const pending = `${missing} series cover less than ${Math.round(windowMs / 1_000)} s`
        onWaiting(pending)
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
async function countYoungSeries(
  api: PrometheusApi,
  { clusterName, isKwokLab, windowMs }: { clusterName: string; isKwokLab: boolean; windowMs: number },
): Promise<number> {
  const nowMs = Date.now()
  const counts = await Promise.all(
    SERIES.map(async ({ metric, matchers = '', ofKwokLab }) => {
      const selector = `${metric}{k8s_cluster_name="${clusterName}"${matchers}}`
      const earlier = `${selector} offset ${Math.round(windowMs)}ms`
      const none = isKwokLab && ofKwokLab ? ` or absent(${selector})` : ''
      const samples = await api.instant(`count(${selector} unless ${earlier})${none}`, nowMs)
      return samples[0]?.value ?? 0
    }),
  )
  return counts.reduce((sum, each) => sum + each, 0)
}
