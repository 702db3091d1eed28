import { literal, object, parseJson, pipe, record, safeParse, string, tupleWithRest, unknown } from 'valibot'
import type { PrometheusApi } from '../../prometheus/prometheus-client.ts'
import { jaegerServices } from '../../traces/jaeger-client.ts'

/** A service with traces in Jaeger. */
export interface TracedService {
  name: string
  /**
   * The spans of the last five minutes that the collector counted; undefined for the control plane, whose spans it
   * does not count.
   */
  spans: number | undefined
  /** Jaeger's page with its newest traces. */
  url: string
}

/**
 * The services in Jaeger, by name.
 *
 * Throws a LabError when Jaeger or Prometheus can't be queried.
 */
export async function tracedServices(jaegerUrl: string, api: PrometheusApi, timeMs: number): Promise<TracedService[]> {
  const query = 'sum by (service_name) (increase(traces_span_metrics_calls_total[5m]))'
  const [names, counts] = await Promise.all([jaegerServices(jaegerUrl), api.instant(query, timeMs)])
  const spans = new Map(counts.map(({ labels, value }) => [labels['service_name'], Math.round(value)]))
  return names.sort().map(name => ({ name, spans: spans.get(name), url: tracesUrl(jaegerUrl, name) }))
}

/** The URL in Jaeger for a link to Grafana's Explore that searches a service's traces; undefined for another link. */
export function exploredTraces(url: string, jaegerUrl: string): string | undefined {
  if (!url.startsWith('/explore?')) return undefined
  const panes = safeParse(jaegerPanes, new URLSearchParams(url.slice('/explore?'.length)).get('panes'))
  const [pane] = panes.success ? Object.values(panes.output) : []
  return pane === undefined ? undefined : tracesUrl(jaegerUrl, pane.queries[0].service)
}

/** The panes of Explore with a search in Jaeger. */
const search = object({ service: string(), datasource: object({ type: literal('jaeger') }) })
const jaegerPanes = pipe(
  string(),
  parseJson(),
  record(string(), object({ queries: tupleWithRest([search], unknown()) })),
)

function tracesUrl(jaegerUrl: string, service: string): string {
  return `${jaegerUrl}/search?${new URLSearchParams({ service, lookback: '1h', limit: '20' })}`
}
