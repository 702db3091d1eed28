/**
 * Runs groups of tests and ends with the line `N passed, N failed, N skipped`.
 *
 *   tsx test/run.ts unit          # test/lib, test/dashboards, test/tasks and test/support: no cluster
 *   tsx test/run.ts unit e2e      # and test/e2e: clusters of their own
 *   tsx test/run.ts long          # test/long: long tests, not needed for each change
 *   tsx test/run.ts unit settings # only files whose path has "settings" in it
 *   AT_ONCE=2 tsx test/run.ts e2e # two files at once
 *   REQUIRE=docker tsx test/run.ts e2e docker # fails where these tests would be skipped
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { constants, setPriority } from 'node:os'
import { join, relative } from 'node:path'
import { describeError, LabError } from '../lib/cli/errors.ts'
import { signalProcess } from '../lib/system/processes.ts'
import { installRequirements } from './support/apt.ts'
import { type Outcome, readOutcome, readSkips } from './support/outcome.ts'
import { parseRequire, type RequirementName, requirementsOf } from './support/requirements.ts'

interface Group {
  folders: readonly string[]
  /** How long one file may take; uvu itself has no limit. */
  limitMs: number
  /** How many files run at once. */
  atOnce: number
  /** The slot of the first of them: files that run at the same time have different ones, also those of another group. */
  firstSlot: number
  /** How much the files give way to others, as nice(1) has it. */
  niceness?: number
}

/**
 * Both groups of `make test` run at the same time: labs wait most of the time, and unit tests use the cores meanwhile. Two labs at once are
 * more than two cores keep up with: tests with time limits fail.
 */
const groups: Record<string, Group> = {
  unit: {
    folders: ['lib', 'dashboards', 'tasks', 'support'],
    limitMs: 8 * 60_000,
    atOnce: 2,
    firstSlot: 0,
    niceness: 5,
  },
  e2e: { folders: ['e2e'], limitMs: 25 * 60_000, atOnce: 1, firstSlot: 2 },
  long: { folders: ['long'], limitMs: 40 * 60_000, atOnce: 1, firstSlot: 2 },
}
/** Files to begin with: the longest of the unit tests, and labs that unit tests beside them disturb least. `page` and `docker` come when those have ended. */
const first = ['staging', 'all', 'bad-luck', 'verify', 'control-plane', 'real-node', 'kwok', 'traces', 'stats-proxy']
const last = ['page', 'docker']
/** How long a test file may take to clean up when it is told to end. */
const CLEAN_UP_MS = 2 * 60_000

const running = new Set<ChildProcess>()
let isEnding = false
for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) {
  process.on(signal, async () => {
    if (isEnding) return
    isEnding = true
    process.stderr.write(`${signal}: ending what runs, which cleans up first\n`)
    await Promise.all([...running].map(end))
    process.exit(128 + constants.signals[signal])
  })
}

try {
  await main()
} catch (error) {
  if (!(error instanceof LabError)) throw error
  process.stderr.write(`${describeError(error)}\n`)
  process.exitCode = error.exitCode
}

async function main(): Promise<void> {
  const words = process.argv.slice(2)
  const filters = words.filter(word => !(word in groups))
  const chosen = Object.entries(groups)
    .filter(([name]) => words.includes(name) || filters.length === words.length)
    .map(([, group]) => ({ group, files: group.folders.flatMap(testFiles).filter(isWanted(filters)).sort(byRank) }))
  const required = parseRequire(process.env['REQUIRE'] ?? '')
  const needed = requirementsOf(chosen.flatMap(({ files }) => files))
  const problems = await installRequirements(needed)
  const total: Outcome = { passed: 0, failed: 0, skipped: 0 }
  const runGroup = async ({ group, files }: (typeof chosen)[number]) => {
    const queue = files.values()
    const work = async (slot: number) => {
      for (const file of queue) {
        if (isEnding) return
        const { passed, failed, skipped } = await runFile(file, { slot, group, required, problems })
        total.passed += passed
        total.failed += failed
        total.skipped += skipped
      }
    }
    const atOnce = Number(process.env['AT_ONCE'] || group.atOnce)
    await Promise.all(Array.from({ length: atOnce }, (_, slot) => work(slot)))
  }
  await Promise.all(chosen.map(runGroup))
  if (isEnding) return
  const { passed, failed, skipped } = total
  const isNone = passed + failed + skipped === 0
  if (isNone) process.stderr.write('No test was run\n  Next: name unit, e2e or a part of a path\n')
  if (isNone || failed > 0) process.exitCode = 1
  process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`)
}

function testFiles(folder: string): string[] {
  return readdirSync(join(import.meta.dirname, folder), { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith('.test.ts'))
    .map(file => join(folder, file))
}

function isWanted(filters: readonly string[]): (file: string) => boolean {
  return file => filters.length === 0 || filters.some(filter => file.includes(filter))
}

function byRank(a: string, b: string): number {
  const at = (names: readonly string[], file: string) => names.findIndex(name => file.endsWith(`/${name}.test.ts`))
  const rank = (file: string) => {
    const index = at(first, file)
    return index === -1 ? first.length + 1 + at(last, file) : index
  }
  return rank(a) - rank(b) || (a < b ? -1 : 1)
}

/** Ends a child and what it has started in its process group. Ends within `CLEAN_UP_MS`. */
async function end(child: ChildProcess): Promise<void> {
  const exited = new Promise<void>(resolve => {
    if (child.exitCode !== null || child.signalCode !== null) resolve()
    else child.once('exit', () => resolve())
  })
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), CLEAN_UP_MS)
  await exited
  clearTimeout(timer)
  if (child.pid !== undefined) signalProcess(-child.pid, 'SIGKILL')
}

interface FileOptions {
  slot: number
  group: Group
  required: readonly RequirementName[]
  problems: ReadonlyMap<RequirementName, string>
}

/** Each file has a process of its own: what it leaves in memory, or that it can't be loaded, is no other file's matter. */
async function runFile(file: string, { slot, group, required, problems }: FileOptions): Promise<Outcome> {
  const startedMs = Date.now()
  const uvu = join(import.meta.dirname, '..', 'node_modules', 'uvu', 'bin.js')
  const atExit = join(import.meta.dirname, 'support', 'at-exit.ts')
  const pattern = `^${file.replaceAll('.', '\\.')}$`
  const words = ['--import', 'tsx', '--import', atExit, uvu, '--no-color', import.meta.dirname, pattern]
  const child = spawn(process.execPath, words, {
    stdio: ['ignore', 'pipe', 'pipe'],
    // A process group of its own: a terminal's Ctrl-C comes to it from here, once.
    detached: true,
    // Slots are for what two files that run at once must not share.
    env: { ...process.env, NO_COLOR: '1', TEST_SLOT: String(group.firstSlot + slot) },
  })
  running.add(child)
  try {
    if (group.niceness !== undefined && child.pid !== undefined) setPriority(child.pid, group.niceness)
  } catch {
    // It has ended already.
  }
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
  }
  let isLate = false
  const timer = setTimeout(() => {
    isLate = true
    void end(child)
  }, group.limitMs)
  const code = await new Promise<number | null>(resolve => child.once('close', resolve))
  running.delete(child)
  clearTimeout(timer)
  const seconds = Math.round((Date.now() - startedMs) / 1000)
  const outcome = readOutcome({ output, code }, required)
  const { passed, failed, skipped } = outcome
  const label = relative(process.cwd(), join(import.meta.dirname, file))
  process.stdout.write(
    `${failed > 0 ? 'FAILED' : 'ok    '} ${label}: ${passed} passed, ${skipped} skipped (${seconds} s)\n`,
  )
  for (const [name, reason] of readSkips(output)) {
    const why = [reason, ...(problems.has(name) ? [problems.get(name)] : [])].join('; ')
    process.stdout.write(`       ${required.includes(name) ? 'Required but not met' : 'Skipped'}: ${name}: ${why}\n`)
  }
  if (failed > 0) process.stdout.write(`${isLate ? `stopped after ${seconds} s\n` : ''}${output}\n`)
  return outcome
}
