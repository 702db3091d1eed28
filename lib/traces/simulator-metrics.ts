import type { SpanExporter } from './span-exporter.ts'

/** The values of the simulator's own metrics. */
export interface SimulatorMetrics {
  requests: number
  roots: number
  services: number
  problems: number
}

/** The simulator's own metrics as one OTLP/JSON request; counters since `startMs`. */
export function metricsRequest(
  values: SimulatorMetrics,
  { counts, waiting }: Pick<SpanExporter, 'counts' | 'waiting'>,
  { startMs, nowMs }: { startMs: number; nowMs: number },
): unknown {
  const timeUnixNano = `${nowMs}000000`
  const startTimeUnixNano = `${startMs}000000`
  const point = (value: number, result?: string) => ({
    timeUnixNano,
    asInt: String(value),
    ...(result === undefined ? {} : { attributes: [{ key: 'result', value: { stringValue: result } }] }),
  })
  const counter = (name: string, unit: string, dataPoints: ReturnType<typeof point>[]) => ({
    name,
    unit,
    sum: {
      aggregationTemporality: 2,
      isMonotonic: true,
      dataPoints: dataPoints.map(each => ({ startTimeUnixNano, ...each })),
    },
  })
  const gauge = (name: string, unit: string, value: number) => ({ name, unit, gauge: { dataPoints: [point(value)] } })
  const spans = (['sent', 'dropped', 'failed'] as const).map(result => point(counts[result], result))
  const metrics = [
    counter('traces.simulator.requests', '{request}', [point(values.requests)]),
    counter('traces.simulator.spans', '{span}', spans),
    gauge('traces.simulator.queue', '{span}', waiting),
    gauge('traces.simulator.generators', '{workload}', values.roots),
    gauge('traces.simulator.services', '{service}', values.services),
    gauge('traces.simulator.problems', '{problem}', values.problems),
  ]
  const attributes = [{ key: 'service.name', value: { stringValue: 'kube-otel-lab-traces' } }]
  return { resourceMetrics: [{ resource: { attributes }, scopeMetrics: [{ metrics }] }] }
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
    fetch(`${url}/v1/metrics`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(metricsRequest(metrics(), exporter, { startMs, nowMs: Date.now() })),
      signal: AbortSignal.any([signal, AbortSignal.timeout(Math.min(intervalMs, 5_000))]),
    })
      .then(answer => answer.arrayBuffer())
      // The span exporter logs when the collector is unreachable.
      .catch(() => {})
  }, intervalMs)
  signal.addEventListener('abort', () => clearInterval(timer), { once: true })
}
