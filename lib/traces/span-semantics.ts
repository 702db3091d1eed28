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
          unavailable: { ...client, 'error.type': 'ECONNREFUSED' },
        },
        server: { ok: { ...handler, 'http.response.status_code': 200 }, failed: { ...handler, ...failed } },
      }
    }
    case 'grpc': {
      const base = { 'rpc.system': 'grpc', 'rpc.service': serviceName, 'rpc.method': 'Call', ...server }
      const ok = { ...base, 'rpc.grpc.status_code': 0 }
      // INTERNAL, and UNAVAILABLE.
      const failed = { ...base, 'rpc.grpc.status_code': 13, 'error.type': '13' }
      const unavailable = { ...base, 'rpc.grpc.status_code': 14, 'error.type': '14' }
      const name = `${serviceName}/Call`
      return { clientName: name, serverName: name, client: { ok, failed, unavailable }, server: { ok, failed } }
    }
    case 'redis': {
      const ok = { 'db.system.name': 'redis', 'db.operation.name': 'GET', ...server }
      const failed = { ...ok, 'error.type': 'ERR' }
      const unavailable = { ...ok, 'error.type': 'ECONNREFUSED' }
      return { clientName: 'GET', serverName: 'GET', client: { ok, failed, unavailable }, server: { ok, failed } }
    }
    case 'tcp': {
      const ok = { 'network.transport': 'tcp', ...server }
      const failed = { ...ok, 'error.type': '_OTHER' }
      const unavailable = { ...ok, 'error.type': 'ECONNREFUSED' }
      return { clientName: 'call', serverName: 'call', client: { ok, failed, unavailable }, server: { ok, failed } }
    }
  }
}
