import type { IncomingMessage, ServerResponse } from 'node:http'
import { posix } from 'node:path'
import type { Duplex } from 'node:stream'
import { type Answer, endWith, writeAnswer } from '../endpoints/http-answer.ts'
import { nodeDocuments } from '../endpoints/node-documents.ts'
import { answerStream, upgradeAnswer } from '../endpoints/node-streams.ts'
import type { StatsStore } from '../store/stats-store.ts'
import type { Refusal } from './kubelet-auth.ts'

export interface AnswersOptions {
  store: StatsStore
  authorize: (request: IncomingMessage, given: { node: string; path: string }) => Promise<Refusal | undefined>
  countRequest: (route: string, status: number) => void
  log: (line: string) => void
}

interface RoutedAnswer extends Answer {
  /** The path without names: a label of the request metric. */
  route?: string
}

const NOT_FOUND: Answer = { status: 404, body: '404 page not found\n' }
/** Of a kubelet's paths, those for one method or two, and single ones for any. Others do not exist, and need no authentication. */
const GET_ONLY = ['/pods', '/runningpods', '/containerLogs', '/logs', '/debug/pprof']
const POST_ONLY = ['/run', '/checkpoint']
const GET_OR_POST = ['/stats', '/exec', '/attach', '/portForward']
const HEALTH_CHECKS = ['/healthz/ping', '/healthz/log', '/healthz/syncloop']
const METRICS = ['/metrics', ...['cadvisor', 'resource', 'probes', 'slis'].map(each => `/metrics/${each}`)]
const SINGLE = ['/healthz', ...HEALTH_CHECKS, ...METRICS, '/configz', '/debug/flags/v']
/** They exist with a slash at the end only. */
const FOLDERS = ['/stats', '/runningpods', '/logs', '/checkpoint', '/debug/pprof']

/** The answers of the kubelets: `request` and `upgrade` of an HTTP server, for a node. Both authenticate first. */
export function createKubeletAnswers({ store, authorize, countRequest, log }: AnswersOptions) {
  return {
    async request(request: IncomingMessage, response: ServerResponse, node: string): Promise<void> {
      const url = request.url ?? '/'
      const path = pathOf(url)
      let answer: RoutedAnswer | undefined
      try {
        answer = await answerTo(request, response, { node, url, path })
      } catch (error) {
        log(`bug: ${request.method} ${url}: ${error instanceof Error ? error.stack : String(error)}`)
        answer = { status: 500, body: 'internal error\n', route: 'error' }
      }
      if (answer === undefined) return
      countRequest(answer.route ?? 'other', answer.status)
      if (response.headersSent) response.destroy()
      else writeAnswer(request, response, answer)
    },

    async upgrade(request: IncomingMessage, socket: Duplex, node: string): Promise<void> {
      const url = request.url ?? '/'
      const path = pathOf(url)
      socket.on('error', () => {})
      try {
        const refusal =
          path === undefined ? badRequest() : (redirection(path, url) ?? (await refusalOf(request, node, path)))
        if (refusal !== undefined) countRequest('other', refusal.status)
        endWith(socket, refusal ?? upgradeAnswer({ node, url, store }))
      } catch (error) {
        log(`bug: ${request.method} ${url}: ${error instanceof Error ? error.stack : String(error)}`)
        socket.destroy()
      }
    },
  }

  async function answerTo(
    request: IncomingMessage,
    response: ServerResponse,
    { node, url, path: asked }: { node: string; url: string; path: string | undefined },
  ): Promise<RoutedAnswer | undefined> {
    if (asked === undefined) return badRequest()
    const path = samePath(asked, node)
    const refusal = redirection(path, url) ?? (await refusalOf(request, node, path))
    if (refusal !== undefined) return refusal
    const document = path.slice(1)
    const found = nodeDocuments.get(document)
    const route = found === undefined ? 'other' : `/nodes/:node/${document}`
    const body = found?.write(node, store)
    if (found !== undefined && body !== undefined) return { status: 200, body, contentType: found.contentType, route }
    if (answerStream(request, response, { node, url, store })) {
      response.once('finish', () => countRequest(`/${path.split('/')[1]}`, response.statusCode))
      return undefined
    }
    if (HEALTH_CHECKS.includes(path)) return { status: 200, body: 'ok' }
    return { status: 404, body: '404: Page Not Found' }
  }

  /** The answer to a request that is not allowed, or for a path that a kubelet does not have. */
  async function refusalOf(request: IncomingMessage, node: string, path: string): Promise<Answer | undefined> {
    const methods = methodsOf(path)
    if (methods === undefined) return NOT_FOUND
    const refusal = await authorize(request, { node, path })
    if (refusal !== undefined) return refusal
    if (methods.length === 0 || methods.includes(request.method ?? '')) return undefined
    return { status: 405, body: '405: Method Not Allowed', headers: { allow: methods.join(', ') } }
  }
}

/** Another path of a document, as the path that the document has. */
function samePath(path: string, node: string): string {
  // metrics-server takes this path from the annotation of nodes that kwokctl makes.
  if (path === `/metrics/nodes/${node}/metrics/resource`) return '/metrics/resource'
  // A kubelet 1.37.2 answers these, and no others, with a slash at the end too.
  return ['/pods/', '/stats/summary/'].includes(path) ? path.slice(0, -1) : path
}

/** The decoded path; undefined for an invalid one. */
function pathOf(url: string): string | undefined {
  try {
    const path = decodeURIComponent(url.split('?', 1)[0] ?? '')
    return path.startsWith('/') ? path : undefined
  } catch {
    return undefined
  }
}

/**
 * Go's mux redirects to the path without `.`, `..` and empty parts, and to a folder. So authorization and answer see the same path. A kubelet
 * since 1.36 redirects with 307.
 */
function redirection(path: string, url: string): Answer | undefined {
  const clean = FOLDERS.includes(path) ? `${path}/` : posix.normalize(path)
  if (clean === path) return undefined
  const query = url.indexOf('?')
  const location = encodeURI(clean) + (query === -1 ? '' : url.slice(query))
  return { status: 307, body: '', headers: { location } }
}

function badRequest(): Answer {
  return { status: 400, body: '400 Bad Request' }
}

/** The methods of a kubelet's path, empty for any; undefined for a path that does not exist. */
function methodsOf(path: string): readonly string[] | undefined {
  if (SINGLE.includes(path)) return []
  if (isIn(path, GET_ONLY)) return ['GET']
  if (isIn(path, POST_ONLY)) return ['POST']
  return isIn(path, GET_OR_POST) ? ['GET', 'POST'] : undefined
}

function isIn(path: string, bases: readonly string[]): boolean {
  return bases.some(base => path === base || path.startsWith(`${base}/`))
}
