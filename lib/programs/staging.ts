import {
  chmodSync,
  closeSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { LabError, systemErrorCode } from '../cli/errors.ts'

const dayMs = 24 * 60 * 60 * 1000
const prefix = '.tmp-'

/**
 * Runs `body` with a folder of its own beside the cached programs, so that a finished one can be renamed into place, and
 * removes that folder whatever happens. SIGINT and SIGTERM abort the signal that `body` gets and, once the folder is gone,
 * do what they would have done.
 *
 * Folders that dead processes left behind are removed first. Throws a LabError when the cache can't be written.
 */
export async function withStaging<T>(
  cacheDir: string,
  body: (stagingDir: string, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const stagingDir = makeStagingDir(cacheDir)
  const interruption = new AbortController()
  let received: NodeJS.Signals | undefined
  const onSignal = (signal: NodeJS.Signals) => {
    received = signal
    interruption.abort(new LabError(`Interrupted by ${signal}`, { next: 'run this again, it starts where it can' }))
  }
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal)
  try {
    return await Promise.race([body(stagingDir, interruption.signal), abortion(interruption.signal)])
  } finally {
    rmSync(stagingDir, { recursive: true, force: true, maxRetries: 3 })
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal)
    if (received !== undefined && process.listenerCount(received) === 0) process.kill(process.pid, received)
  }
}

/** Puts a finished program, or its folder, into the cache, whole or not at all: others see the old one, or the new one. */
export function moveIntoCache(stagedPath: string, cachedPath: string): void {
  chmodSync(stagedPath, 0o755)
  // A rename can reach the disk before the bytes do, and an empty program would then be found for ever.
  const file = openSync(stagedPath, 'r')
  fsyncSync(file)
  closeSync(file)
  // A folder takes no other one's place: what is there is one without the program, or the same.
  if (statSync(stagedPath).isDirectory()) rmSync(cachedPath, { recursive: true, force: true })
  renameSync(stagedPath, cachedPath)
}

/** Removes staging folders that no process works in any more. */
export function removeStaleStaging(cacheDir: string): void {
  for (const name of readdirSync(cacheDir)) {
    const [, host, pid] = /^\.tmp-(.+)-(\d+)-[^-]+$/.exec(name) ?? []
    if (host === undefined) continue
    const path = join(cacheDir, name)
    // A pid says nothing about another machine or container that shares this folder: there, only age does.
    if ((host === thisHost() && !isAlive(Number(pid))) || isOlderThanADay(path)) {
      rmSync(path, { recursive: true, force: true })
    }
  }
}

function makeStagingDir(cacheDir: string): string {
  try {
    mkdirSync(cacheDir, { recursive: true })
    removeStaleStaging(cacheDir)
    return mkdtempSync(join(cacheDir, `${prefix}${thisHost()}-${process.pid}-`))
  } catch (error) {
    throw new LabError(`Cannot write the cache of programs, ${cacheDir}`, {
      why: error instanceof Error ? error.message : String(error),
      next: 'set XDG_CACHE_HOME to a folder that can be written',
      cause: error,
    })
  }
}

/** Rejects some seconds after the signal: what `body` started has that long to end by itself. */
async function abortion(signal: AbortSignal): Promise<never> {
  await new Promise(resolve => signal.addEventListener('abort', resolve, { once: true }))
  await sleep(3_000, undefined, { ref: false })
  throw signal.reason
}

function thisHost(): string {
  return hostname().replace(/[^A-Za-z0-9.]/g, '_')
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return systemErrorCode(error) === 'EPERM'
  }
}

function isOlderThanADay(path: string): boolean {
  const stat = statSync(path, { throwIfNoEntry: false })
  return stat !== undefined && Date.now() - stat.mtimeMs > dayMs
}
