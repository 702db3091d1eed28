import { readFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import { waitUntil } from './wait.ts'

/** The HTTP endpoint of a service that a probe requests. */
export interface ProbeTarget {
  url: string
  /** For https: the CA of the certificate, which is for `localhost`. */
  caFile?: string
}

export interface ProbeLimits {
  /** The time limit of one request. The kernel still accepts the connections of a process that hangs. */
  timeoutMs?: number
  /** How long to retry. A collector that loads a new configuration listens again after a second or two. */
  retryMs?: number
}

/**
 * Requests a target and retries for three seconds. Gives the reason of a failure in one line: no answer, or a status of 500 or more. Gives
 * undefined for any other answer; a collector answers 405 to a GET and is healthy.
 */
export async function probe(
  target: ProbeTarget,
  { timeoutMs = 3_000, retryMs = 3_000 }: ProbeLimits = {},
): Promise<string | undefined> {
  return await waitUntil<string | undefined>({
    what: target.url,
    timeoutMs: retryMs,
    everyMs: 250,
    check: async () => {
      const failure = await probeOnce(target, timeoutMs)
      return failure === undefined ? { done: undefined } : { pending: failure }
    },
    onTimeout: failure => failure,
  })
}

/** Into how many parts a time limit is divided. */
const TICKS = 10

/**
 * Aborts after a time limit. A synchronous work of this process, such as a drawing of the page, counts as a tenth of the limit at most: an
 * answer that came meanwhile is not late.
 */
function timeLimit(limitMs: number): AbortSignal & Disposable {
  const controller = new AbortController()
  let ticks = 0
  const timer = setInterval(() => {
    if (++ticks === TICKS) controller.abort()
  }, limitMs / TICKS)
  return Object.assign(controller.signal, { [Symbol.dispose]: () => clearInterval(timer) })
}

/** Whether a GET is answered with a status of 200 to 299 within two seconds. */
export async function isOk(url: string): Promise<boolean> {
  using signal = timeLimit(2_000)
  const answer = await fetch(url, { signal }).catch(() => undefined)
  return answer?.ok === true
}

async function probeOnce({ url, caFile }: ProbeTarget, timeoutMs: number): Promise<string | undefined> {
  using signal = timeLimit(timeoutMs)
  return await new Promise(resolve => {
    const failed = (error: Error) => resolve(`${url}: ${error.message}`)
    try {
      const tls = caFile === undefined ? {} : { ca: readFileSync(caFile), servername: 'localhost' }
      const request = (url.startsWith('https:') ? https : http).get(url, { ...tls, signal, agent: false }, response => {
        let body = ''
        response.setEncoding('utf8').on('data', part => {
          body = (body + part).slice(0, 300)
        })
        response.once('error', failed)
        response.once('end', () => {
          const { statusCode = 0 } = response
          resolve(
            statusCode < 500 ? undefined : `${url} answers ${statusCode} ${body.trim().replace(/\s*\n\s*/g, '; ')}`,
          )
        })
      })
      request.once('error', error => failed(signal.aborted ? new Error(`no answer in ${timeoutMs / 1_000} s`) : error))
    } catch (error) {
      failed(error instanceof Error ? error : new Error(String(error)))
    }
  })
}
