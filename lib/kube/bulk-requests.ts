import { setTimeout as sleep } from 'node:timers/promises'
import { LabError } from '../cli/errors.ts'
import type { KubeClient, KubeResponse } from './api-client.ts'
import { fields, text } from './json.ts'

/** One call of many. */
export interface BulkCall {
  method: 'POST' | 'DELETE' | 'PATCH'
  path: string
  /** Of a PATCH: a strategic merge patch. */
  body?: unknown
}

export interface BulkOptions {
  /** Called after each call that is done, with how many are. */
  onDone?: (done: number) => void
  /** Calls under way at once. */
  concurrency?: number
  /** Attempts for one call, all told. */
  attempts?: number
}

/**
 * Makes many calls, a few at a time over the client's kept-alive connections. What a call wants and is already so (an
 * object that exists, one that is gone) counts as done. A busy or failing server (429, 5xx, no connection) is asked again,
 * ever later, or when it says.
 *
 * Throws a LabError at the first call that is refused for good; calls under way are finished, no new ones are begun.
 */
export async function callAll(
  client: KubeClient,
  calls: readonly BulkCall[],
  options: BulkOptions = {},
): Promise<void> {
  const { onDone, concurrency = 32, attempts = 8 } = options
  let next = 0
  let done = 0
  let failure: unknown
  async function work(): Promise<void> {
    for (let call = calls[next++]; call !== undefined && failure === undefined; call = calls[next++]) {
      try {
        await callUntilDone(client, call, attempts)
        onDone?.(++done)
      } catch (error) {
        failure ??= error
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(concurrency, calls.length) }, work))
  if (failure !== undefined) throw failure
}

async function callUntilDone(client: KubeClient, call: BulkCall, attempts: number): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const answer = await responseOrError(client, call)
    if (!(answer instanceof Error)) {
      const already = call.method === 'POST' ? 409 : 404
      if (answer.status < 300 || (answer.status === already && !isConflict(answer) && !isBeingDeleted(answer))) return
      if (answer.status !== 429 && answer.status < 500 && !isBeingDeleted(answer)) throw refused(call, answer)
    }
    if (attempt >= attempts) throw answer instanceof Error ? answer : refused(call, answer)
    const asked = answer instanceof Error ? undefined : answer.retryAfterMs
    // Jitter keeps the workers that were turned away together from coming back together.
    await sleep(asked ?? Math.min(5_000, 100 * 2 ** attempt) * (0.5 + Math.random()))
  }
}

async function responseOrError(client: KubeClient, call: BulkCall): Promise<KubeResponse | Error> {
  try {
    const contentType = call.method === 'PATCH' ? { contentType: 'application/strategic-merge-patch+json' } : {}
    return await client.request(
      call.method,
      call.path,
      call.body === undefined ? {} : { body: call.body, ...contentType },
    )
  } catch (error) {
    if (error instanceof LabError) return error
    throw error
  }
}

/** The name is taken until the old object is gone; the API server says so under `AlreadyExists` too. */
function isBeingDeleted(answer: KubeResponse): boolean {
  return answer.status === 409 && (text(fields(answer.body)['message']) ?? '').startsWith('object is being deleted')
}

/** 409 is also what an object gets that is being deleted, or a name whose namespace goes away: not "already there". */
function isConflict(answer: KubeResponse): boolean {
  const reason = text(fields(answer.body)['reason'])
  return answer.status === 409 && reason !== 'AlreadyExists'
}

function refused(call: BulkCall, answer: KubeResponse): LabError {
  const why = text(fields(answer.body)['message']) ?? text(answer.body)
  return new LabError(`The API server refused ${call.method} ${call.path}`, {
    why: `${answer.status} ${why ?? ''}`.trim(),
  })
}
