/** Reads the traces of a lab that runs Online Boutique. */
import { fields, items, text } from '../../lib/kube/json.ts'
import { type JaegerSpan, jaegerTraces } from '../../lib/traces/jaeger-client.ts'
import type { TestLab } from './lab.ts'

export const NAMESPACE = 'online-boutique'
export const WAIT_MS = 120_000

export const jaegerUrl = (lab: TestLab) => `http://127.0.0.1:${lab.ports.jaegerPort}`
export const requests = (lab: TestLab, lookback = '30s') =>
  jaegerTraces(jaegerUrl(lab), 'loadgenerator', { limit: 500, lookback })

/** `caller>callee` for each server span, by the service of its parent. */
export function edgesOf(spans: readonly JaegerSpan[]): string[] {
  const byId = new Map(spans.map(span => [span.spanId, span]))
  return spans
    .filter(span => span.tags['span.kind'] === 'server')
    .map(span => `${byId.get(span.parentId ?? '')?.service}>${span.service}`)
}

/** `caller>callee` by the variables of the Deployments: in this application they name Services, whose names are those of Deployments. */
export async function realEdges(lab: TestLab): Promise<string[]> {
  const list = JSON.parse(await lab.kubectl(['get', 'deployments', '-n', NAMESPACE, '-o', 'json']))
  return items(list.items).flatMap(raw => {
    const { metadata, spec } = fields(raw)
    const containers = items(fields(fields(fields(spec).template).spec).containers)
    const env = containers.flatMap(each => items(fields(each).env))
    const peers = env.filter(each => text(fields(each).name)?.endsWith('_ADDR') === true)
    return peers.map(each => `${fields(metadata).name}>${text(fields(each).value)?.split(':')[0]}`)
  })
}

export const isFailed = (span: JaegerSpan) => span.tags['error'] === 'true'
