import { openStateLog, readState } from '../counters/state-log.ts'

/** A map of texts to JSON values that outlasts the process. */
export type SavedMap = ReturnType<typeof openSavedMap>

/**
 * The map in a file of mode 0600, or one in memory only without a path. Changes are written soon, all changes of one moment at once.
 * `onError` is called when they cannot be written; they stay in memory.
 */
export function openSavedMap(path: string | undefined, onError: (error: unknown) => void) {
  const values = path === undefined ? new Map<string, unknown>() : readState(path)
  const log = path === undefined ? undefined : openStateLog({ path, live: () => values })
  let isScheduled = false

  return {
    get: (key: string) => values.get(key),
    entries: () => values.entries(),
    set(key: string, value: unknown) {
      values.set(key, value)
      save(key, value)
    },
    delete(key: string) {
      if (values.delete(key)) save(key, null)
    },
    /** Writes all changes. */
    flush,
  }

  function save(key: string, value: unknown): void {
    log?.write([[key, value]])
    if (log === undefined || isScheduled) return
    isScheduled = true
    setImmediate(flush)
  }

  function flush(): void {
    isScheduled = false
    try {
      log?.flush()
    } catch (error) {
      onError(error)
    }
  }
}
