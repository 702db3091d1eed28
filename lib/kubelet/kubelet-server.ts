import { createServer, type IncomingMessage, type Server } from 'node:http'
import { cadvisorText } from './endpoints/cadvisor-metrics.ts'
import { EXPOSITION_TYPE } from './endpoints/exposition.ts'
import { type MeasuredNode, measureNode } from './endpoints/node-measurement.ts'
import { probeMetricsText } from './endpoints/probe-metrics.ts'
import { resourceMetricsText } from './endpoints/resource-metrics.ts'
import { buildSummary } from './endpoints/stats-summary.ts'
import { podListText } from './objects/pod-document.ts'
import type { StatsMetrics } from './stats-proxy-metrics.ts'
import type { StatsStore } from './store/stats-store.ts'

export interface StatsServerOptions {
  /** Host names it answers to, besides those of loopback. */
  hostNames: readonly string[]
  store: StatsStore
  metrics: StatsMetrics
  /** True once the store has the whole cluster; before, no node is served. */
  isSynced: () => boolean
  /** Why `/readyz` fails, or undefined. */
  unreadyReason: () => string | undefined
  /** Logs bugs, and the first refused request of each kind. */
  log: (line: string) => void
}

interface Answer {
  /** The path without names: a label of the request metric. */
  route: string
  status: number
  body: string
  contentType?: string
}

const TEXT = 'text/plain; charset=utf-8'
const JSON_TYPE = 'application/json'
/** Where KWOK serves a node's resource metrics, as in the annotation of nodes that kwokctl creates. */
const KWOK_PATH = /^\/metrics\/nodes\/[^/]+\/metrics\/resource$/
/** Longer than a scrape interval, so that a collector's connection is not closed before its next request. */
const KEEP_ALIVE_MS = 75_000

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
  const count = ({ route, status, body }: Answer, what: string): void => {
    metrics.countRequest(route, status)
    const kind = `${route} ${status}`
    if (status < 400 || status >= 500 || refused.has(kind)) return
    refused.add(kind)
    log(`${what}: ${status} ${body.trim()} (further ones of this kind are only counted)`)
  }
  const server = createServer(async (request, response) => {
    let answer: Answer
    try {
      answer = names.has(hostNameOf(request))
        ? await answerTo(request.method ?? 'GET', request.url ?? '/', options)
        : { route: 'other', status: 421, body: `this is not ${JSON.stringify(request.headers.host ?? '')}\n` }
    } catch (error) {
      log(`bug: ${request.method} ${request.url}: ${error instanceof Error ? error.stack : String(error)}`)
      answer = { route: 'error', status: 500, body: 'internal error\n' }
    }
    count(answer, `${request.method} ${JSON.stringify((request.url ?? '').slice(0, 200))}`)
    // An unread body would block the connection.
    request.resume()
    response.writeHead(answer.status, {
      'content-type': answer.contentType ?? TEXT,
      'content-length': Buffer.byteLength(answer.body),
      ...(answer.status === 405 ? { allow: 'GET' } : {}),
    })
    response.end(answer.body)
  })
  server.keepAliveTimeout = KEEP_ALIVE_MS
  return server
}

/** The requested host without the port; IPv6 in brackets. */
function hostNameOf({ headers }: IncomingMessage): string {
  return (headers.host ?? '').toLowerCase().replace(/:\d+$/, '')
}

/** The server's response to a method and a path with an optional query. */
export async function answerTo(method: string, url: string, options: StatsServerOptions): Promise<Answer> {
  if (method !== 'GET') return { route: 'other', status: 405, body: `${method} is not allowed, only GET\n` }
  const query = url.indexOf('?')
  const path = query === -1 ? url : url.slice(0, query)
  switch (path) {
    case '/healthz':
      return { route: path, status: 200, body: 'ok' }
    case '/readyz':
      return readiness(options)
    case '/metrics':
      return { route: path, status: 200, ...(await options.metrics.expose()) }
    default:
      // metrics-server takes this path from the node's annotation.
      if (KWOK_PATH.test(path)) return nodeAnswer(path.slice('/metrics'.length), options)
      return path.startsWith('/nodes/') ? nodeAnswer(path, options) : notFound(path)
  }
}

function readiness({ unreadyReason }: StatsServerOptions): Answer {
  const reason = unreadyReason()
  return {
    route: '/readyz',
    status: reason === undefined ? 200 : 503,
    body: reason === undefined ? 'ok' : `${reason}\n`,
  }
}

function nodeAnswer(path: string, options: StatsServerOptions): Answer {
  const [, , escaped = '', ...rest] = path.split('/')
  const document = rest.join('/')
  const route = `/nodes/:node/${document}`
  let name: string
  try {
    name = decodeURIComponent(escaped)
  } catch {
    return { route: 'other', status: 400, body: 'the path has a % that is not followed by two hexadecimal digits\n' }
  }
  if (!isDocument(document)) return notFound(path)
  if (!options.isSynced()) return notListed(route)
  if (options.store.node(name) === undefined) {
    return { route, status: 404, body: `there is no node ${JSON.stringify(name.slice(0, 300))}\n` }
  }
  return documentOf(name, document, options)
}

/** The documents of a node, and how they are written. */
const documents = {
  'stats/summary': { write: measured => JSON.stringify(buildSummary(measured)), contentType: JSON_TYPE },
  'metrics/resource': { write: resourceMetricsText, contentType: EXPOSITION_TYPE },
  'metrics/cadvisor': { write: cadvisorText, contentType: EXPOSITION_TYPE },
  'metrics/probes': { write: probeMetricsText, contentType: EXPOSITION_TYPE },
  pods: { write: undefined, contentType: JSON_TYPE },
  healthz: { write: undefined, contentType: TEXT },
} as const satisfies Record<string, { write: ((measured: MeasuredNode) => string) | undefined; contentType: string }>

type Document = keyof typeof documents

function isDocument(path: string): path is Document {
  return Object.hasOwn(documents, path)
}

function documentOf(name: string, document: Document, { store }: StatsServerOptions): Answer {
  const route = `/nodes/:node/${document}`
  const { write, contentType } = documents[document]
  if (document === 'healthz') return { route, status: 200, body: 'ok' }
  if (write === undefined) {
    const pods = [...(store.node(name)?.pods.values() ?? [])].map(({ facts }) => facts)
    return { route, status: 200, body: podListText(pods), contentType }
  }
  const read = store.read(name)
  if (read === undefined) return { route, status: 404, body: `there is no node ${JSON.stringify(name)}\n` }
  return { route, status: 200, body: write(measureNode(read.entry, read.nowMs)), contentType }
}

/** Before everything is listed, pods would seem deleted and counters would decrease. */
function notListed(route: string): Answer {
  return { route, status: 503, body: 'nodes and pods have not been listed yet\n' }
}

function notFound(path: string): Answer {
  const nodePaths = Object.keys(documents).map(document => `/nodes/<node>/${document}`)
  const known = [...nodePaths, '/healthz', '/readyz', '/metrics'].join(', ')
  return { route: 'other', status: 404, body: `there is no ${path.slice(0, 200)}, only ${known}\n` }
}
