import { type ReflectorOptions, startReflector } from './reflector.ts'

/** Lists a collection once and then watches it, until it is closed. */
export function watchCollection<T>(
  options: Pick<ReflectorOptions<T>, 'client' | 'path' | 'query' | 'metadataOnly' | 'reduce'>,
) {
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
    /** The results of `reduce`, by UID. */
    objects: objects as ReadonlyMap<string, T>,
    /** Why it is incomplete: the first list is not finished, or the last request failed. */
    get trouble() {
      return reflector.trouble ?? (reflector.synced ? undefined : `${options.path} is not listed yet`)
    },
    async close() {
      stop.abort()
      await reflector.stopped
    },
  }
}
