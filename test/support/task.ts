import { type SpawnSyncReturns, spawnSync } from 'node:child_process'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { projectDir } from '../../lib/lab/lab.ts'

/** Runs a task to its end, as a person would, with a text for its standard input. */
export function runTask(name: string, args: string[], env: NodeJS.ProcessEnv, input = ''): SpawnSyncReturns<string> {
  const file = join(projectDir, 'tasks', `${name}.ts`)
  return spawnSync(process.execPath, [join(projectDir, 'lib', 'cli', 'bundled.js'), file, ...args], {
    env,
    encoding: 'utf8',
    input,
  })
}

/** The environment of a machine that has no tools and no network: whatever is downloaded goes by a proxy that refuses. */
export function bareMachine(dir: string): NodeJS.ProcessEnv {
  const noNet = { HTTPS_PROXY: 'http://127.0.0.1:9', HTTP_PROXY: 'http://127.0.0.1:9' }
  return { ...noNet, HOME: dir, PATH: join(dir, 'none'), XDG_CACHE_HOME: dir }
}

/** Runs with a proxy that answers every CONNECT with this status line, `403 Forbidden`. */
export async function withRefusingProxy(status: string, act: (url: string) => Promise<void>): Promise<void> {
  const proxy = createServer()
  proxy.on('connect', (_, socket) => socket.end(`HTTP/1.1 ${status}\r\n\r\n`))
  await new Promise<void>(resolve => proxy.listen(0, '127.0.0.1', resolve))
  try {
    await act(`http://127.0.0.1:${(proxy.address() as AddressInfo).port}`)
  } finally {
    await new Promise(resolve => proxy.close(resolve))
  }
}

/** How a task ended. */
export interface TaskOutcome {
  status: number
  stdout: string
  stderr: string
}

let imports = 0

/**
 * Runs a task in this process, which has loaded its modules already: for the many cases that differ in a flag or a variable. A file of
 * `tasks` runs when it is imported, and each URL is imported once. Two must not run at the same time.
 */
export async function importTask(
  file: string,
  args: readonly string[],
  { env, project = projectDir, cwd = process.cwd() }: { env: NodeJS.ProcessEnv; project?: string; cwd?: string },
): Promise<TaskOutcome> {
  const path = join(project, 'tasks', file)
  const output = { stdout: '', stderr: '' }
  const { argv, env: ownEnv } = process
  const ownCwd = process.cwd()
  const writes = { stdout: process.stdout.write, stderr: process.stderr.write }
  Object.assign(process, { argv: [process.execPath, path, ...args], env })
  for (const stream of ['stdout', 'stderr'] as const) {
    process[stream].write = (chunk: string | Uint8Array) => {
      output[stream] += chunk.toString()
      return true
    }
  }
  try {
    process.chdir(cwd)
    await import(`${pathToFileURL(path)}?${imports++}`)
    return { status: Number(process.exitCode ?? 0), ...output }
  } finally {
    Object.assign(process, { argv, env: ownEnv, exitCode: undefined })
    process.chdir(ownCwd)
    for (const stream of ['stdout', 'stderr'] as const) process[stream].write = writes[stream]
  }
}
