import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import type { Duplex } from 'node:stream'
import { text } from 'node:stream/consumers'
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls'

/** The answer to CONNECT. */
export interface Tunnel {
  status: number | undefined
  socket: Duplex
}

/** Sends CONNECT on a Unix socket. */
export async function tunnel(socketPath: string, destination: string): Promise<Tunnel> {
  const asked = request({ socketPath, method: 'CONNECT', path: destination, agent: false }).end()
  const [answer, socket] = (await once(asked, 'connect')) as [IncomingMessage, Duplex]
  return { status: answer.statusCode, socket }
}

/** A TLS connection to the kubelet at an address, or to another port of it, by CONNECT. The server's certificate is checked against that address. */
export async function dial(
  socketPath: string,
  address: string,
  { port = 10_250, ...options }: ConnectionOptions,
): Promise<TLSSocket> {
  const { status, socket } = await tunnel(socketPath, `${address}:${port}`)
  if (status !== 200) throw new Error(`CONNECT ${address} got ${status}`)
  const secure = connectTls({ ...options, socket, ...(options.servername === undefined ? { host: address } : {}) })
  await once(secure, 'secureConnect')
  return secure
}

/** Sends a request over a connection, and leaves it open. */
export async function ask(
  socket: Duplex,
  path: string,
  { method = 'GET', token, headers = {} }: { method?: string; token?: string; headers?: Record<string, string> } = {},
): Promise<{ status: number | undefined; body: string; headers: IncomingMessage['headers'] }> {
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const asked = request({
    createConnection: () => socket,
    method,
    path,
    headers: { host: 'node', connection: 'keep-alive', ...authorization, ...headers },
  }).end()
  const [answer] = (await once(asked, 'response')) as [IncomingMessage]
  return { status: answer.statusCode, body: await text(answer), headers: answer.headers }
}
