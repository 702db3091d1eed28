import type { Response } from 'undici'
import type { Context } from './context.ts'

/** This way does not lead to the program; the next one is tried. Its message says why, for a person. */
export class WayError extends Error {}

/** The answer to a request that reached a server. */
export interface HttpAnswer {
  status: number
  /** From Content-Length. */
  lengthBytes: number | undefined
  /** Throws a WayError when the transfer breaks or stalls. */
  body: AsyncIterable<Uint8Array>
}

/** A client for downloads, while it is open. */
export interface HttpClient {
  request: (url: string, method: 'GET' | 'HEAD') => Promise<HttpAnswer>
  close: () => Promise<void>
}

/**
 * A client that obeys HTTPS_PROXY, HTTP_PROXY and NO_PROXY. A host that can't be reached within the connect time-out is
 * remembered in the context: further requests to it fail at once, each with a WayError that names it.
 */
export async function openHttpClient(context: Context, signal?: AbortSignal): Promise<HttpClient> {
  // Loading it takes a while, and a run that finds every program has no use for it.
  const { EnvHttpProxyAgent, fetch } = await import('undici')
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
    // Our own watch covers the whole transfer, waiting for a proxy included; these would only see parts of it.
    headersTimeout: 0,
    bodyTimeout: 0,
  })
  return {
    close: () => agent.destroy(),
    async request(publicUrl, method) {
      const { origin, host } = new URL(publicUrl)
      const known = context.unreachable.get(origin)
      if (known !== undefined) throw new WayError(known)
      const replaced = context.origins[origin]
      const url = replaced === undefined ? publicUrl : publicUrl.replace(origin, replaced)
      const watch = stallWatch(context.stallTimeoutMs, signal, () => {
        const why = `${host} sent no byte for ${context.stallTimeoutMs / 1000} s`
        context.unreachable.set(origin, why)
        return new WayError(why)
      })
      try {
        const response = await fetch(url, { method, dispatcher: agent, signal: watch.signal })
        if (url.startsWith('https:') && !response.url.startsWith('https:')) {
          throw new WayError(`${host} redirects to an address without TLS`)
        }
        if (method === 'HEAD') watch.end()
        return answer(response, host, watch)
      } catch (error) {
        watch.end()
        if (error instanceof WayError || signal?.aborted === true) throw error
        const why = `${host} can't be reached: ${reason(error, context)}`
        context.unreachable.set(origin, why)
        throw new WayError(why)
      }
    },
  }
}

function answer(response: Response, host: string, watch: Watch): HttpAnswer {
  const length = Number(response.headers.get('content-length') ?? Number.NaN)
  async function* body(): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of response.body ?? []) {
        watch.restart()
        if (chunk instanceof Uint8Array) yield chunk
      }
    } catch (error) {
      if (!(error instanceof Error) || error.message !== 'terminated') throw error
      throw new WayError(`${host} broke the transfer off`)
    } finally {
      watch.end()
    }
  }
  if (response.body === null) watch.end()
  return { status: response.status, lengthBytes: Number.isFinite(length) ? length : undefined, body: body() }
}

interface Watch {
  signal: AbortSignal
  restart: () => void
  end: () => void
}

/** Aborts when it isn't restarted in time, or when the caller's own signal does. */
function stallWatch(stallMs: number, outer: AbortSignal | undefined, stalled: () => WayError): Watch {
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

/** What went wrong, in few words: fetch itself only says "fetch failed", the innermost cause knows. */
function reason(error: unknown, context: Context): string {
  let cause = error
  while (cause instanceof Error && cause.cause instanceof Error) cause = cause.cause
  if (!(cause instanceof Error)) return String(cause)
  const code = 'code' in cause ? String(cause.code) : ''
  if (code === 'UND_ERR_CONNECT_TIMEOUT') return `no connection within ${context.connectTimeoutMs / 1000} s`
  return cause.message === '' ? code : cause.message
}

function variable(env: NodeJS.ProcessEnv, name: string): string {
  return env[name] || env[name.toUpperCase()] || ''
}
