import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Answer, decoded, writeAnswer } from './endpoints/http-answer.ts'
import { nodeDocuments } from './endpoints/node-documents.ts'
import { answerStream } from './endpoints/node-streams.ts'
import type { StatsMetrics } from './stats-proxy-metrics.ts'
import type { StatsStore } from './store/stats-store.ts'

export interface StatsServerOptions {
  /** Host names it answers to, besides those of loopback. */
  hostNames: readonly string[]
  /** Whether it answers for the nodes, without authentication. */
  answersFor?: 'all' | 'itself'
  store: StatsStore
  metrics: StatsMetrics
  /** True once the store has the whole cluster; before, no node is served. */
  isSynced: () => boolean
  /** Why `/readyz` fails, or undefined. */
  unreadyReason: () => string | undefined
  /** Logs bugs, and the first refused request of each kind. */
  log: (line: string) => void
}

interface RoutedAnswer extends Answer {
  /** The path without names: a label of the request metric. */
  route: string
}

/** Where KWOK serves a node's resource metrics, as in the annotation of nodes that kwokctl creates. */
const KWOK_PATH = /^\/metrics\/nodes\/[^/]+\/metrics\/resource$/
/** A log of a node, or a command in a container. */
const NODE_STREAM = /^\/nodes\/([^/]+)(\/(?:containerLogs|exec|attach|portForward|run)\/.*)$/
/** Longer than a scrape interval, so that a collector's connection is not closed before its next request. */
const KEEP_ALIVE_MS = 75_000

/** How long a slow kubelet takes: longer than any scrape waits. */
export const SLOW_MS = 30_000

/** Loopback, and this machine's name in a container of Docker Desktop. */
const LOCAL_NAMES = ['127.0.0.1', 'localhost', '[::1]', 'host.docker.internal']

/**
 * A server, not listening yet, of each node's kubelet API under `/nodes/<node>/`, and of the proxy's own health and metrics. It
 * checks the Host header against DNS rebinding: a page of another site must not read the pods' specs.
 */
export function createStatsServer(options: StatsServerOptions): Server {
  const { metrics, log } = options
  const names = new Set([...LOCAL_NAMES, ...options.hostNames])
  const refused = new Set<string>()
  /** Counts a response, and logs the first refused request of a kind: a misconfigured collector repeats it at each scrape. */
  const count = ({ route, status, body }: RoutedAnswer, what: string): void => {
    metrics.countRequest(route, status)
    const kind = `${route} ${status}`
    if (status < 400 || status >= 500 || refused.has(kind)) return
    refused.add(kind)
    log(`${what}: ${status} ${String(body).trim()} (further ones of this kind are only counted)`)
  }
  const server = createServer(async (request, response) => {
    let answer: RoutedAnswer
    try {
      const isAllowed = names.has(hostNameOf(request))
      if (isAllowed && isStreamed(request, response, options)) return
      answer = isAllowed
        ? await answerTo(request.method ?? 'GET', request.url ?? '/', options)
        : { route: 'other', status: 421, body: `this is not ${JSON.stringify(request.headers.host ?? '')}\n` }
    } catch (error) {
      log(`bug: ${request.method} ${request.url}: ${error instanceof Error ? error.stack : String(error)}`)
      answer = { route: 'error', status: 500, body: 'internal error\n' }
    }
    count(answer, `${request.method} ${JSON.stringify((request.url ?? '').slice(0, 200))}`)
    writeAnswer(request, response, answer)
  })
  server.keepAliveTimeout = KEEP_ALIVE_MS
  return server
}

/** Answers a request for a node's log, or a command in a container, and returns whether it was one. */
function isStreamed(request: IncomingMessage, response: ServerResponse, options: StatsServerOptions): boolean {
  const [, node = '', url = ''] = NODE_STREAM.exec(request.url ?? '') ?? []
  if (url === '' || options.answersFor === 'itself' || !options.isSynced()) return false
  const isAnswered = answerStream(request, response, { node: decoded(node), url, store: options.store })
  if (isAnswered) options.metrics.countRequest(`/nodes/:node/${url.split('/')[1]}`, response.statusCode)
  return isAnswered
}

/** The requested host without the port; IPv6 in brackets. */
function hostNameOf({ headers }: IncomingMessage): string {
  return (headers.host ?? '').toLowerCase().replace(/:\d+$/, '')
}

/** The server's response to a method and a path with an optional query. */
export async function answerTo(method: string, url: string, options: StatsServerOptions): Promise<RoutedAnswer> {
  const allow = 'GET'
  if (method !== allow) {
    return { route: 'other', status: 405, body: `${method} is not allowed, only GET\n`, headers: { allow } }
  }
  const query = url.indexOf('?')
  const path = query === -1 ? url : url.slice(0, query)
  switch (path) {
    case '/healthz':
      return { route: path, status: 200, body: 'ok' }
    case '/readyz': {
      const reason = options.unreadyReason()
      return reason === undefined
        ? { route: path, status: 200, body: 'ok' }
        : { route: path, status: 503, body: `${reason}\n` }
    }
    case '/metrics':
      return { route: path, status: 200, ...(await options.metrics.expose()) }
    default:
      if (options.answersFor === 'itself') return notFound(path)
      // metrics-server takes this path from the node's annotation.
      if (KWOK_PATH.test(path)) return await nodeAnswer(path.slice('/metrics'.length), options)
      return path.startsWith('/nodes/') ? await nodeAnswer(path, options) : notFound(path)
  }
}

async function nodeAnswer(path: string, { store, isSynced }: StatsServerOptions): Promise<RoutedAnswer> {
  const [, , escaped = '', ...rest] = path.split('/')
  const found = nodeDocuments.get(rest.join('/'))
  if (found === undefined) return notFound(path)
  const route = `/nodes/:node/${rest.join('/')}`
  // Before everything is listed, pods would seem deleted and counters would decrease.
  if (!isSynced()) return { route, status: 503, body: 'nodes and pods have not been listed yet\n' }
  const name = decoded(escaped)
  if (store.isSlow(name)) await sleep(SLOW_MS, undefined, { ref: false })
  const body = found.write(name, store)
  if (body === undefined) return { route, status: 404, body: `no node ${JSON.stringify(name.slice(0, 300))} answers\n` }
  return { route, status: 200, body, contentType: found.contentType }
}

function notFound(path: string): RoutedAnswer {
  const nodePaths = [...nodeDocuments.keys()].map(document => `/nodes/<node>/${document}`)
  const known = [...nodePaths, '/healthz', '/readyz', '/metrics'].join(', ')
  return { route: 'other', status: 404, body: `there is no ${path.slice(0, 200)}, only ${known}\n` }
}
