import { setTimeout as sleep } from 'node:timers/promises'
import { LabError } from '../cli/errors.ts'
import type { KubeClient, KubeResponse } from './api-client.ts'
import { fields, text } from './json.ts'

/** One request of many. */
export interface BulkCall {
  method: 'POST' | 'DELETE' | 'PATCH'
  path: string
  /** For PATCH: a strategic merge patch. */
  body?: unknown
}

export interface BulkOptions {
  /** Called after each finished request, with the number of finished ones. */
  onDone?: ((done: number) => void) | undefined
  /** The number of concurrent requests. */
  concurrency?: number
  /** The number of attempts for one request. */
  attempts?: number
}

/**
 * Sends many requests concurrently over the client's kept-alive connections. To create an existing object, or to delete a missing one, counts
 * as done. After 429, 5xx or a lost connection it retries with exponential backoff, or after Retry-After.
 *
 * Throws a LabError at the first request that fails for good. Requests in flight are finished, and no new ones are sent.
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
    // Jitter spreads the retries.
    await sleep(asked ?? Math.min(5_000, 100 * 2 ** attempt) * (0.5 + Math.random()))
  }
}

async function responseOrError(client: KubeClient, call: BulkCall): Promise<KubeResponse | Error> {
  try {
    const { method, path, body } = call
    const contentType = method === 'PATCH' ? 'application/strategic-merge-patch+json' : 'application/json'
    return await client.request(method, path, { body, contentType })
  } catch (error) {
    if (error instanceof LabError) return error
    throw error
  }
}

/** The old object still has the name. The API server also reports this as `AlreadyExists`. */
function isBeingDeleted(answer: KubeResponse): boolean {
  return answer.status === 409 && (text(fields(answer.body)['message']) ?? '').startsWith('object is being deleted')
}

/** 409 also means that the object or its namespace is being deleted, which is not "already exists". */
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
