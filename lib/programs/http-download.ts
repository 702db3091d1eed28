import { setTimeout as sleep } from 'node:timers/promises'
import type { Dispatcher } from 'undici'
import type { Context } from './program-options.ts'

/** A source does not have the program, for the reason in the message. The next source is tried. */
export class SourceUnavailableError extends Error {}

/** A failure that a retry can fix. */
class TransientError extends SourceUnavailableError {
  /** The wait that the server requests; infinite for a failure that no wait fixes. */
  readonly waitMs: number | undefined
  /** The origin, if it fails for every file: no answer, or an exhausted rate limit. */
  readonly failingOrigin: string | undefined
  constructor(message: string, given: { waitMs?: number | undefined; failingOrigin?: string } = {}) {
    super(message)
    this.waitMs = given.waitMs
    this.failingOrigin = given.failingOrigin
  }
}

/** The answer to a request. */
export interface HttpAnswer {
  /** From Content-Length. */
  lengthBytes: number | undefined
  /** Throws a SourceUnavailableError when the transfer breaks or stalls. */
  body: AsyncIterable<Uint8Array>
}

/** A client for downloads, while it is open. */
export interface HttpClient {
  /**
   * Reads a URL. Retries after a stall, a broken transfer, 5xx and a short rate limit; `read` then starts again.
   *
   * Throws a SourceUnavailableError for any status but 200, and when every attempt fails.
   */
  get: <T>(url: string, read: (answer: HttpAnswer) => Promise<T>) => Promise<T>
  /** Requests the headers only, with the same retries. Throws as `get`. */
  head: (url: string) => Promise<void>
  close: () => Promise<void>
}

const maxRedirects = 5
const githubApi = 'https://api.github.com'

/**
 * A client that uses HTTPS_PROXY, HTTP_PROXY and NO_PROXY. It sends GITHUB_TOKEN only to api.github.com. The context keeps hosts without an
 * answer or with a long rate limit: further requests to them fail at once.
 */
export async function openHttpClient(context: Context, signal?: AbortSignal): Promise<HttpClient> {
  // Slow to load, and not needed when every program is found.
  const { EnvHttpProxyAgent, request } = await import('undici')
  const connect = { timeout: context.connectTimeoutMs }
  const httpProxy = variable(context.env, 'http_proxy')
  const agent = new EnvHttpProxyAgent({
    connect,
    // A connection through a proxy takes its settings from these two.
    proxyTls: connect,
    requestTls: connect,
    httpProxy,
    httpsProxy: variable(context.env, 'https_proxy') || httpProxy,
    noProxy: variable(context.env, 'no_proxy'),
    // stallWatch() covers the whole transfer, including the wait for a proxy; these cover only parts.
    headersTimeout: 0,
    bodyTimeout: 0,
  })

  /** One request to one host, redirects not followed. */
  async function ask(publicUrl: string, method: 'GET' | 'HEAD'): Promise<Asked> {
    const { origin, host } = new URL(publicUrl)
    const known = context.unreachable.get(origin)
    if (known !== undefined) throw new SourceUnavailableError(known)
    const replaced = context.origins[origin]
    const watch = stallWatch(context.stallTimeoutMs, signal, () => {
      return new TransientError(`${host} sent no byte for ${context.stallTimeoutMs / 1000} s`, {
        failingOrigin: origin,
      })
    })
    try {
      const answer = await request(replaced === undefined ? publicUrl : publicUrl.replace(origin, replaced), {
        method,
        dispatcher: agent,
        signal: watch.signal,
        headers: headersFor(origin, context.env),
      })
      watch.restart()
      // An answer of which nothing more is read still ends with one.
      answer.body.on('error', () => undefined)
      return { answer, watch, host }
    } catch (error) {
      watch.end()
      throw unreachable(error, origin, context, signal)
    }
  }

  /** One try: follows redirects, checks the status and reads the body. */
  async function attempt<T>(url: string, method: 'GET' | 'HEAD', read: (answer: HttpAnswer) => Promise<T>): Promise<T> {
    let target = url
    for (let redirects = 0; ; redirects += 1) {
      const asked = await ask(target, method)
      const { answer, watch, host } = asked
      try {
        const location = headerOf(answer, 'location')
        if ([301, 302, 303, 307, 308].includes(answer.statusCode) && location !== undefined) {
          await answer.body.dump()
          if (redirects === maxRedirects)
            throw new SourceUnavailableError(`${host} redirects more than ${maxRedirects} times`)
          target = redirectTarget(location, target, host)
          continue
        }
        if (answer.statusCode !== 200) {
          await answer.body.dump()
          throw statusError(answer, target)
        }
        const length = Number(headerOf(answer, 'content-length') ?? Number.NaN)
        const lengthBytes = Number.isFinite(length) ? length : undefined
        return await read({ lengthBytes, body: bodyOf(asked) })
      } finally {
        watch.end()
        // What was not read to its end would keep the connection.
        answer.body.destroy()
      }
    }
  }

  async function withTries<T>(
    url: string,
    method: 'GET' | 'HEAD',
    read: (answer: HttpAnswer) => Promise<T>,
  ): Promise<T> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await attempt(url, method, read)
      } catch (error) {
        if (!(error instanceof TransientError) || signal?.aborted === true) throw error
        const waitMs = error.waitMs ?? context.retryDelayMs * 3 ** (tries - 1)
        const isLast = tries >= context.tries || waitMs > context.maxWaitMs
        if (!isLast) {
          await sleep(waitMs, undefined, signal === undefined ? {} : { signal })
          continue
        }
        const why = tries > 1 ? `${error.message} (tried ${tries} times)` : error.message
        if (error.failingOrigin !== undefined) context.unreachable.set(error.failingOrigin, why)
        throw new SourceUnavailableError(why)
      }
    }
  }

  return {
    close: () => agent.destroy(),
    get: (url, read) => withTries(url, 'GET', read),
    head: url => withTries(url, 'HEAD', async () => undefined),
  }
}

interface Asked {
  answer: Dispatcher.ResponseData
  watch: Watch
  host: string
}

async function* bodyOf({ answer, watch, host }: Asked): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of answer.body) {
      watch.restart()
      yield chunk
    }
  } catch (error) {
    // The watch's own error, and an interruption, come as they are.
    if (watch.signal.aborted) throw watch.signal.reason
    throw new TransientError(`${host} broke the transfer off: ${reasonOf(error)}`)
  }
}

function headersFor(origin: string, env: NodeJS.ProcessEnv): Record<string, string> {
  const token = env['GITHUB_TOKEN'] ?? ''
  const headers = { 'user-agent': 'kube-otel-lab' }
  return origin === githubApi && token !== '' ? { ...headers, authorization: `Bearer ${token}` } : headers
}

function redirectTarget(location: string, from: string, host: string): string {
  const target = URL.canParse(location, from) ? new URL(location, from) : undefined
  if (target === undefined) throw new SourceUnavailableError(`${host} redirects to ${location}, which is no URL`)
  if (from.startsWith('https:') && target.protocol !== 'https:') {
    throw new SourceUnavailableError(`${host} redirects to an address without TLS`)
  }
  return target.href
}

/** The error of a status: a rate limit, a server error, or a missing file. */
function statusError(answer: Dispatcher.ResponseData, url: string): SourceUnavailableError {
  const { statusCode: status } = answer
  const { host, origin } = new URL(url)
  const isCounted = headerOf(answer, 'x-ratelimit-remaining') === '0'
  const waitMs = retryAfterMs(
    headerOf(answer, 'retry-after'),
    isCounted ? headerOf(answer, 'x-ratelimit-reset') : undefined,
  )
  if (status === 429 || (status === 403 && (isCounted || waitMs !== undefined || origin === githubApi))) {
    const until = waitMs === undefined ? '' : ` for another ${Math.ceil(waitMs / 1000)} s`
    const hint = origin === githubApi ? '; set GITHUB_TOKEN for a higher limit' : ''
    const message = `${host} answers ${status}: its rate limit is reached${until}${hint}`
    // A 403 without an end of the limit does not pass in seconds.
    const endsInMs = waitMs ?? (status === 403 ? Number.POSITIVE_INFINITY : undefined)
    return new TransientError(message, { waitMs: endsInMs, failingOrigin: origin })
  }
  if (status === 401 && origin === githubApi) return new SourceUnavailableError(`${host} refuses GITHUB_TOKEN`)
  if (status === 403) {
    return new SourceUnavailableError(`${url} answers 403: a rate limit, a proxy that forbids it, or no such file`)
  }
  const message = `${url} answers ${status}`
  return status >= 500 || status === 408 ? new TransientError(message, { waitMs }) : new SourceUnavailableError(message)
}

/** Milliseconds from Retry-After, in seconds or as a date, else from the second of the epoch at which a rate limit is reset. */
export function retryAfterMs(retryAfter: string | undefined, resetAt?: string, nowMs = Date.now()): number | undefined {
  const seconds = retryAfter === undefined ? Number.NaN : Number(retryAfter)
  if (Number.isFinite(seconds)) return Math.max(0, seconds * 1000)
  const dateMs = retryAfter === undefined ? Number(resetAt ?? Number.NaN) * 1000 : Date.parse(retryAfter)
  return Number.isFinite(dateMs) ? Math.max(0, dateMs - nowMs) : undefined
}

function headerOf({ headers }: Dispatcher.ResponseData, name: string): string | undefined {
  const value = headers[name]
  return Array.isArray(value) ? value[0] : value
}

interface Watch {
  signal: AbortSignal
  restart: () => void
  end: () => void
}

/** Aborts when it is not restarted in time, or with the caller's signal. */
function stallWatch(stallMs: number, outer: AbortSignal | undefined, stalled: () => Error): Watch {
  const controller = new AbortController()
  const giveUp = () => controller.abort(stalled())
  let timer = setTimeout(giveUp, stallMs)
  return {
    signal: outer === undefined ? controller.signal : AbortSignal.any([controller.signal, outer]),
    restart() {
      clearTimeout(timer)
      timer = setTimeout(giveUp, stallMs)
    },
    end: () => clearTimeout(timer),
  }
}

/** The error of a request without an answer. An unknown host, a refused connection and a connection time-out are not retried. */
function unreachable(error: unknown, origin: string, context: Context, signal?: AbortSignal): unknown {
  if (error instanceof SourceUnavailableError || signal?.aborted === true) return error
  const code = innermost(error).code ?? ''
  const isCertain = ['ENOTFOUND', 'ECONNREFUSED', 'UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_ABORTED'].includes(code)
  const why =
    code === 'UND_ERR_CONNECT_TIMEOUT' ? `no connection within ${context.connectTimeoutMs / 1000} s` : reasonOf(error)
  return new TransientError(`${new URL(origin).host} can't be reached: ${why}`, {
    failingOrigin: origin,
    waitMs: isCertain ? Number.POSITIVE_INFINITY : undefined,
  })
}

/** The message of the innermost cause; the outer errors are generic. */
function reasonOf(error: unknown): string {
  const { message, code } = innermost(error)
  return message || code || String(error)
}

function innermost(error: unknown): { message: string; code: string | undefined } {
  let cause = error
  while (cause instanceof Error && cause.cause instanceof Error) cause = cause.cause
  // For a host with several addresses, the failure of the first one.
  if (cause instanceof AggregateError && cause.errors[0] instanceof Error) cause = cause.errors[0]
  if (!(cause instanceof Error)) return { message: String(cause), code: undefined }
  return { message: cause.message, code: 'code' in cause ? String(cause.code) : undefined }
}

function variable(env: NodeJS.ProcessEnv, name: string): string {
  return env[name] || env[name.toUpperCase()] || ''
}
