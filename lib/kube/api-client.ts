import http from 'node:http'
import https from 'node:https'
import { LabError } from '../cli/errors.ts'
import { type ClusterChoice, type Credentials, loadCredentials } from './credentials.ts'
import { fields, text } from './json.ts'

const REQUEST_TIMEOUT_MS = 30_000
const RELOAD_AT_MOST_EACH_MS = 10_000

export interface KubeResponse {
  status: number
  /** Parsed JSON; the text as it came where the server answered something else; undefined for an empty answer. */
  body: unknown
  /** The `Retry-After` header (429, 503) in milliseconds. */
  retryAfterMs?: number
}

export interface RequestOptions {
  /** A string goes out as it is, anything else as JSON. */
  body?: unknown
  /** For a list: only the metadata of its objects. */
  metadataOnly?: boolean
  /** Default `application/json`; patches need their own. */
  contentType?: string
  /** The Accept header, instead of `application/json`, such as for a Table. */
  accept?: string
  /** From the call to the last byte of the answer. Default 30 s. */
  timeoutMs?: number
  signal?: AbortSignal
}

export interface StreamOptions {
  /** For a watch: only the metadata of each object. */
  metadataOnly?: boolean
  signal?: AbortSignal
  /** The stream fails after this time without data. Default: never. */
  idleTimeoutMs?: number
  /** Called when the server has accepted the request, before the first line. */
  onOpen?: () => void
}

export interface KubeClient {
  readonly context: string
  readonly server: string
  /**
   * Sends one request. Does not throw on any HTTP status. Throws a LabError, with the cause, without a connection or an answer in time, and
   * the signal's reason when aborted. It retries a GET once when the server has closed a kept-alive connection, and no other method.
   */
  request(method: string, path: string, options?: RequestOptions): Promise<KubeResponse>
  /** The parsed lines of a watch. Throws an ApiStatusError for any status but 200, else as `request`. */
  stream(path: string, options?: StreamOptions): AsyncGenerator<unknown, void>
  /** Closes all connections; requests in flight fail. */
  close(): void
}

/** An error status from the API server. */
export class ApiStatusError extends LabError {
  override readonly name = 'ApiStatusError'
  readonly status: number
  readonly retryAfterMs: number | undefined

  constructor(what: string, { status, body, retryAfterMs }: KubeResponse) {
    super(what, { why: `${status} ${text(fields(body).message) ?? text(body) ?? http.STATUS_CODES[status] ?? ''}` })
    this.status = status
    this.retryAfterMs = retryAfterMs
  }
}

/** A client of one cluster with at most `maxSockets` (default 32) kept-alive connections. `using` closes it at the end of the block. */
export async function connect(choice: ClusterChoice & { maxSockets?: number } = {}): Promise<KubeClient & Disposable> {
  const { maxSockets, ...cluster } = choice
  return createClient(await loadCredentials(cluster), { maxSockets, reload: () => loadCredentials(cluster) })
}

/** A client from credentials. After a 401 `reload` gets new ones (a service account's token expires), and the request is sent once more. */
export function createClient(
  first: Credentials,
  { maxSockets = 32, reload }: { maxSockets?: number | undefined; reload?: () => Promise<Credentials> } = {},
): KubeClient & Disposable {
  let transport = createTransport(first, maxSockets)
  let reloadedMs = Number.NEGATIVE_INFINITY
  let reloading: Promise<void> | undefined

  return {
    context: first.context,
    server: first.server,
    async request(method, path, options = {}) {
      const used = transport
      const response = await used.call(method, path, options)
      if (response.status !== 401 || !(await reloaded(used))) return response
      return transport.call(method, path, options)
    },
    async *stream(path, options = {}) {
      const used = transport
      try {
        yield* used.lines(path, options)
      } catch (error) {
        // The caller opens its watch again, with the new credentials.
        if (error instanceof ApiStatusError && error.status === 401) await reloaded(used)
        throw error
      }
    },
    close: () => transport.close(),
    [Symbol.dispose]: () => transport.close(),
  }

  /** Whether other credentials than those of a refused request are available. */
  async function reloaded(refused: typeof transport): Promise<boolean> {
    if (reload === undefined) return false
    if (refused !== transport) return true
    if (reloading === undefined) {
      if (Date.now() - reloadedMs < RELOAD_AT_MOST_EACH_MS) return false
      reloading = reload()
        .then(credentials => {
          transport.retire()
          transport = createTransport(credentials, maxSockets)
        })
        .finally(() => {
          reloadedMs = Date.now()
          reloading = undefined
        })
    }
    await reloading
    return true
  }
}

function createTransport({ server, tls, headers, auth }: Credentials, maxSockets: number) {
  const url = new URL(server)
  const library = url.protocol === 'http:' ? http : https
  const agent = new library.Agent({ keepAlive: true, maxSockets, ...tls })
  // A watch holds its connection, so that it must not use the pool of short requests.
  const streamAgent = new library.Agent({ ...tls })
  const prefix = url.pathname.replace(/\/$/, '')
  const base = {
    hostname: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port || (library === http ? 80 : 443),
    ...(auth === undefined ? {} : { auth }),
  }
  const baseHeaders = { accept: 'application/json', 'user-agent': 'kube-otel-lab', ...headers }
  /** A list and a watch need different kinds. */
  const headersFor = (kind: 'PartialObjectMetadata' | 'PartialObjectMetadataList', metadataOnly = false) =>
    metadataOnly ? { ...baseHeaders, accept: `application/json;as=${kind};g=meta.k8s.io;v=v1` } : baseHeaders

  return {
    async call(method: string, path: string, options: RequestOptions): Promise<KubeResponse> {
      const { body, contentType = 'application/json', accept, timeoutMs = REQUEST_TIMEOUT_MS, signal } = options
      const payload = body === undefined || typeof body === 'string' ? body : JSON.stringify(body)
      const listed = headersFor('PartialObjectMetadataList', options.metadataOnly)
      const asked = accept === undefined ? listed : { ...listed, accept }
      const requestHeaders =
        payload === undefined
          ? asked
          : { ...asked, 'content-type': contentType, 'content-length': Buffer.byteLength(payload) }
      for (let attempt = 1; ; attempt++) {
        signal?.throwIfAborted()
        const target = { ...base, method, path: prefix + path, headers: requestHeaders }
        const request = library.request({ ...target, agent, signal })
        try {
          return await answerOf(request, payload, timeoutMs)
        } catch (error) {
          signal?.throwIfAborted()
          if (attempt === 1 && method === 'GET' && request.reusedSocket && isReset(error)) continue
          throw failure(method, path, server, error)
        }
      }
    },

    async *lines(path: string, options: StreamOptions): AsyncGenerator<unknown, void> {
      const { signal, idleTimeoutMs, onOpen } = options
      signal?.throwIfAborted()
      const request = library.get({
        ...base,
        agent: streamAgent,
        path: prefix + path,
        headers: headersFor('PartialObjectMetadata', options.metadataOnly),
        signal,
      })
      const idle = idleTimeoutMs === undefined ? undefined : destroyAfter(request, idleTimeoutMs)
      try {
        const response = await responseOf(request)
        if (response.statusCode !== 200) {
          throw new ApiStatusError(`Cannot watch ${path} at ${server}`, await readAnswer(response))
        }
        onOpen?.()
        response.setEncoding('utf8')
        let rest = ''
        for await (const chunk of response) {
          idle?.refresh()
          const lines = (rest + chunk).split('\n')
          rest = lines.pop() ?? ''
          for (const line of lines) if (line !== '') yield JSON.parse(line)
        }
        if (rest.trim() !== '') throw new Error('the stream ended in the middle of a line')
      } catch (error) {
        signal?.throwIfAborted()
        throw error instanceof ApiStatusError ? error : failure('watch', path, server, error)
      } finally {
        clearTimeout(idle)
        request.destroy()
      }
    },

    /** Closes idle connections. Requests in flight continue. */
    retire() {
      for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy()
    },

    close() {
      agent.destroy()
      streamAgent.destroy()
    },
  }
}

async function answerOf(
  request: http.ClientRequest,
  payload: string | undefined,
  timeoutMs: number,
): Promise<KubeResponse> {
  const timer = destroyAfter(request, timeoutMs)
  try {
    request.end(payload)
    return await readAnswer(await responseOf(request))
  } finally {
    clearTimeout(timer)
  }
}

function destroyAfter(request: http.ClientRequest, timeoutMs: number): NodeJS.Timeout {
  return setTimeout(() => request.destroy(new Error(`no data for ${timeoutMs} ms`)), timeoutMs)
}

function responseOf(request: http.ClientRequest): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    // Stays for the life of the request: a later error also reaches the response, and must not end the process here.
    request.on('error', reject)
    request.once('response', resolve)
  })
}

async function readAnswer(response: http.IncomingMessage): Promise<KubeResponse> {
  response.setEncoding('utf8')
  let whole = ''
  for await (const chunk of response) whole += chunk
  const status = response.statusCode ?? 0
  const isJson = response.headers['content-type']?.includes('json') === true
  const body: unknown = whole === '' ? undefined : isJson ? JSON.parse(whole) : whole
  const retryAfterS = Number(response.headers['retry-after'])
  return retryAfterS > 0 ? { status, body, retryAfterMs: retryAfterS * 1_000 } : { status, body }
}

function isReset(error: unknown): boolean {
  const code = fields(error).code
  return code === 'ECONNRESET' || code === 'EPIPE'
}

function failure(method: string, path: string, server: string, cause: unknown): LabError {
  // Attempts over IPv4 and IPv6 fail with an AggregateError without a message.
  const why = cause instanceof Error ? cause.message || text(fields(cause).code) || cause.name : String(cause)
  return new LabError(`Cannot ${method} ${path} at ${server}`, { why, cause })
}
