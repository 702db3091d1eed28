import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { atExit, endProcessSync } from './at-exit.ts'
import { engineVersion, missingCommands } from './requirements.ts'

/** A Docker engine for tests. */
export interface Engine {
  /** `DOCKER_HOST`, or undefined for the engine that answers anyway. */
  host: string | undefined
  /** Only of one that the tests have started: ends it, its containers go on ending with it, and starts it again. */
  restart: { stop: () => void; start: () => Promise<void> } | undefined
  /** Ends one that the tests have started, and removes its folder. */
  end: () => void
}

/**
 * The engine that the docker command reaches; where none answers, and this is root with a dockerd on PATH, one that is started
 * with a socket and a folder of its own. Else why there is none.
 */
export async function haveEngine(): Promise<Engine | { reason: string }> {
  if (engineVersion(process.env) !== '') return { host: undefined, restart: undefined, end: () => {} }
  const missing = missingCommands('docker')
  if (missing.length > 0) return { reason: `no Docker engine answers, and there is no ${missing.join(', ')}` }
  if (process.getuid?.() !== 0) return { reason: 'no Docker engine answers, and only root may start one' }
  const dir = mkdtempSync(join(tmpdir(), 'engine-'))
  const host = `unix://${join(dir, 'docker.sock')}`
  let engine: ChildProcess | undefined
  const start = async () => {
    engine = startEngine(dir, host)
    const until = Date.now() + 60_000
    while (engineVersion({ ...process.env, DOCKER_HOST: host }) === '') {
      if (Date.now() > until || engine.exitCode !== null) {
        const log = existsSync(join(dir, 'log')) ? readFileSync(join(dir, 'log'), 'utf8') : ''
        throw new Error(`dockerd does not answer: ${log.slice(-1_000)}`)
      }
      await sleep(250)
    }
  }
  const stop = () => {
    // It stops its containers first, each within ten seconds.
    if (engine?.pid !== undefined && engine.exitCode === null) endProcessSync(engine.pid, 60_000)
  }
  const end = atExit(() => {
    stop()
    rmSync(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 500 })
  })
  try {
    await start()
  } catch (error) {
    end()
    return { reason: error instanceof Error ? error.message : String(error) }
  }
  return { host, restart: { stop, start }, end }
}

function startEngine(dir: string, host: string): ChildProcess {
  const at = (name: string) => join(dir, name)
  const args = [
    ...['--host', host, '--data-root', at('data'), '--exec-root', at('exec'), '--pidfile', at('pid')],
    // No bridge of its own, which another engine may have; networks in a range that is seldom taken.
    ...['--bridge', 'none', '--default-address-pool', 'base=10.214.0.0/16,size=24'],
  ]
  return spawn('sh', ['-c', 'log=$1; shift; exec dockerd "$@" >> "$log" 2>&1', 'sh', at('log'), ...args], {
    stdio: 'ignore',
  })
}
