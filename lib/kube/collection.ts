import { type ReflectorOptions, startReflector } from './reflector.ts'

/** A copy of a collection that a watch updates. */
export interface WatchedCollection<T> {
  /** The results of `reduce`, by UID. */
  readonly objects: ReadonlyMap<string, T>
  /** Why it is incomplete: the first list is not finished, or the last request failed. */
  readonly trouble: string | undefined
  close(): Promise<void>
}

/** Lists a collection once and then watches it, until it is closed. */
export function watchCollection<T>(
  options: Pick<ReflectorOptions<T>, 'client' | 'path' | 'query' | 'metadataOnly' | 'reduce'>,
): WatchedCollection<T> {
  const objects = new Map<string, T>()
  const stop = new AbortController()
  const reflector = startReflector<T>({
    ...options,
    apply: event => {
      if (event.type === 'set') objects.set(event.key, event.object)
      else objects.delete(event.key)
    },
    signal: stop.signal,
    // Short, to detect a dead connection soon.
    watchTimeoutS: 10,
    backoffMs: { first: 250, most: 2_000 },
  })
  return {
    objects,
    get trouble() {
      return reflector.trouble ?? (reflector.synced ? undefined : `${options.path} is not listed yet`)
    },
    async close() {
      stop.abort()
      await reflector.stopped
    },
  }
}
