import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Credentials } from '../../../lib/kube/credentials.ts'
import { CERTIFICATE, KEY } from './tls.ts'

export interface FakeApi {
  url: string
  credentials: Credentials
  close(): Promise<void>
}

/** A server on a free port of 127.0.0.1, over TLS if asked for. */
export async function fakeApi(listener: RequestListener, { tls = false } = {}): Promise<FakeApi> {
  const server = tls ? createTlsServer({ cert: CERTIFICATE, key: KEY }, listener) : createServer(listener)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const url = `${tls ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url,
    credentials: { context: 'test', server: url, tls: { ca: CERTIFICATE, rejectUnauthorized: true }, headers: {} },
    close() {
      server.closeAllConnections()
      return new Promise(resolve => server.close(() => resolve()))
    },
  }
}

/** Answers with JSON. */
export function answer(response: ServerResponse, status: number, body: unknown, headers = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(JSON.stringify(body))
}

/** A request's body as text. */
export async function bodyOf(request: IncomingMessage): Promise<string> {
  let whole = ''
  for await (const chunk of request) whole += chunk
  return whole
}

/** Waits until something holds; fails after two minutes: on a busy machine a process takes half of one to start. */
export async function until(what: string, holds: () => boolean): Promise<void> {
  const endMs = Date.now() + 120_000
  while (!holds()) {
    if (Date.now() > endMs) throw new Error(`it never came to pass that ${what}`)
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}
