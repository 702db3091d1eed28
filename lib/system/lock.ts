import { linkSync, mkdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { type LabError, systemErrorCode } from '../cli/errors.ts'
import { processInfos } from './processes.ts'
import { waitUntil } from './wait.ts'

/** The process that holds a lock. */
export interface LockHolder {
  pid: number
  /** The script it runs, without its folder. */
  program: string
}

export interface LockOptions {
  /** The lock's file. It exists while the lock is held. */
  path: string
  /** How long to wait for another holder. */
  waitMs: number
  /** Called once when another process holds the lock. */
  onWait?: (holder: LockHolder) => void
  /** The error when another process holds the lock for too long. */
  refusal: (holder: LockHolder) => LabError
}

/**
 * Takes the lock and returns the function that releases it. Release removes the file, and the folder when it is empty. The file names a
 * process: when that process has ended, for whatever reason, the lock is free. It works between processes of one machine.
 *
 * Throws the refusal when another process holds the lock for longer than `waitMs`.
 */
export async function takeLock({ path, waitMs, onWait, refusal }: LockOptions): Promise<() => void> {
  const own: LockHolder = { pid: process.pid, program: basename(process.argv[1] ?? '') }
  let holder: LockHolder | undefined
  return await waitUntil<() => void>({
    what: path,
    timeoutMs: waitMs,
    everyMs: 100,
    errorsAreFinal: true,
    check: async () => {
      let living: LockHolder | undefined
      while (living === undefined) {
        if (tryToLink(path, own)) return { done: () => release(path) }
        living = await livingHolder(path)
      }
      if (holder === undefined && waitMs > 0) onWait?.(living)
      holder = living
      return { pending: `${living.program} (pid ${living.pid}) holds it` }
    },
    onTimeout: () => Promise.reject(refusal(holder ?? own)),
  })
}

/** The process that holds the lock, if any. Removes a lock whose holder has ended. */
export async function livingHolder(path: string): Promise<LockHolder | undefined> {
  const text = textOf(path)
  const holder = text === undefined ? undefined : holderIn(text)
  if (holder !== undefined && (await isAlive(holder))) return holder
  if (text !== undefined && textOf(path) === text) rmSync(path, { force: true })
  return undefined
}

/** Creates the lock's file unless it exists. A link appears with its whole content, a file that is written does not. */
function tryToLink(path: string, own: LockHolder): boolean {
  const mine = `${path}.${own.pid}`
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  try {
    writeFileSync(mine, JSON.stringify(own), { mode: 0o600 })
    linkSync(mine, path)
    return true
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') return false
    // Another process has released its lock and removed the empty folder.
    if (systemErrorCode(error) === 'ENOENT') return false
    throw error
  } finally {
    rmSync(mine, { force: true })
  }
}

function release(path: string): void {
  rmSync(path, { force: true })
  try {
    rmdirSync(dirname(path))
  } catch {
    // The folder is not empty.
  }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined
    throw error
  }
}

function holderIn(text: string): LockHolder | undefined {
  try {
    const { pid, program } = JSON.parse(text) as Partial<LockHolder>
    return typeof pid === 'number' && typeof program === 'string' ? { pid, program } : undefined
  } catch {
    return undefined
  }
}

/** The pid may belong to another process by now; after a restart of a container it may be this process's own. */
async function isAlive({ pid, program }: LockHolder): Promise<boolean> {
  if (pid === process.pid) return false
  return (await processInfos([pid])).get(pid)?.command.includes(program) === true
}
