import { setTimeout as sleep } from 'node:timers/promises'
import { LabError, messageOf } from '../cli/errors.ts'
import { ApiStatusError, type KubeClient } from './api-client.ts'
import { fields, items, text } from './json.ts'
import { listAll } from './object-counts.ts'

/** A change of one object. The key is its UID, so that a new object of the same name is another one. */
export type ReflectorEvent<T> = { type: 'set'; key: string; object: T } | { type: 'deleted'; key: string }

export interface ReflectorOptions<T> {
  client: Pick<KubeClient, 'request' | 'stream'>
  /** The path of the collection, such as `/api/v1/pods`. */
  path: string
  /** Further parameters, such as `fieldSelector`. */
  query?: Record<string, string>
  /** Reads only the metadata of objects, which costs client and server much less. */
  metadataOnly?: boolean
  /** Selects the needed fields of an object; undefined leaves the object out. */
  reduce: (raw: unknown) => T | undefined
  /** Called for each change, in order; must not throw. */
  apply: (event: ReflectorEvent<T>) => void
  signal: AbortSignal
  /** Logs lost and restored contact, and objects on which `reduce` throws. */
  log?: (line: string) => void
  /** The duration of a watch, after which a new one follows. A watch without data for longer is dead. */
  watchTimeoutS?: number
  /** The wait after the first failure, and the maximum. It doubles after each failure; half of it is random. */
  backoffMs?: { first: number; most: number }
  /** An unknown collection (404) counts as empty, and is requested again every 30 s. */
  optional?: boolean
}

export type Reflector = ReturnType<typeof startReflector>

// Added to the watch's duration, so that the server ends a watch first.
const SILENCE_GRACE_MS = 5_000
const RELIST_AFTER_FAILURES = 3
/** The number of objects in a page of the list. */
const PAGE_SIZE = '500'
const UNKNOWN_AGAIN_MS = 30_000

/**
 * Keeps a copy of a collection up to date: lists it in pages, then watches it with bookmarks. It resumes a dropped or silent watch at its
 * resource version. When that version has expired (410), or after three failures (such as a restored etcd), it lists the collection again and
 * reports missing objects as deleted, at the latest when an object of the same name appears. It retries until the signal.
 */
export function startReflector<T>(options: ReflectorOptions<T>) {
  const { client, path, query = {}, signal, log = () => {}, watchTimeoutS = 60 } = options
  const { metadataOnly = false } = options
  const { first, most } = options.backoffMs ?? { first: 500, most: 10_000 }
  /** `<namespace>/<name>` by UID, and the UID by that name. */
  const known = new Map<string, string>()
  const uids = new Map<string, string>()
  const refused = new Set<string>()
  /** For each `include` that waits for its list: the UIDs of which the watch has had events since. In the list they may be older. */
  const including = new Set<Set<string>>()
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
    /** True after the first complete list. */
    get synced() {
      return synced
    },
    /** A watch is open, or the server does not know the optional collection. */
    get connected() {
      return connected
    },
    /** The Unix time of the last data from the API server; undefined before. */
    get lastContactMs() {
      return lastContactMs
    },
    /** The last failure in one line; undefined after a success. */
    get trouble() {
      return trouble?.message
    },
    /**
     * Lists a part of the collection again, which `reduce` has left out before. Throws an ApiStatusError for an error status, and the client's
     * LabError without a connection.
     */
    async include(part: Record<string, string>): Promise<void> {
      const changed = new Set<string>()
      including.add(changed)
      try {
        for (const raw of await listAll(client, `${path}?${new URLSearchParams({ ...query, ...part })}`)) {
          if (!changed.has(text(fields(fields(raw).metadata).uid) ?? '')) set(raw)
        }
      } finally {
        including.delete(changed)
      }
    },
    /** Resolves with `synced`; never when stopped before. */
    firstSync,
    /** Resolves when the signal has stopped it. Never rejects. */
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
    // Logs each kind of failure once: after lost contact, a server may answer with an error.
    if (trouble?.status !== status || failures === 1) {
      isLost = true
      log(`${path}: ${status === 410 ? 'listing again' : 'contact lost, trying again'}: ${message}`)
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
      const page = { ...query, limit: PAGE_SIZE, ...(next === undefined ? {} : { continue: next }) }
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
      // Only a complete list shows deleted objects.
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
      const uid = text(fields(object.metadata).uid)
      if (uid !== undefined) for (const changed of including) changed.add(uid)
      if (event.type === 'DELETED') remove(uid)
      else if (event.type !== 'BOOKMARK') set(object)
      version = text(fields(object.metadata).resourceVersion) ?? version
      // Not when it opens: the waits for a server that accepts and closes connections must grow.
      failures = 0
    }
    // Without a wait, a server that ends each watch at once would cause a tight loop.
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
      // Two objects cannot have the same name: the other one is deleted, even if the list is incomplete.
      const namesake = uids.get(name)
      if (namesake !== key) remove(namesake)
      known.set(key, name)
      uids.set(name, key)
      options.apply({ type: 'set', key, object })
      return key
    } catch (error) {
      const message = messageOf(error)
      // One invalid object must not stop the others or fill the log.
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
