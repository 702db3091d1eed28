import type { Attributes } from '@opentelemetry/api'
import type { Call } from './call-graph.ts'

/** The result of a call: ok, failed in the callee, or no ready pod. */
export type Outcome = 'ok' | 'failed' | 'unavailable'

/** Names and attributes of the client and server span of a call. */
export interface CallSemantics {
  clientName: string
  serverName: string
  client: Readonly<Record<Outcome, Attributes>>
  server: Readonly<Record<Exclude<Outcome, 'unavailable'>, Attributes>>
}

/**
 * Names and attributes by OpenTelemetry's semantic conventions for HTTP, RPC and databases. The methods of a simulated service
 * are unknown: HTTP is GET /, gRPC the method Call of a service with the name of the Kubernetes Service.
 */
export function callSemantics({ protocol, serviceName, port }: Call): CallSemantics {
  const server = { 'server.address': serviceName, 'server.port': port }
  switch (protocol) {
    case 'http': {
      const base = { 'http.request.method': 'GET', ...server }
      const client = { ...base, 'url.full': `http://${serviceName}:${port}/` }
      const handler = { ...base, 'url.scheme': 'http', 'url.path': '/', 'http.route': '/' }
      const failed = { 'http.response.status_code': 500, 'error.type': '500' }
      return {
        clientName: 'GET',
        serverName: 'GET /',
        client: {
          ok: { ...client, 'http.response.status_code': 200 },
          failed: { ...client, ...failed },
          unavailable: { ...client, ...REFUSED },
        },
        server: { ok: { ...handler, 'http.response.status_code': 200 }, failed: { ...handler, ...failed } },
      }
    }
    case 'grpc': {
      const base = { 'rpc.system': 'grpc', 'rpc.service': serviceName, 'rpc.method': 'Call', ...server }
      const status = (code: number) => ({ 'rpc.grpc.status_code': code, 'error.type': String(code) })
      // INTERNAL, and UNAVAILABLE.
      const [failed, unavailable] = [status(13), status(14)]
      return sameOnBothSides(`${serviceName}/Call`, base, { ok: { 'rpc.grpc.status_code': 0 }, failed, unavailable })
    }
    case 'redis': {
      const base = { 'db.system.name': 'redis', 'db.operation.name': 'GET', ...server }
      return sameOnBothSides('GET', base, { failed: { 'error.type': 'ERR' }, unavailable: REFUSED })
    }
    case 'tcp': {
      const base = { 'network.transport': 'tcp', ...server }
      return sameOnBothSides('call', base, { failed: { 'error.type': '_OTHER' }, unavailable: REFUSED })
    }
  }
}

const REFUSED = { 'error.type': 'ECONNREFUSED' }

/** A protocol without attributes of one side alone; `base` are the attributes of every outcome. */
function sameOnBothSides(
  name: string,
  base: Attributes,
  outcomes: Partial<Record<Outcome, Attributes>>,
): CallSemantics {
  const of = (outcome: Outcome) => ({ ...base, ...outcomes[outcome] })
  const server = { ok: of('ok'), failed: of('failed') }
  return { clientName: name, serverName: name, client: { ...server, unavailable: of('unavailable') }, server }
}
