import { fields, items, text } from '../../kube/json.ts'
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
  const [pane] = Object.values(fields(parsed(new URLSearchParams(url.slice('/explore?'.length)).get('panes') ?? '')))
  const query = fields(items(fields(pane)['queries'])[0])
  const service = text(query['service'])
  if (service === undefined || fields(query['datasource'])['type'] !== 'jaeger') return undefined
  return tracesUrl(jaegerUrl, service)
}

function tracesUrl(jaegerUrl: string, service: string): string {
  return `${jaegerUrl}/search?${new URLSearchParams({ service, lookback: '1h', limit: '20' })}`
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}
