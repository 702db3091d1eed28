import type { LookupAddress } from 'node:dns'
import { createServer, type RequestListener, request, type Server, STATUS_CODES } from 'node:http'
import { connect, type LookupFunction, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { messageOf } from '../../cli/errors.ts'
import type { Destination } from './cluster-endpoints.ts'

/** Why a CONNECT is refused: the status, and a short word that the metric counts. */
export class Refusal extends Error {
  readonly status: number
  readonly reason: string

  constructor(status: number, reason: string, message: string) {
    super(message)
    this.status = status
    this.reason = reason
  }
}

export interface ConnectProxyOptions {
  /** Opens the connection for a destination; rejects with a Refusal. */
  dial: (asked: Destination) => Promise<Socket>
  /** Answers requests of other methods than CONNECT. */
  answer: RequestListener
  onTunnel: (change: 'open' | 'closed') => void
  onRefusal: (reason: string, what: string) => void
  limits?: Partial<ConnectLimits>
}

export interface ConnectLimits {
  /** Connections, those without a complete request included. */
  connections: number
  /** The time for the headers of a request. */
  headersMs: number
  /** A tunnel without any data. A kubelet's streams have the same limit. */
  idleMs: number
  /** A tunnel of which one end has finished. */
  halfOpenMs: number
}

const defaults: ConnectLimits = { connections: 16_384, headersMs: 5_000, idleMs: 4 * 3_600_000, halfOpenMs: 30_000 }

/** The time to open a connection. */
const DIAL_MS = 5_000
const MOST_HEADER_BYTES = 8_192

/** An HTTP server, not listening yet, that opens tunnels by CONNECT. */
export function createConnectProxy({ dial, answer, onTunnel, onRefusal, limits }: ConnectProxyOptions): Server {
  const { connections, headersMs, idleMs, halfOpenMs } = { ...defaults, ...limits }
  const server = createServer(
    {
      maxHeaderSize: MOST_HEADER_BYTES,
      headersTimeout: headersMs,
      requestTimeout: 2 * headersMs,
      connectionsCheckingInterval: Math.min(1_000, headersMs),
      keepAliveTimeout: headersMs,
    },
    answer,
  )
  server.maxConnections = connections
  server.on('drop', () => onRefusal('limit', `more than ${connections} connections`))
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) return socket.destroy()
    const isSlow = error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
    const status = isSlow ? 408 : error.code === 'HPE_HEADER_OVERFLOW' ? 431 : 400
    onRefusal(isSlow ? 'slow' : 'malformed', error.message)
    refuse(socket, status, STATUS_CODES[status] ?? '')
  })
  server.on('connect', async ({ url = '' }, stream, head) => {
    const client = stream as Socket
    client.on('error', () => client.destroy())
    try {
      const remote = await dial(destinationOf(url))
      if (client.destroyed) return remote.destroy()
      onTunnel('open')
      client.once('close', () => onTunnel('closed'))
      client.write('HTTP/1.1 200 Connection established\r\n\r\n')
      if (head.length > 0) remote.write(head)
      joinSockets(client, remote, { idleMs, halfOpenMs })
    } catch (error) {
      const { status, reason, message } = error instanceof Refusal ? error : new Refusal(500, 'bug', String(error))
      onRefusal(reason, `CONNECT ${url.slice(0, 300)}: ${message}`)
      refuse(client, status, message)
    }
  })
  return server
}

/** The reason is in the status line, which kube-apiserver shows in its error. */
function refuse(socket: Duplex, status: number, message: string): void {
  const line = message.replace(/[^\x20-\x7e]/g, '?').slice(0, 500)
  socket.end(`HTTP/1.1 ${status} ${line}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`)
  // The peer may never close its end.
  setTimeout(() => socket.destroy(), 1_000).unref()
}

function destinationOf(authority: string): Destination {
  const [, bracketed, host = bracketed, port] =
    /^(?:\[([\da-fA-F:.]+)\]|([^\s:[\]/@]+)):(\d{1,5})$/.exec(authority) ?? []
  if (host === undefined || Number(port) < 1 || Number(port) > 65_535) {
    throw new Refusal(400, 'malformed', 'CONNECT takes a host and a port')
  }
  return { host: host.toLowerCase(), port: Number(port) }
}

/** Copies both ways. The end of one way ends that way of the other socket; a closed socket closes the other. */
function joinSockets(a: Socket, b: Socket, { idleMs, halfOpenMs }: Pick<ConnectLimits, 'idleMs' | 'halfOpenMs'>): void {
  for (const each of [a, b]) each.setTimeout(idleMs)
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    from.setNoDelay(true)
    from.setKeepAlive(true, 60_000)
    from.on('timeout', () => from.destroy())
    from.on('error', () => from.destroy())
    const shorten = () => {
      for (const each of [from, to]) each.setTimeout(halfOpenMs)
    }
    // A client may have ended its side right after the request.
    if (from.readableEnded) shorten()
    else from.once('end', shorten)
    // What was received before goes out first.
    from.once('close', hadError => (hadError ? to.destroy() : to.destroySoon()))
    from.pipe(to)
  }
}

/** Connects to a host that has these addresses. Rejects with a Refusal. */
export async function dialTcp({ host, port }: Destination, addresses: readonly LookupAddress[]): Promise<Socket> {
  return await new Promise((resolve, reject) => {
    const lookup: LookupFunction = (_, options, done) => {
      const [{ address, family } = { address: '', family: 0 }] = addresses
      if (options.all === true) done(null, [...addresses])
      else done(null, address, family)
    }
    const socket = connect({ host, port, lookup, allowHalfOpen: true, timeout: DIAL_MS })
    socket.once('timeout', () => socket.destroy(new Error(`no connection in ${DIAL_MS / 1_000} s`)))
    socket.once('error', error => reject(new Refusal(502, 'unreachable', messageOf(error))))
    socket.once('connect', () => {
      socket.removeAllListeners('timeout').setTimeout(0)
      resolve(socket)
    })
  })
}

/** Sends the CONNECT on to a proxy at a Unix socket. Rejects with its refusal. */
export async function dialThrough(path: string, { host, port }: Destination): Promise<Socket> {
  return await new Promise((resolve, reject) => {
    const asked = request({
      method: 'CONNECT',
      path: `${host}:${port}`,
      headers: { host: `${host}:${port}` },
      createConnection: () => connect({ path, allowHalfOpen: true }),
      timeout: DIAL_MS,
    })
    asked.once('timeout', () => asked.destroy(new Error(`no answer in ${DIAL_MS / 1_000} s`)))
    asked.once('error', error => {
      reject(new Refusal(502, 'no-stats-proxy', `the stats proxy does not answer: ${messageOf(error)}`))
    })
    asked.once('connect', ({ statusCode = 502, statusMessage = '' }, stream, head) => {
      const socket = stream as Socket
      if (statusCode !== 200) {
        socket.destroy()
        return reject(new Refusal(statusCode, 'stats-proxy', statusMessage))
      }
      socket.removeAllListeners('timeout').setTimeout(0)
      if (head.length > 0) socket.unshift(head)
      resolve(socket)
    })
    asked.end()
  })
}
