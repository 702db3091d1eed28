import { createServer } from 'node:http'
import type { Duplex } from 'node:stream'
import type { TLSSocket, Server as TlsServer } from 'node:tls'
import { KUBELET_PORT } from '../../kube/node-address.ts'
import type { AddressBook } from '../addresses/address-book.ts'
import type { StatsMetrics } from '../stats-proxy-metrics.ts'
import type { StatsStore } from '../store/stats-store.ts'
import { createKubeletAnswers } from './kubelet-answers.ts'
import { createKubeletAuth } from './kubelet-auth.ts'
import { type CertificatesOptions, createKubeletCertificates } from './kubelet-certificates.ts'
import type { Reviews } from './reviews.ts'

export interface KubeletsOptions extends Pick<CertificatesOptions, 'kubeletCaFile' | 'clientCaFile' | 'saved'> {
  book: AddressBook
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

/**
 * A server, not listening yet, that answers `CONNECT <InternalIP>:10250` with a connection to that node's kubelet: TLS with the node's
 * certificate, whatever name the client sends, then HTTP. Any other destination gets 502.
 *
 * Throws an Error when a CA's file cannot be read.
 */
export function createKubelets(options: KubeletsOptions) {
  const { book, store, reviews, metrics, isSynced, log, logOnce } = options
  const { countRequest, countTunnel, countHandshake, countAuthentication } = metrics
  const nodes = new WeakMap<Duplex, string>()
  const connections = new Set<TLSSocket>()
  const authorize = createKubeletAuth({ reviews, countAuthentication, logOnce })
  const answers = createKubeletAnswers({ store, authorize, countRequest, log })
  const certificates = createKubeletCertificates({ ...options, onServer: addListeners })

  // It never listens: the nodes' TLS servers give it connections.
  const http = createServer(async (request, response) => {
    const node = nodeOf(request.socket)
    if (node === undefined) request.socket.destroy()
    else await answers.request(request, response, node)
  })
  http.keepAliveTimeout = KEEP_ALIVE_MS
  http.on('upgrade', (request, socket) => {
    const node = nodeOf(request.socket)
    if (node === undefined) socket.destroy()
    else answers.upgrade(request, socket, node)
  })

  const server = createServer((request, response) => {
    request.resume()
    response.writeHead(405, { 'content-type': 'text/plain; charset=utf-8', allow: 'CONNECT' })
    response.end('only CONNECT <InternalIP>:10250\n')
  })
  server.on('connect', async (request, socket: Duplex, head: Buffer) => {
    socket.on('error', () => {})
    const destination = request.url ?? ''
    let kubelet: TlsServer | undefined
    let why = `no simulated node has ${destination.slice(0, 100)}`
    try {
      const node = isSynced() ? nodeAt(destination) : undefined
      if (!isSynced()) why = 'nodes and pods have not been listed yet'
      if (node !== undefined) kubelet = await certificates.serverOf(node, destination.split(':')[0] ?? '')
    } catch (error) {
      why = `no certificate: ${error instanceof Error ? error.message : String(error)}`
      logOnce('certificate', `Cannot serve ${destination}: ${why}`)
    }
    countTunnel(kubelet === undefined ? 'refused' : 'accepted')
    if (kubelet === undefined) {
      // The gateway passes the status line on.
      const line = why.replace(/[^\x20-\x7e]/g, '?')
      socket.end(`HTTP/1.1 502 ${line}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`)
      return
    }
    socket.write('HTTP/1.1 200 Connection Established\r\n\r\n')
    if (head.length > 0) socket.unshift(head)
    kubelet.emit('connection', socket)
  })

  return {
    server,
    certificates,
    /** Ends the connections to a node that is gone. */
    disconnect(node: string) {
      for (const socket of connections) if (nodes.get(socket) === node) socket.destroy()
    },
  }

  function nodeAt(destination: string): string | undefined {
    const [address = '', port, ...rest] = destination.split(':')
    const node = port === String(KUBELET_PORT) && rest.length === 0 ? book.nodeAt(address) : undefined
    return node !== undefined && store.node(node) !== undefined ? node : undefined
  }

  function nodeOf(socket: Duplex): string | undefined {
    const node = nodes.get(socket)
    return node !== undefined && store.node(node) !== undefined ? node : undefined
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
      nodes.set(socket, node)
      connections.add(socket)
      socket.once('close', () => connections.delete(socket))
      http.emit('connection', socket)
    })
    kubelet.on('tlsClientError', (_, socket) => {
      certificates.clearErrors()
      countHandshake('failed')
      socket.destroy()
    })
  }
}
