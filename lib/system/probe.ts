import { readFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import { waitUntil } from './wait.ts'

/** How a part is asked whether it can do its work. */
export interface Question {
  url: string
  /** For https: the CA that its certificate, which is for `localhost`, is checked with. */
  caFile?: string
}

/** Time limits of `troubleOf`. */
export interface HealthLimits {
  /** How long a part may take for an answer. One that hangs still has its connections accepted, by the kernel. */
  answerMs?: number
  /** How long to ask again. A collector that reads a new configuration listens again after a second or two. */
  againForMs?: number
}

/**
 * Why a part that lives can't do its work, in one line: it doesn't answer, or with a status of 500 and more. Undefined when it
 * answers in any other way; 405 from a collector that was sent no spans is as good as 200. Asks again for three seconds.
 */
export async function troubleOf(
  question: Question,
  { answerMs = 3_000, againForMs = 3_000 }: HealthLimits = {},
): Promise<string | undefined> {
  return await waitUntil<string | undefined>({
    what: question.url,
    timeoutMs: againForMs,
    everyMs: 250,
    check: async () => {
      const trouble = await askOnce(question, answerMs)
      return trouble === undefined ? { done: undefined } : { pending: trouble }
    },
    onTimeout: trouble => trouble,
  })
}

/** Whether a GET is answered with a status of 200 to 299 within two seconds. */
export async function isOk(url: string): Promise<boolean> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined)
  return answer?.ok === true
}

async function askOnce({ url, caFile }: Question, answerMs: number): Promise<string | undefined> {
  return await new Promise(resolve => {
    const failed = (error: Error) => resolve(`${url}: ${error.message}`)
    try {
      const tls = caFile === undefined ? {} : { ca: readFileSync(caFile), servername: 'localhost' }
      const signal = AbortSignal.timeout(answerMs)
      const asked = (url.startsWith('https:') ? https : http).get(url, { ...tls, signal, agent: false }, response => {
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
      asked.once('error', error => failed(signal.aborted ? new Error(`no answer in ${answerMs / 1_000} s`) : error))
    } catch (error) {
      failed(error instanceof Error ? error : new Error(String(error)))
    }
  })
}
