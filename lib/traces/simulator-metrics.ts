import type { SpanExporter } from './span-exporter.ts'

/** Figures of the simulator itself, since its start. */
export interface TraceFigures {
  requests: number
  roots: number
  services: number
  problems: number
}

/** The simulator's own metrics as one OTLP/JSON request: counters since `startMs`, and what is there now. */
export function figuresRequest(
  figures: TraceFigures,
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
    counter('traces.simulator.requests', '{request}', [point(figures.requests)]),
    counter('traces.simulator.spans', '{span}', spans),
    gauge('traces.simulator.queue', '{span}', waiting),
    gauge('traces.simulator.generators', '{workload}', figures.roots),
    gauge('traces.simulator.services', '{service}', figures.services),
    gauge('traces.simulator.problems', '{problem}', figures.problems),
  ]
  const attributes = [{ key: 'service.name', value: { stringValue: 'kube-otel-lab-traces' } }]
  return { resourceMetrics: [{ resource: { attributes }, scopeMetrics: [{ metrics }] }] }
}

/** Pushes the figures each interval, until the signal. One that isn't taken is made good by the next: they only grow. */
export function startReporting(options: {
  /** An OTLP/HTTP endpoint, without `/v1/metrics`. */
  url: string
  intervalMs: number
  exporter: Pick<SpanExporter, 'counts' | 'waiting'>
  figures: () => TraceFigures
  signal: AbortSignal
}): void {
  const { url, intervalMs, exporter, figures, signal } = options
  const startMs = Date.now()
  const timer = setInterval(() => {
    fetch(`${url}/v1/metrics`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(figuresRequest(figures(), exporter, { startMs, nowMs: Date.now() })),
      signal: AbortSignal.any([signal, AbortSignal.timeout(Math.min(intervalMs, 5_000))]),
    })
      .then(answer => answer.arrayBuffer())
      // The span exporter says in the log when the collector is away; the figures go there too.
      .catch(() => {})
  }, intervalMs)
  signal.addEventListener('abort', () => clearInterval(timer), { once: true })
}
