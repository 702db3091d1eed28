import { closeSync, fstatSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { systemErrorCode } from '../../cli/errors.ts'

/** One change: a key's new value, or null when the key has gone. */
export type StateChange = readonly [key: string, value: unknown]

/**
 * A file of keys and values that is only ever appended to, and so survives `kill -9` at any moment: what `flush` has written
 * is the operating system's, whatever becomes of the process. (Not of the machine: nothing is forced to the disk.)
 */
export interface StateLog {
  /** Remembers changes that belong together: after a crash all of them are there or none. */
  write(changes: readonly StateChange[]): void
  /** Hands everything remembered to the operating system. Throws when it can't. */
  flush(): void
  /** Size of the file, in bytes. */
  readonly bytes: number
  close(): void
}

export interface StateLogOptions {
  path: string
  /** All keys and values as they are now, for writing the file anew. Read bit by bit while changes go on. */
  live: () => Iterable<StateChange>
  /** The file is written anew when it is larger than this and has doubled since it last was. */
  compactAtBytes?: number
}

const CHUNK = 500
/** Changes that are kept while the disk takes none. */
const MOST_PENDING = 100_000

/** What a state log's file says: the newest value of each key. A last line that was cut off counts as never written. */
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

/** Opens a state log for appending. Only one process may have it open. */
export function openStateLog({ path, live, compactAtBytes = 4 * 2 ** 20 }: StateLogOptions): StateLog {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const nextPath = `${path}.next`
  rmSync(nextPath, { force: true })
  let file = openSync(path, 'a', 0o600)
  let pending: string[] = []
  let bytes = fstatSync(file).size
  /** Of a file being written anew: changes go into it and into the old one, which counts until it is replaced. */
  let next: { file: number; bytes: number } | undefined
  let bytesWhenNew = 0
  /** A write failed half-way: the rest of that line is no use, and mustn't spoil the next. */
  let isTorn = false
  /** Changes were given up, so that only writing the file anew makes it whole. */
  let isIncomplete = false
  let closed = false
  // A line that was cut off by a crash must not swallow the next one.
  append('\n')

  return {
    write(changes) {
      pending.push(JSON.stringify(changes))
    },
    flush,
    get bytes() {
      return bytes
    },
    close() {
      if (closed) return
      flush()
      closed = true
      closeSync(file)
      if (next !== undefined) closeSync(next.file)
    },
  }

  function flush(): void {
    if (pending.length === 0 || closed) return
    try {
      append(`${isTorn ? '\n' : ''}${pending.join('\n')}\n`)
      isTorn = false
    } catch (error) {
      isTorn = true
      if (pending.length > MOST_PENDING) {
        pending = []
        isIncomplete = true
      }
      throw error
    }
    pending = []
    if (next === undefined && (isIncomplete || (bytes > compactAtBytes && bytes > 2 * bytesWhenNew))) compact()
  }

  function append(text: string): void {
    const buffer = Buffer.from(text)
    writeFileAtOnce(file, buffer)
    bytes += buffer.length
    if (next === undefined) return
    writeFileAtOnce(next.file, buffer)
    next.bytes += buffer.length
  }

  function compact(): void {
    const writing = { file: openSync(nextPath, 'w', 0o600), bytes: 0 }
    next = writing
    const changes = live()[Symbol.iterator]()
    isIncomplete = false
    const step = (): void => {
      if (closed) return
      try {
        writeMore()
      } catch {
        // A full disk: the old file is whole, and the next flush tries again.
        closeSync(writing.file)
        rmSync(nextPath, { force: true })
        next = undefined
        isIncomplete = true
      }
    }
    const writeMore = (): void => {
      // What has been read from memory mustn't be in the new file before what led to it.
      flush()
      const lines: string[] = []
      let done = false
      while (lines.length < CHUNK && !done) {
        const result = changes.next()
        done = result.done === true
        if (!done) lines.push(JSON.stringify([result.value]))
      }
      const buffer = Buffer.from(lines.map(line => `${line}\n`).join(''))
      writeFileAtOnce(writing.file, buffer)
      writing.bytes += buffer.length
      if (!done) {
        setImmediate(step)
        return
      }
      renameSync(nextPath, path)
      closeSync(file)
      file = writing.file
      bytes = writing.bytes
      bytesWhenNew = bytes
      next = undefined
    }
    step()
  }
}

function writeFileAtOnce(file: number, buffer: Buffer): void {
  for (let at = 0; at < buffer.length; ) at += writeSync(file, buffer, at)
}
