import { createServer, type IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Server as TlsServer } from 'node:tls'
import { messageOf } from '../../cli/errors.ts'
import { NODE_EXPORTER_PATH, NODE_EXPORTER_PORT, NODE_PORTS } from '../../kube/node-address.ts'
import type { AddressBook } from '../addresses/address-book.ts'
import { SLOW_MS } from '../kubelet-server.ts'
import type { StatsMetrics } from '../stats-proxy-metrics.ts'
import type { StatsStore } from '../store/stats-store.ts'
import { createKubeletAnswers } from './kubelet-answers.ts'
import { createKubeletAuth } from './kubelet-auth.ts'
import { type CertificatesOptions, createKubeletCertificates } from './kubelet-certificates.ts'
import { createNodeExporterAnswers } from './node-exporter-answers.ts'
import type { Reviews } from './reviews.ts'

export interface KubeletsOptions extends Omit<CertificatesOptions, 'onServer'> {
  book: Pick<AddressBook, 'nodeAt'>
  /** A kubelet answers as node exporter too, below `NODE_EXPORTER_PATH`. */
  servesNodeExporters?: boolean
  store: StatsStore
  reviews: Reviews
  metrics: Pick<StatsMetrics, 'countRequest' | 'countTunnel' | 'countHandshake' | 'countAuthentication'>
  /** True once the store has the whole cluster. */
  isSynced: () => boolean
  log: (line: string) => void
  logOnce: (subject: string, line: string) => void
}

/** The kubelets behind one server of CONNECT. */
export type Kubelets = ReturnType<typeof createKubelets>

/** Longer than a scrape interval, so that a collector's connection is not closed before its next request. */
const KEEP_ALIVE_MS = 75_000
/** The first byte of a TLS handshake. */
const TLS_HANDSHAKE = 0x16

/**
 * A server, not listening yet, that answers `CONNECT <InternalIP>:10250` with a connection to that node's kubelet: TLS with the node's
 * certificate, whatever name the client sends, then HTTP. Port 9100 is the node exporter, over TLS or plain HTTP. Any other destination
 * gets 502.
 *
 * Throws an Error when a CA's file cannot be read.
 */
export function createKubelets(options: KubeletsOptions) {
  const { book, store, reviews, metrics, isSynced, log, logOnce } = options
  const { countRequest, countTunnel, countHandshake, countAuthentication } = metrics
  const nodes = new WeakMap<Duplex, string>()
  const connections = new Set<Duplex>()
  const toNodeExporters = new WeakSet<Duplex>()
  const auth = createKubeletAuth({ reviews, countAuthentication, logOnce })
  const answers = createKubeletAnswers({ store, authorize: auth.kubelet, countRequest, log })
  const answerAsNodeExporter = createNodeExporterAnswers({ store, authorize: auth.nodeExporter, countRequest })
  const certificates = createKubeletCertificates({ ...options, onServer: addListeners })

  // It never listens: the nodes' TLS servers give it connections.
  const http = createServer(async (request, response) => {
    const node = nodeOf(request.socket)
    if (store.isSlow(nodes.get(request.socket) ?? '')) endLate(request.socket)
    else if (node === undefined) request.socket.destroy()
    else if (!isForNodeExporter(request)) await answers.request(request, response, node)
    else {
      await answerAsNodeExporter(request, response, node).catch(error => {
        log(`bug: node exporter ${request.url}: ${error instanceof Error ? error.stack : String(error)}`)
        response.destroy()
      })
    }
  })
  http.keepAliveTimeout = KEEP_ALIVE_MS
  http.on('upgrade', (request, socket) => {
    const node = nodeOf(request.socket)
    if (node === undefined || toNodeExporters.has(request.socket)) socket.destroy()
    else answers.upgrade(request, socket, node)
  })

  const server = createServer((request, response) => {
    request.resume()
    response.writeHead(405, { 'content-type': 'text/plain; charset=utf-8', allow: 'CONNECT' })
    response.end('only CONNECT <InternalIP>:10250 and :9100\n')
  })
  server.on('connect', async (request, socket: Duplex, head: Buffer) => {
    socket.on('error', () => {})
    const destination = request.url ?? ''
    const [address = '', port] = destination.split(':')
    const isNodeExporter = port === String(NODE_EXPORTER_PORT)
    if (isSynced() && store.isSlow(nameAt(destination) ?? '')) {
      countTunnel('accepted')
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n')
      return endLate(socket)
    }
    const node = isSynced() ? nodeAt(destination) : undefined
    const reason = isSynced()
      ? `no simulated node answers at ${destination.slice(0, 100)}`
      : 'nodes and pods have not been listed yet'
    // A node exporter needs a certificate only if the client speaks TLS.
    const kubelet = node === undefined || isNodeExporter ? undefined : await tlsServerOf(node, address)
    const why = node === undefined ? reason : !isNodeExporter && kubelet === undefined ? 'no certificate' : undefined
    countTunnel(why === undefined ? 'accepted' : 'refused')
    if (node === undefined || why !== undefined) {
      // The gateway passes the status line on.
      const line = (why ?? '').replace(/[^\x20-\x7e]/g, '?')
      socket.end(`HTTP/1.1 502 ${line}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`)
      return
    }
    socket.write('HTTP/1.1 200 Connection Established\r\n\r\n')
    if (head.length > 0) socket.unshift(head)
    if (!isNodeExporter) return kubelet?.emit('connection', socket)
    toNodeExporters.add(socket)
    socket.once('readable', async () => {
      const first: Buffer | null = socket.read()
      if (first === null) return socket.destroy()
      socket.unshift(first)
      if (first[0] !== TLS_HANDSHAKE) return serve(socket, node)
      const tls = await tlsServerOf(node, address)
      if (tls === undefined) socket.destroy()
      else tls.emit('connection', socket)
    })
  })

  return {
    server,
    certificates,
    /** Answers a connection to a node's own port. */
    async accept(socket: Duplex, node: string, address: string) {
      socket.on('error', () => {})
      const kubelet = isSynced() && store.node(node) !== undefined ? await tlsServerOf(node, address) : undefined
      if (store.isSlow(node)) endLate(socket)
      else if (kubelet === undefined) socket.destroy()
      else kubelet.emit('connection', socket)
    },
    /** Ends the connections to a node that is gone. */
    disconnect(node: string) {
      for (const socket of connections) if (nodes.get(socket) === node) socket.destroy()
    },
  }

  /** A slow kubelet does not answer on a connection. */
  function endLate(socket: Duplex): void {
    socket.resume()
    const timer = setTimeout(() => socket.destroy(), SLOW_MS)
    socket.once('close', () => clearTimeout(timer))
  }

  /** Undefined when no certificate can be made. */
  async function tlsServerOf(node: string, address: string): Promise<TlsServer | undefined> {
    try {
      return await certificates.serverOf(node, address)
    } catch (error) {
      logOnce('certificate', `Cannot serve ${address}: no certificate: ${messageOf(error)}`)
      return undefined
    }
  }

  function nameAt(destination: string): string | undefined {
    const [address = '', port, ...rest] = destination.split(':')
    return NODE_PORTS.includes(Number(port)) && rest.length === 0 ? book.nodeAt(address) : undefined
  }

  function nodeAt(destination: string): string | undefined {
    const node = nameAt(destination)
    return node !== undefined && store.node(node) !== undefined ? node : undefined
  }

  function nodeOf(socket: Duplex): string | undefined {
    const node = nodes.get(socket)
    return node !== undefined && store.node(node) !== undefined ? node : undefined
  }

  /** A request below the path of the node exporter loses that path. */
  function isForNodeExporter(request: IncomingMessage): boolean {
    if (toNodeExporters.has(request.socket)) return true
    if (options.servesNodeExporters !== true || request.url?.startsWith(`${NODE_EXPORTER_PATH}/`) !== true) return false
    request.url = request.url.slice(NODE_EXPORTER_PATH.length)
    return true
  }

  function serve(socket: Duplex, node: string): void {
    nodes.set(socket, node)
    connections.add(socket)
    socket.once('close', () => connections.delete(socket))
    http.emit('connection', socket)
  }

  function addListeners(kubelet: TlsServer, node: string): void {
    kubelet.on('secureConnection', socket => {
      if (!socket.authorized) certificates.clearErrors()
      countHandshake(socket.isSessionReused() ? 'resumed' : 'full')
      if (store.node(node) === undefined) {
        // Deleted during the handshake.
        socket.destroy()
        return
      }
      // No public property has the socket below.
      const { _parent: below } = socket as unknown as { _parent?: Duplex }
      if (below !== undefined && toNodeExporters.has(below)) toNodeExporters.add(socket)
      serve(socket, node)
    })
    kubelet.on('tlsClientError', (_, socket) => {
      certificates.clearErrors()
      countHandshake('failed')
      socket.destroy()
    })
  }
}
