/**
 * Runs groups of tests and ends with the line `N passed, N failed, N skipped`.
 *
 *   tsx test/run.ts unit          # test/lib, test/dashboards and test/tasks: no cluster
 *   tsx test/run.ts unit e2e      # and test/e2e: clusters of their own
 *   tsx test/run.ts unit settings # only files whose path has "settings" in it
 *   AT_ONCE=2 tsx test/run.ts e2e # two files at once, where there are cores enough
 */
import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join, relative } from 'node:path'

/** Folders of each group, how long one file of it may take (uvu itself has no limit), and how many run at once. */
const groups: Record<string, { folders: string[]; limitMs: number; atOnce: number }> = {
  unit: { folders: ['lib', 'dashboards', 'tasks'], limitMs: 4 * 60_000, atOnce: 2 },
  // Each file has ports, folders and a cluster of its own, but two labs are more than two cores keep up with: what has a time limit fails.
  e2e: { folders: ['e2e'], limitMs: 25 * 60_000, atOnce: 1 },
}
/** Files that take longest, to be begun first: the last to end is then a short one. */
const longest = ['docker', 'bad-luck', 'real-node', 'verify', 'page', 'control-plane']

interface Outcome {
  passed: number
  failed: number
  skipped: number
}

const words = process.argv.slice(2)
const chosen = words.filter(word => word in groups)
const filters = words.filter(word => !(word in groups))
const total: Outcome = { passed: 0, failed: 0, skipped: 0 }
for (const name of chosen.length === 0 ? Object.keys(groups) : chosen) {
  const group = groups[name]
  if (group === undefined) continue
  const files = group.folders.flatMap(testFiles)
  const wanted = files.filter(file => filters.length === 0 || filters.some(filter => file.includes(filter)))
  const queue = wanted.sort((a, b) => rank(a) - rank(b)).values()
  const work = async (slot: number) => {
    for (const file of queue) add(await runFile(file, { slot, limitMs: group.limitMs }))
  }
  const atOnce = Number(process.env['AT_ONCE'] || group.atOnce)
  await Promise.all(Array.from({ length: atOnce }, (_, slot) => work(slot)))
}
if (total.passed + total.failed === 0)
  process.stderr.write('No test was run\n  Next: name unit, e2e or a part of a path\n')
if (total.passed === 0 || total.failed > 0) process.exitCode = 1
process.stdout.write(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`)

function add({ passed, failed, skipped }: Outcome): void {
  total.passed += passed
  total.failed += failed
  total.skipped += skipped
}

function rank(file: string): number {
  const at = longest.findIndex(name => file.endsWith(`${name}.test.ts`))
  return at === -1 ? longest.length : at
}

function testFiles(folder: string): string[] {
  return readdirSync(join(import.meta.dirname, folder), { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith('.test.ts'))
    .map(file => join(folder, file))
    .sort()
}

/** Each file has a process of its own: what it leaves in memory, or that it can't be loaded, is no other file's matter. */
async function runFile(file: string, { slot, limitMs }: { slot: number; limitMs: number }): Promise<Outcome> {
  const startedMs = Date.now()
  const uvu = join(import.meta.dirname, '..', 'node_modules', 'uvu', 'bin.js')
  const pattern = `^${file.replaceAll('.', '\\.')}$`
  const child = spawn(process.execPath, ['--import', 'tsx', uvu, '--no-color', import.meta.dirname, pattern], {
    stdio: ['ignore', 'pipe', 'pipe'],
    // Slots are for what two files that run at once must not share.
    env: { ...process.env, NO_COLOR: '1', TEST_SLOT: String(slot) },
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
  }
  const timer = setTimeout(() => child.kill('SIGKILL'), limitMs)
  const code = await new Promise<number | null>(resolve => child.once('close', resolve))
  clearTimeout(timer)
  const seconds = Math.round((Date.now() - startedMs) / 1000)
  const outcome = readOutcome(output, code)
  const { passed, failed, skipped } = outcome
  const label = relative(process.cwd(), join(import.meta.dirname, file))
  process.stdout.write(
    `${failed > 0 ? 'FAILED' : 'ok    '} ${label}: ${passed} passed, ${skipped} skipped (${seconds} s)\n`,
  )
  // Why, in the file's own words.
  for (const [line] of output.matchAll(/^Skipped: .*$/gm)) process.stdout.write(`       ${line}\n`)
  if (failed > 0) process.stdout.write(`${code === null ? `stopped after ${seconds} s\n` : ''}${output}\n`)
  return outcome
}

/** What uvu's closing lines say; a file that did not get that far, or failed without a count, has failed once. */
function readOutcome(output: string, code: number | null): Outcome {
  const count = (word: string) => Number(new RegExp(`^\\s*${word}:\\s+(\\d+)`, 'm').exec(output)?.[1] ?? 0)
  const [all, passed, skipped] = [count('Total'), count('Passed'), count('Skipped')]
  const failed = all - passed
  return { passed, skipped, failed: failed === 0 && (code !== 0 || all === 0) ? 1 : failed }
}
