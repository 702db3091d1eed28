import { linkSync, mkdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { type LabError, systemErrorCode } from '../cli/errors.ts'
import { processInfos } from './processes.ts'
import { waitUntil } from './wait.ts'

/** Who holds a lock. */
export interface LockHolder {
  pid: number
  /** The script it runs, without its folder. */
  program: string
}

export interface LockOptions {
  /** The lock's file, there while it is held. */
  path: string
  /** How long to wait for another holder to end. */
  waitMs: number
  /** Told once, when it has to wait. */
  onWait?: (holder: LockHolder) => void
  /** What can't be done while another holds it, and what to do then. */
  refusal: (holder: LockHolder) => LabError
}

/**
 * Makes this process the only one that holds the lock, and gives what lets go of it; the folder goes too when it is empty
 * then. A lock whose holder has ended, in whatever way, is nobody's: the file names a process, and is worth what that is. Only
 * processes of one machine can keep each other out so.
 *
 * Throws the refusal when another holds it for longer than `waitMs`.
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
        if (tryToLink(path, own)) return { done: () => letGo(path) }
        living = await livingHolder(path)
      }
      if (holder === undefined && waitMs > 0) onWait?.(living)
      holder = living
      return { pending: `${living.program} (pid ${living.pid}) holds it` }
    },
    onTimeout: () => Promise.reject(refusal(holder ?? own)),
  })
}

/** The holder of the lock. A lock whose holder has ended is removed. */
async function livingHolder(path: string): Promise<LockHolder | undefined> {
  const text = textOf(path)
  const holder = text === undefined ? undefined : holderIn(text)
  if (holder !== undefined && (await isAlive(holder))) return holder
  if (text !== undefined && textOf(path) === text) rmSync(path, { force: true })
  return undefined
}

/** Whole or not at all, and only where there is none: a link is, a file being written is not. */
function tryToLink(path: string, own: LockHolder): boolean {
  const mine = `${path}.${own.pid}`
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  try {
    writeFileSync(mine, JSON.stringify(own), { mode: 0o600 })
    linkSync(mine, path)
    return true
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') return false
    // Another has let go of its own, and taken the empty folder away.
    if (systemErrorCode(error) === 'ENOENT') return false
    throw error
  } finally {
    rmSync(mine, { force: true })
  }
}

function letGo(path: string): void {
  rmSync(path, { force: true })
  try {
    rmdirSync(dirname(path))
  } catch {
    // It isn't empty.
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

/** A number may be another process's by now, and after a restart of a container it is this one's own. */
async function isAlive({ pid, program }: LockHolder): Promise<boolean> {
  if (pid === process.pid) return false
  return (await processInfos([pid])).get(pid)?.command.includes(program) === true
}
