import { attributeList, type OtlpMetric, otlpMetric, postMetrics } from '../kubelet/otlp-metrics.ts'
import type { SpanExporter } from './span-exporter.ts'

/** The values of the simulator's own metrics. */
export interface SimulatorMetrics {
  requests: number
  roots: number
  services: number
  problems: number
}

/** The simulator's own metrics as OTLP `ResourceMetrics`; counters since `startMs`. */
export function simulatorResourceMetrics(
  { requests, roots, services, problems }: SimulatorMetrics,
  { counts, waiting }: Pick<SpanExporter, 'counts' | 'waiting'>,
  time: { startMs: number; nowMs: number },
): unknown {
  const metric = (name: string, unit: string, points: OtlpMetric['points'], kind: OtlpMetric['kind'] = 'gauge') =>
    otlpMetric({ name: `traces.simulator.${name}`, unit, kind, points }, time)
  const spans = (['sent', 'dropped', 'failed'] as const).map(result => [counts[result], { result }] as const)
  const metrics = [
    metric('requests', '{request}', [[requests, {}]], 'counter'),
    metric('spans', '{span}', spans, 'counter'),
    metric('queue', '{span}', [[waiting, {}]]),
    metric('generators', '{workload}', [[roots, {}]]),
    metric('services', '{service}', [[services, {}]]),
    metric('problems', '{problem}', [[problems, {}]]),
  ]
  const attributes = attributeList({ 'service.name': 'kube-otel-lab-traces' })
  return { resource: { attributes }, scopeMetrics: [{ metrics }] }
}

/** Pushes the metrics each interval until the signal. After a failed push, the next one has the cumulative counters. */
export function startPushingMetrics(options: {
  /** An OTLP/HTTP endpoint, without `/v1/metrics`. */
  url: string
  intervalMs: number
  exporter: Pick<SpanExporter, 'counts' | 'waiting'>
  metrics: () => SimulatorMetrics
  signal: AbortSignal
}): void {
  const { url, intervalMs, exporter, metrics, signal } = options
  const startMs = Date.now()
  const timer = setInterval(() => {
    const measured = simulatorResourceMetrics(metrics(), exporter, { startMs, nowMs: Date.now() })
    const limit = AbortSignal.any([signal, AbortSignal.timeout(Math.min(intervalMs, 5_000))])
    postMetrics(url, [measured], limit)
      .then(answer => answer.arrayBuffer())
      // The span exporter logs when the collector is unreachable.
      .catch(() => {})
  }, intervalMs)
  signal.addEventListener('abort', () => clearInterval(timer), { once: true })
}
