/**
 * Runs groups of tests and ends with the line `N passed, N failed, N skipped`.
 *
 *   tsx test/run.ts unit          # test/lib, test/dashboards, test/tasks and test/support: no cluster
 *   tsx test/run.ts unit e2e      # and test/e2e: clusters of their own
 *   tsx test/run.ts long          # test/long, and bad-luck, docker and real-node with all their tests: not needed for each change
 *   tsx test/run.ts unit settings # only files whose path has "settings" in it
 *   AT_ONCE=1 tsx test/run.ts unit e2e # one file at a time, on a slow machine
 *   REQUIRE=docker tsx test/run.ts e2e docker # fails where these tests would be skipped
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync } from 'node:fs'
import { constants, setPriority, tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { describeError, LabError } from '../lib/cli/errors.ts'
import { signalProcess } from '../lib/system/processes.ts'
import { installRequirements } from './support/apt.ts'
import { type FileRun, readFileRuns } from './support/files-output.ts'
import { type Outcome, readOutcome, readSkips } from './support/outcome.ts'
import { parseRequire, type RequirementName, requirementsOf } from './support/requirements.ts'

interface Group {
  folders: readonly string[]
  /** Folders below those whose files are not part of the group. */
  without?: readonly string[]
  /** How long one file may take; uvu itself has no limit. */
  limitMs: number
  /** The files of a folder share a process: most of the time of a short file is that of loading the project. */
  sharesProcess?: boolean
  /** How many files run at once. */
  atOnce: number
  /** The slot of the first of them: files that run at the same time have different ones, also those of another group. */
  firstSlot: number
  /** nice(1) of the files, and of the labs that they start. */
  niceness: number
  /** The files that run first, in this order; then all others. */
  first: readonly string[]
  /** Environment variables of the files. */
  env?: Readonly<Record<string, string>>
  /** The files use one lab (support/shared-lab.ts), which is taken down after the last of them. */
  sharesLab?: boolean
  /** Groups of one lane run one after the other, those of different lanes at the same time. Default: the group has its own. */
  lane?: string
}

const SHARED = 'e2e/shared'
/** What needs no Online Boutique, on two more shared labs, so that the lanes take equally long. */
const PLAIN = 'e2e/plain'
const NODES = 'e2e/nodes'

/**
 * The lanes of `make test` run at the same time: a lab waits most of the time. Where tests have limits of seconds, on the shared lab, they
 * have priority over the other labs, and these over the unit tests.
 */
const groups: Record<string, readonly Group[]> = {
  unit: [
    {
      folders: ['lib', 'dashboards', 'tasks', 'support'],
      limitMs: 15 * 60_000,
      sharesProcess: true,
      atOnce: 2,
      firstSlot: 0,
      niceness: 10,
      // The longest.
      first: ['lib/programs/staging', 'lib/render/page/create-pages'],
      lane: 'short',
    },
  ],
  e2e: [
    {
      folders: [SHARED],
      limitMs: 25 * 60_000,
      atOnce: 1,
      firstSlot: 2,
      niceness: 0,
      first: [
        // These read.
        ...['verify', 'kwok', 'control-plane', 'traces', 'stats-proxy', 'kubelets', 'page'],
        // verify needs a lab whose parts have run all the time; kwok-down ends it.
        ...['verify', 'traces', 'control-plane', 'page', 'kwok-down'].map(each => `changes/${each}`),
      ].map(name => `${SHARED}/${name}`),
      sharesLab: true,
      sharesProcess: true,
    },
    {
      folders: ['e2e'],
      without: [SHARED, PLAIN, NODES],
      limitMs: 25 * 60_000,
      atOnce: 1,
      firstSlot: 3,
      niceness: 5,
      first: [],
      lane: 'labs',
    },
    {
      folders: [NODES],
      limitMs: 25 * 60_000,
      atOnce: 1,
      firstSlot: 3,
      niceness: 0,
      first: [],
      sharesLab: true,
      sharesProcess: true,
      lane: 'labs',
    },
    {
      folders: [PLAIN],
      limitMs: 25 * 60_000,
      atOnce: 1,
      firstSlot: 4,
      niceness: 0,
      // verify needs a lab whose parts have run all the time.
      first: ['metrics', 'rules', 'scenarios'].map(name => `${PLAIN}/${name}`),
      sharesLab: true,
      sharesProcess: true,
      lane: 'short',
    },
  ],
  // Each scenario is started twice. Of e2e the files that have tests of `inLong`, with these.
  long: [
    {
      folders: ['long', 'e2e'],
      without: [SHARED, PLAIN, NODES],
      limitMs: 5 * 3_600_000,
      atOnce: 1,
      firstSlot: 2,
      niceness: 0,
      first: [],
      env: { TEST_LONG: 'true' },
    },
  ],
}
/** How long a test file may take to clean up when it is told to end. */
const CLEAN_UP_MS = 2 * 60_000

const running = new Set<ChildProcess>()
/** The folders of shared labs, while there may be some. */
const sharedLabs = new Set<string>()
let isEnding = false
for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) {
  process.on(signal, async () => {
    if (isEnding) return
    isEnding = true
    process.stderr.write(`${signal}: ending what runs, which cleans up first\n`)
    await Promise.all([...running].map(end))
    await Promise.all([...sharedLabs].map(closeSharedLab))
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
    .flatMap(([, each]) => each)
    .map(group => ({ group, files: testFiles(group).filter(isWanted(filters)).sort(byOrder(group.first)) }))
  const required = parseRequire(process.env['REQUIRE'] ?? '')
  const needed = requirementsOf(chosen.flatMap(({ files }) => files))
  const problems = await installRequirements(needed)
  // Builds of its programs take longer than a file may.
  if (needed.includes('real-node') && !problems.has('real-node')) {
    const { realNodeProblem } = await import('./e2e/real-node/programs.ts')
    await realNodeProblem()
  }
  const total: Outcome = { passed: 0, failed: 0, skipped: 0 }
  const limit = Number(process.env['AT_ONCE'] || Number.POSITIVE_INFINITY)
  const runGroup = async ({ group, files }: (typeof chosen)[number]) => {
    if (files.length === 0) return
    const sharedLab = group.sharesLab === true ? mkdtempSync(join(tmpdir(), 'shared-lab-')) : undefined
    if (sharedLab !== undefined) sharedLabs.add(sharedLab)
    const queue = batches(files, group).values()
    const work = async (slot: number) => {
      for (const batch of queue) {
        let rest = batch
        // After a file that has ended the process, another one runs the others.
        while (rest.length > 0 && !isEnding) {
          const outcomes = await runFiles(rest, { slot, group, sharedLab, required, problems })
          for (const { passed, failed, skipped } of outcomes) {
            total.passed += passed
            total.failed += failed
            total.skipped += skipped
          }
          rest = rest.slice(outcomes.length)
        }
      }
    }
    await Promise.all(Array.from({ length: Math.min(limit, group.atOnce) }, (_, slot) => work(slot)))
    if (sharedLab !== undefined && !isEnding) await closeSharedLab(sharedLab)
  }
  const lanes = new Map<string | symbol, typeof chosen>()
  for (const each of chosen) {
    const lane = limit === 1 ? 'all' : (each.group.lane ?? Symbol('its own'))
    lanes.set(lane, [...(lanes.get(lane) ?? []), each])
  }
  await Promise.all(
    [...lanes.values()].map(async lane => {
      for (const each of lane) await runGroup(each)
    }),
  )
  if (isEnding) return
  const { passed, failed, skipped } = total
  const isNone = passed + failed + skipped === 0
  if (isNone) process.stderr.write('No test was run\n  Next: name unit, e2e or a part of a path\n')
  if (isNone || failed > 0) process.exitCode = 1
  process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`)
}

function testFiles({ folders, without = [] }: Group): string[] {
  const files = folders.flatMap(folder =>
    readdirSync(join(import.meta.dirname, folder), { recursive: true, encoding: 'utf8' }).map(file =>
      join(folder, file),
    ),
  )
  return files.filter(file => file.endsWith('.test.ts') && !without.some(folder => file.startsWith(`${folder}/`)))
}

function isWanted(filters: readonly string[]): (file: string) => boolean {
  return file => filters.length === 0 || filters.some(filter => file.includes(filter))
}

function byOrder(first: readonly string[]): (a: string, b: string) => number {
  const rank = (file: string) => {
    const at = first.indexOf(file.replace(/\.test\.ts$/, ''))
    return at === -1 ? first.length : at
  }
  return (a, b) => rank(a) - rank(b) || (a < b ? -1 : 1)
}

/** The files that share a process. */
function batches(files: readonly string[], { sharesProcess = false }: Group): string[][] {
  const byFolder = new Map<string, string[]>()
  for (const file of files) {
    const key = sharesProcess ? dirname(file).split('/').slice(0, 2).join('/') : file
    byFolder.set(key, [...(byFolder.get(key) ?? []), file])
  }
  return [...byFolder.values()]
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

/** Takes a shared lab down: in a process of its own, which no signal of a terminal reaches. */
async function closeSharedLab(sharedLab: string): Promise<void> {
  const close = join(import.meta.dirname, 'support', 'close-shared-lab.ts')
  const child = spawn(process.execPath, ['--import', 'tsx', close, sharedLab], { stdio: 'inherit', detached: true })
  await new Promise(resolve => child.once('close', resolve))
  sharedLabs.delete(sharedLab)
}

interface FileOptions {
  slot: number
  group: Group
  sharedLab: string | undefined
  required: readonly RequirementName[]
  problems: ReadonlyMap<RequirementName, string>
}

/** Runs files in one process until it ends. Returns the outcomes of those that it came to, at least one. */
async function runFiles(
  files: readonly string[],
  { slot, group, sharedLab, required, problems }: FileOptions,
): Promise<Outcome[]> {
  const main = join(import.meta.dirname, 'support', 'run-files.ts')
  const paths = files.map(file => join(import.meta.dirname, file))
  // One pipe for both streams keeps their order.
  const words = ['-c', 'exec "$@" 2>&1', 'sh', process.execPath, '--import', 'tsx', main, ...paths]
  const child = spawn('/bin/sh', words, {
    stdio: ['ignore', 'pipe', 'inherit'],
    // A process group of its own: a terminal's Ctrl-C comes to it from here, once.
    detached: true,
    // Slots are for what two files that run at once must not share.
    env: {
      ...process.env,
      NO_COLOR: '1',
      TEST_SLOT: String(group.firstSlot + slot),
      ...group.env,
      ...(sharedLab === undefined ? {} : { SHARED_LAB: sharedLab }),
    },
  })
  running.add(child)
  try {
    if (child.pid !== undefined) setPriority(child.pid, group.niceness)
  } catch {
    // It has ended already.
  }
  let output = ''
  let isLate = false
  let startedMs = Date.now()
  const late = () => {
    isLate = true
    void end(child)
  }
  let timer = setTimeout(late, group.limitMs)
  const outcomes: Outcome[] = []
  const report = ({ file, output: text, code }: FileRun, exitCode: number | null) => {
    const seconds = Math.round((Date.now() - startedMs) / 1000)
    const outcome = readOutcome({ output: text, code: code ?? (exitCode || 1) }, required)
    const { passed, failed, skipped } = outcome
    const label = relative(process.cwd(), file)
    process.stdout.write(
      `${failed > 0 ? 'FAILED' : 'ok    '} ${label}: ${passed} passed, ${skipped} skipped (${seconds} s)\n`,
    )
    for (const [name, reason] of readSkips(text)) {
      const why = [reason, ...(problems.has(name) ? [problems.get(name)] : [])].join('; ')
      process.stdout.write(`       ${required.includes(name) ? 'Required but not met' : 'Skipped'}: ${name}: ${why}\n`)
    }
    if (failed > 0) process.stdout.write(`${isLate ? `stopped after ${seconds} s\n` : ''}${text}\n`)
    outcomes.push(outcome)
    startedMs = Date.now()
  }
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString()
    const ended = readFileRuns(output).filter(({ code }) => code !== undefined)
    for (const run of ended.slice(outcomes.length)) {
      report(run, 0)
      clearTimeout(timer)
      timer = setTimeout(late, group.limitMs)
    }
  })
  const exitCode = await new Promise<number | null>(resolve => child.once('close', resolve))
  running.delete(child)
  clearTimeout(timer)
  const [cut] = readFileRuns(output).slice(outcomes.length)
  const [file = paths.at(-1) ?? ''] = paths.slice(outcomes.length)
  if (cut !== undefined) report(cut, exitCode)
  else if (outcomes.length < files.length || exitCode !== 0) report({ file, output, code: undefined }, exitCode)
  return outcomes
}
