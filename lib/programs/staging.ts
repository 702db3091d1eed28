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
import { LabError, messageOf, systemErrorCode } from '../cli/errors.ts'

const dayMs = 24 * 60 * 60 * 1000
const prefix = '.tmp-'

/**
 * Runs `body` with a temporary folder in the cache, from which a finished program is renamed into place, and removes the folder afterwards.
 * SIGINT and SIGTERM abort the signal of `body`, and take effect when the folder is removed. It first removes the folders of dead processes.
 *
 * Throws a LabError when the cache cannot be written.
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

/** Moves a finished program, or its folder, into the cache in one step, so that other processes see the old or the new one. */
export function moveIntoCache(stagedPath: string, cachedPath: string): void {
  chmodSync(stagedPath, 0o755)
  // Without fsync a crash can leave the renamed file empty.
  const file = openSync(stagedPath, 'r')
  fsyncSync(file)
  closeSync(file)
  // A rename does not replace a folder. The existing one is the same, or incomplete.
  if (statSync(stagedPath).isDirectory()) rmSync(cachedPath, { recursive: true, force: true })
  renameSync(stagedPath, cachedPath)
}

/** Removes the staging folders of ended processes. */
export function removeStaleStaging(cacheDir: string): void {
  for (const name of readdirSync(cacheDir)) {
    const [, host, pid] = /^\.tmp-(.+)-(\d+)-[^-]+$/.exec(name) ?? []
    if (host === undefined) continue
    const path = join(cacheDir, name)
    // A pid is valid only on this host. For other machines or containers that share this folder, the age decides.
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
      why: messageOf(error),
      next: 'set XDG_CACHE_HOME to a folder that can be written',
      cause: error,
    })
  }
}

/** Rejects three seconds after the signal, the time for `body` to end by itself. */
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
