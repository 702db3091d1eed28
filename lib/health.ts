import { readFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'

/** How a part is asked whether it can do its work. */
export interface Question {
  url: string
  /** For https: the CA that its certificate, which is for `localhost`, is checked with. */
  caFile?: string
}

/** How long a part may take for an answer. One that hangs still has its connections accepted, by the kernel. */
const ANSWER_MS = 3_000
/** A collector that reads a new configuration listens again after a second or two. */
const AGAIN_FOR_MS = 3_000

/**
 * Why a part that lives can't do its work, in one line: it doesn't answer, or with a status of 500 and more. Undefined when it
 * answers in any other way; 405 from a collector that was sent no spans is as good as 200. Asks again for three seconds.
 */
export async function troubleOf(question: Question): Promise<string | undefined> {
  const untilMs = Date.now() + AGAIN_FOR_MS
  for (;;) {
    const trouble = await askOnce(question)
    if (trouble === undefined || Date.now() > untilMs) return trouble
    await sleep(250)
  }
}

async function askOnce({ url, caFile }: Question): Promise<string | undefined> {
  return await new Promise(resolve => {
    const failed = (error: Error) => resolve(`${url}: ${error.message}`)
    try {
      const tls = caFile === undefined ? {} : { ca: readFileSync(caFile), servername: 'localhost' }
      const signal = AbortSignal.timeout(ANSWER_MS)
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
      asked.once('error', error => failed(signal.aborted ? new Error(`no answer in ${ANSWER_MS / 1_000} s`) : error))
    } catch (error) {
      failed(error instanceof Error ? error : new Error(String(error)))
    }
  })
}
