import { closeSync, fstatSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { systemErrorCode } from '../../cli/errors.ts'

/** A key and its new value, or null for a deleted key. */
export type StateChange = readonly [key: string, value: unknown]

/**
 * An append-only file of keys and values. It survives `kill -9` at any moment: after `flush` the operating system has the
 * data. It may not survive a crash of the machine: there is no fsync.
 */
export type StateLog = ReturnType<typeof openStateLog>

export interface StateLogOptions {
  path: string
  /** All current keys and values, for compaction. Read in steps while changes continue. */
  live: () => Iterable<StateChange>
  /** The file is compacted when it is larger than this and has doubled since the last compaction. */
  compactAtBytes?: number
}

const CHUNK = 500
/** The most changes that stay queued while writes fail. */
const MAX_PENDING = 100_000

/** The latest value of each key in a state log. A truncated last line is ignored. */
export function readState(path: string): Map<string, unknown> {
  const state = new Map<string, unknown>()
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return state
    throw error
  }
  for (const line of text.split('\n')) {
    if (line === '') continue
    let changes: unknown
    try {
      changes = JSON.parse(line)
    } catch {
      continue
    }
    for (const change of Array.isArray(changes) ? changes : []) {
      const [key, value] = Array.isArray(change) ? change : []
      if (typeof key !== 'string') continue
      if (value === null) state.delete(key)
      else state.set(key, value)
    }
  }
  return state
}

/** Opens a state log for appending. Only one process may open it. */
export function openStateLog({ path, live, compactAtBytes = 4 * 2 ** 20 }: StateLogOptions) {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const nextPath = `${path}.next`
  rmSync(nextPath, { force: true })
  let file = openSync(path, 'a', 0o600)
  let pending: string[] = []
  let bytes = fstatSync(file).size
  /** The compacted file in progress. Changes go into both files until it replaces the old one. */
  let next: { file: number; bytes: number } | undefined
  let bytesCompacted = 0
  /** A write failed, and may have left a partial line: the next line needs a line break before it. */
  let isTorn = false
  /** Changes were dropped, so that the file is complete only after a compaction. */
  let isIncomplete = false
  // Ends a line that a crash truncated.
  append('\n')

  return {
    /** Queues changes that belong together: after a crash the file has all of them or none. */
    write(changes: readonly StateChange[]) {
      pending.push(JSON.stringify(changes))
    },
    /** Writes all queued changes. Throws when the write fails; they stay queued. */
    flush,
    /** Size of the file. */
    get bytes() {
      return bytes
    },
  }

  function flush(): void {
    if (pending.length === 0) return
    try {
      append(`${isTorn ? '\n' : ''}${pending.join('\n')}\n`)
      isTorn = false
    } catch (error) {
      isTorn = true
      if (pending.length > MAX_PENDING) {
        pending = []
        isIncomplete = true
      }
      throw error
    }
    pending = []
    if (next === undefined && (isIncomplete || (bytes > compactAtBytes && bytes > 2 * bytesCompacted))) compact()
  }

  function append(text: string): void {
    const buffer = Buffer.from(text)
    writeFully(file, buffer)
    bytes += buffer.length
    if (next === undefined) return
    writeFully(next.file, buffer)
    next.bytes += buffer.length
  }

  function compact(): void {
    const writing = { file: openSync(nextPath, 'w', 0o600), bytes: 0 }
    next = writing
    const changes = live()[Symbol.iterator]()
    isIncomplete = false
    const step = (): void => {
      try {
        writeMore()
      } catch {
        // For example a full disk. The old file is complete, and the next flush tries again.
        closeSync(writing.file)
        rmSync(nextPath, { force: true })
        next = undefined
        isIncomplete = true
      }
    }
    const writeMore = (): void => {
      // Changes must be in the new file before values that were read after them.
      flush()
      const lines: string[] = []
      let done = false
      while (lines.length < CHUNK && !done) {
        const result = changes.next()
        done = result.done === true
        if (!done) lines.push(JSON.stringify([result.value]))
      }
      const buffer = Buffer.from(lines.map(line => `${line}\n`).join(''))
      writeFully(writing.file, buffer)
      writing.bytes += buffer.length
      if (!done) {
        setImmediate(step)
        return
      }
      renameSync(nextPath, path)
      closeSync(file)
      file = writing.file
      bytes = writing.bytes
      bytesCompacted = bytes
      next = undefined
    }
    step()
  }
}

function writeFully(file: number, buffer: Buffer): void {
  for (let at = 0; at < buffer.length; ) at += writeSync(file, buffer, at)
}
