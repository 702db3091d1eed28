import { setTimeout as sleep } from 'node:timers/promises'
import { LabError } from '../cli/errors.ts'
import { ApiStatusError, type KubeClient } from './api-client.ts'
import { fields, items, text } from './json.ts'

/** What has become of one object. The key is its UID, so a namesake made anew is another object. */
export type ReflectorEvent<T> = { type: 'set'; key: string; object: T } | { type: 'deleted'; key: string }

export interface ReflectorOptions<T> {
  client: Pick<KubeClient, 'request' | 'stream'>
  /** The collection's path, such as `/api/v1/pods`. */
  path: string
  /** Further parameters, such as `fieldSelector`. */
  query?: Record<string, string>
  /** The server sends the metadata of objects alone, which costs both sides much less. */
  metadataOnly?: boolean
  /** Keeps of an object what is needed; undefined leaves the object out. */
  reduce: (raw: unknown) => T | undefined
  /** Told in order, in one turn of the event loop per object; mustn't throw. */
  apply: (event: ReflectorEvent<T>) => void
  signal: AbortSignal
  /** Told when contact is lost and won again, and of objects that `reduce` can't take. */
  log?: (line: string) => void
  /** Objects a page of the list. */
  pageSize?: number
  /** The server is asked to end each watch after so long (a new one follows), and a watch silent for longer is dead. */
  watchTimeoutS?: number
  /** Wait after the first failure, doubled with each further one up to the most; half of it is random. */
  backoffMs?: { first: number; most: number }
  /** The collection may be one that the server doesn't know (404): then it counts as empty, and is asked for each 30 s. */
  optional?: boolean
}

export interface Reflector {
  /** True once everything has been listed, and from then on. */
  readonly synced: boolean
  /** Resolves with `synced`; never, when stopped before. */
  readonly firstSync: Promise<void>
  /** A watch is open now, or the server doesn't know the collection (which is asked for again in a while). */
  readonly connected: boolean
  /** When the API server last said anything (epoch), undefined before it ever did. */
  readonly lastContactMs: number | undefined
  /** What went wrong last, in one line; undefined when the last call went well. */
  readonly trouble: string | undefined
  /** Resolves when the signal has ended it. Never rejects. */
  readonly stopped: Promise<void>
}

// A bit past the time-out, so that a server that keeps its word is never cut off.
const SILENCE_GRACE_MS = 5_000
const RELIST_AFTER_FAILURES = 3
const UNKNOWN_AGAIN_MS = 30_000

/**
 * Keeps a copy of a collection up to date: lists it in pages, then watches it with bookmarks. A dropped or silent watch is
 * opened anew where it was; when the server no longer knows that place (410), or refuses it three times (a server whose
 * data went back), all is listed again and what has gone is reported as deleted: at the latest when its namesake is there.
 * Tries for ever, until the signal.
 */
export function startReflector<T>(options: ReflectorOptions<T>): Reflector {
  const { client, path, query = {}, signal, log = () => {}, pageSize = 500, watchTimeoutS = 60 } = options
  const { metadataOnly = false } = options
  const { first, most } = options.backoffMs ?? { first: 500, most: 10_000 }
  /** UIDs with `<namespace>/<name>`, and the other way round. */
  const known = new Map<string, string>()
  const uids = new Map<string, string>()
  const refused = new Set<string>()
  let version: string | undefined
  let failures = 0
  let isLost = false
  let trouble: { message: string; status: number | undefined } | undefined
  let lastContactMs: number | undefined
  let connected = false
  let synced = false
  let markSynced: () => void = () => {}
  const firstSync = new Promise<void>(resolve => {
    markSynced = resolve
  })
  const stopped = run()

  return {
    get synced() {
      return synced
    },
    get connected() {
      return connected
    },
    get lastContactMs() {
      return lastContactMs
    },
    get trouble() {
      return trouble?.message
    },
    firstSync,
    stopped,
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      try {
        version ??= await list()
        await watch(version)
      } catch (error) {
        if (signal.aborted) break
        if (options.optional === true && error instanceof ApiStatusError && error.status === 404) await waitUntilKnown()
        else await recover(error)
      } finally {
        connected = false
      }
    }
  }

  async function waitUntilKnown(): Promise<void> {
    lastContactMs = Date.now()
    connected = true
    trouble = undefined
    version = undefined
    for (const key of known.keys()) remove(key)
    synced = true
    markSynced()
    await sleep(UNKNOWN_AGAIN_MS, undefined, { signal }).catch(() => {})
  }

  async function recover(error: unknown): Promise<void> {
    failures++
    const status = error instanceof ApiStatusError ? error.status : undefined
    if (status === 410 || failures >= RELIST_AFTER_FAILURES) version = undefined
    const message = messageOf(error).replace(/\s*\n\s*/g, ' ')
    // Each kind of failure once: a server that was away may come back and refuse.
    if (trouble?.status !== status || failures === 1) {
      isLost = true
      log(`${path}: ${status === 410 ? 'list anew' : 'contact lost, trying again'}: ${message}`)
    }
    trouble = { message, status }
    const backoffMs = Math.min(most, first * 2 ** Math.min(failures - 1, 20))
    const askedMs = error instanceof ApiStatusError ? (error.retryAfterMs ?? 0) : 0
    const waitMs = Math.max(backoffMs / 2 + (Math.random() * backoffMs) / 2, Math.min(askedMs, 60_000))
    await sleep(waitMs, undefined, { signal }).catch(() => {})
  }

  async function list(): Promise<string> {
    const seen = new Set<string>()
    let next: string | undefined
    for (;;) {
      const page = { ...query, limit: String(pageSize), ...(next === undefined ? {} : { continue: next }) }
      const response = await client.request('GET', `${path}?${new URLSearchParams(page)}`, { signal, metadataOnly })
      if (response.status !== 200) throw new ApiStatusError(`Cannot list ${path}`, response)
      lastContactMs = Date.now()
      trouble = undefined
      const metadata = fields(fields(response.body).metadata)
      for (const raw of items(fields(response.body).items)) {
        const key = set(raw)
        if (key !== undefined) seen.add(key)
      }
      next = text(metadata.continue)
      if (next !== undefined) continue
      // Only a whole list can tell what has gone.
      for (const key of known.keys()) if (!seen.has(key)) remove(key)
      const listed = text(metadata.resourceVersion)
      if (listed === undefined) throw new LabError(`Cannot list ${path}`, { why: 'the list has no resourceVersion' })
      synced = true
      markSynced()
      return listed
    }
  }

  async function watch(from: string): Promise<void> {
    const openedMs = Date.now()
    const parameters = new URLSearchParams({
      ...query,
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion: from,
      timeoutSeconds: String(watchTimeoutS),
    })
    const lines = client.stream(`${path}?${parameters}`, {
      signal,
      metadataOnly,
      idleTimeoutMs: watchTimeoutS * 1_000 + SILENCE_GRACE_MS,
      onOpen: () => {
        connected = true
        lastContactMs = Date.now()
        if (isLost) log(`${path}: in contact again`)
        isLost = false
        trouble = undefined
      },
    })
    for await (const line of lines) {
      lastContactMs = Date.now()
      const event = fields(line)
      const object = fields(event.object)
      if (event.type === 'ERROR') throw refusal(object)
      if (event.type === 'DELETED') remove(text(fields(object.metadata).uid))
      else if (event.type !== 'BOOKMARK') set(object)
      version = text(fields(object.metadata).resourceVersion) ?? version
      // Not when it opens: a server that accepts and hangs up has to be waited for longer each time.
      failures = 0
    }
    // A server that ends each watch at once would be asked in a tight loop.
    if (Date.now() - openedMs < 1_000)
      throw new LabError(`Cannot watch ${path}`, { why: 'the server ended it at once' })
    failures = 0
  }

  function refusal(status: Record<string, unknown>): ApiStatusError {
    return new ApiStatusError(`Cannot watch ${path}`, { status: Number(status.code ?? 500), body: status })
  }

  function set(raw: unknown): string | undefined {
    const metadata = fields(fields(raw).metadata)
    const key = text(metadata.uid)
    if (key === undefined) return undefined
    try {
      const object = options.reduce(raw)
      if (object === undefined) {
        remove(key)
        return undefined
      }
      const name = `${text(metadata.namespace) ?? ''}/${text(metadata.name)}`
      // Nobody can have a name that another still has: that one is gone, though a list is told to its end first.
      const namesake = uids.get(name)
      if (namesake !== key) remove(namesake)
      known.set(key, name)
      uids.set(name, key)
      options.apply({ type: 'set', key, object })
      return key
    } catch (error) {
      const message = messageOf(error)
      // One object that can't be taken must not stop the others, nor fill the log.
      if (refused.size < 100 && !refused.has(message)) {
        refused.add(message)
        log(`${path}: ${text(metadata.namespace) ?? ''}/${text(metadata.name)} left out: ${message}`)
      }
      return known.has(key) ? key : undefined
    }
  }

  function remove(key: string | undefined): void {
    const name = key === undefined ? undefined : known.get(key)
    if (key === undefined || name === undefined) return
    known.delete(key)
    uids.delete(name)
    options.apply({ type: 'deleted', key })
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
