import type { IncomingMessage, ServerResponse } from 'node:http'
import { TLSSocket } from 'node:tls'
import { EXPOSITION_TYPE } from '../endpoints/exposition.ts'
import { hostExtras } from '../endpoints/host-extras.ts'
import { type Answer, writeAnswer } from '../endpoints/http-answer.ts'
import { nodeExporterText } from '../endpoints/node-exporter-metrics.ts'
import { measureNode } from '../endpoints/node-measurement.ts'
import type { StatsStore } from '../store/stats-store.ts'
import type { Refusal } from './kubelet-auth.ts'

export interface NodeExporterOptions {
  store: StatsStore
  /** Decides on requests over TLS. */
  authorize: (request: IncomingMessage, path: string) => Promise<Refusal | undefined>
  countRequest: (route: string, status: number) => void
}

const ROUTE = '/nodes/:node/node-exporter'
const LANDING_PAGE = `<html>
<head><title>Node Exporter</title></head>
<body><h1>Node Exporter</h1><p><a href="/metrics">Metrics</a></p></body>
</html>
`

/** The answers of the node exporters: without authentication over plain HTTP, and like kube-rbac-proxy over TLS. */
export function createNodeExporterAnswers({ store, authorize, countRequest }: NodeExporterOptions) {
  return async (request: IncomingMessage, response: ServerResponse, node: string): Promise<void> => {
    const [path = '/'] = (request.url ?? '/').split('?', 1)
    const refusal = request.socket instanceof TLSSocket ? await authorize(request, path) : undefined
    const answer = refusal === undefined ? answerTo(path, node) : { ...refusal, contentType: 'text/plain' }
    countRequest(ROUTE, answer.status)
    writeAnswer(request, response, answer)
  }

  function answerTo(path: string, node: string): Answer {
    if (path === '/') return { status: 200, body: LANDING_PAGE, contentType: 'text/html; charset=UTF-8' }
    const read = path === '/metrics' ? store.read(node) : undefined
    if (read === undefined) return { status: 404, body: '404 page not found\n' }
    const measured = measureNode(read.entry, read.nowMs)
    const body = nodeExporterText(measured, hostExtras(read.entry, measured, store))
    // Before it is served.
    store.flush()
    return { status: 200, body, contentType: EXPOSITION_TYPE }
  }
}
