/**
 * Runs test files one after the other in this process, each between two lines that `readFileRuns` of files-output.ts reads.
 *
 *   tsx test/support/run-files.ts $PWD/test/lib/a.test.ts $PWD/test/lib/b.test.ts
 *
 * What a file changes in the process is restored after it. The process ends at a file of which something still runs `SETTLE_MS` after its
 * last test.
 */
import { pathToFileURL } from 'node:url'
import './at-exit.ts'
import { endLine, startLine } from './files-output.ts'

/** How long servers, requests and timers of a file may take to end. */
const SETTLE_MS = Number(process.env['SETTLE_MS'] ?? 60_000)

declare global {
  /** With it, uvu leaves it to its caller to run the suites. */
  var UVU_DEFER: number
  /** A name and suites for each file. */
  var UVU_QUEUE: unknown[][]
}
globalThis.UVU_DEFER = 1
const { exec } = await import('uvu')

// Files remove their folders when the process exits.
process.setMaxListeners(0)
const { env, argv } = process
const before = { env: { ...env }, cwd: process.cwd() }

// Without a top-level await: Node.js ends a process that has nothing else to wait for.
void runAll()

async function runAll(): Promise<void> {
  for (const file of argv.slice(2)) {
    process.stdout.write(startLine(file))
    const code = await runFile(file)
    await settle()
    process.exitCode = undefined
    Object.assign(process, { env, argv })
    for (const name of Object.keys(env)) if (!(name in before.env)) delete env[name]
    Object.assign(env, before.env)
    process.chdir(before.cwd)
    process.stdout.write(endLine(code))
  }
}

async function runFile(file: string): Promise<number> {
  globalThis.UVU_QUEUE.splice(0, Number.POSITIVE_INFINITY, [file])
  try {
    await import(pathToFileURL(file).href)
    await exec()
    return Number(process.exitCode ?? 0)
  } catch (error) {
    process.stdout.write(`${error instanceof Error ? error.stack : error}\n`)
    return 1
  }
}

/** Waits until nothing keeps the process running. */
async function settle(): Promise<void> {
  const timer = setTimeout(() => {
    const left = process.getActiveResourcesInfo().join(', ')
    process.stdout.write(`\nStill active ${SETTLE_MS / 1000} s after the last test: ${left}\n`)
    process.exit(1)
  }, SETTLE_MS)
  timer.unref()
  await new Promise<void>(resolve => process.once('beforeExit', () => setImmediate(resolve)))
  clearTimeout(timer)
}
