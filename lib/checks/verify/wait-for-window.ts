import { createPrometheusApi, type PrometheusApi, PrometheusUnreachable } from '../../prometheus/prometheus-client.ts'
import { waitUntil } from '../../system/wait.ts'

interface AwaitedSeries {
  metric: string
  matchers?: string
  /** A KWOK lab always has it, so that it is also waited for where there is none yet. */
  ofKwokLab?: true
}

/** Series that are there for each node and each running pod; and those of what may have been added a moment ago. */
const SERIES: readonly AwaitedSeries[] = [
  { metric: 'k8s_node_cpu_time_seconds_total' },
  { metric: 'k8s_pod_cpu_time_seconds_total' },
  { metric: 'kwok_pod_cpu_usage_seconds_total' },
  { metric: 'traces_simulator_requests_total', ofKwokLab: true },
  // The first span of a quiet control plane may come a minute after all else.
  { metric: 'otelcol_receiver_accepted_spans_total' },
  { metric: 'otelcol_exporter_sent_spans_total' },
  // Errors come and go; what a service answers well begins with its first pod.
  {
    metric: 'traces_span_metrics_calls_total',
    matchers: ', span_kind="SPAN_KIND_SERVER", status_code="STATUS_CODE_UNSET"',
  },
]

/**
 * Waits until the series of the nodes and pods reach back over the rate window: right after they came, a rate is too small or
 * isn't there. Gives false when `limitMs` were over before.
 *
 * Throws a PrometheusUnreachable. A query without a result is asked again.
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
      // A client of its own each time: one answers the same question once.
      try {
        const missing = await tooYoung(createPrometheusApi(url, { next: 'make kwok-status' }), options)
        if (missing === 0) return { done: true }
        const pending = `${missing} series reach back less than ${Math.round(windowMs / 1_000)} s`
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

/** How many of the series that are there now, or have to come yet, weren't there at the beginning of the window. */
async function tooYoung(
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
