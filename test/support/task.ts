import { type SpawnSyncReturns, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { projectDir } from '../../lib/lab.ts'

/** Runs a task to its end, as a person would. */
export function runTask(name: string, args: string[], env: NodeJS.ProcessEnv): SpawnSyncReturns<string> {
  const file = join(projectDir, 'tasks', `${name}.ts`)
  return spawnSync(process.execPath, ['--import', import.meta.resolve('tsx'), file, ...args], { env, encoding: 'utf8' })
}

/** The environment of a machine that has no tools and no network: whatever is downloaded goes by a proxy that refuses. */
export function bareMachine(dir: string): NodeJS.ProcessEnv {
  const noNet = { HTTPS_PROXY: 'http://127.0.0.1:9', HTTP_PROXY: 'http://127.0.0.1:9' }
  return { ...noNet, HOME: dir, PATH: join(dir, 'none'), XDG_CACHE_HOME: dir }
}
