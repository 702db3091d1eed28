import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { appendFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import { cloneProject } from '../../support/lab.ts'
import { tempDir } from '../../support/temp-lab.ts'

const bundled = suite<{ project: string }>('lib/cli/bundled.js')
bundled.before(context => {
  context.project = join(tempDir(), 'clone')
  cloneProject(context.project)
  // A bundle of all tasks takes five times as long.
  for (const task of readdirSync(join(context.project, 'tasks')))
    if (task !== 'kwok-heal.ts') rmSync(join(context.project, 'tasks', task))
})

function run(project: string, ...words: readonly string[]) {
  const script = join(project, 'lib', 'cli', 'bundled.js')
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...words], { encoding: 'utf8', cwd: project })
  return { status, stdout, stderr }
}

bundled('runs a task with its arguments, and ends with its exit code', ({ project }) => {
  const { status, stdout, stderr } = run(project, 'tasks/kwok-heal.ts', '--help')
  assert.deepEqual([status, stderr], [0, ''])
  assert.match(stdout, /--scenario <value>/)
  const wrong = run(project, 'tasks/kwok-heal.ts', '--no-such-flag')
  assert.equal(wrong.status, 2)
  assert.match(wrong.stderr, /--no-such-flag/)
})

bundled('runs what a source says now, and a new task', ({ project }) => {
  writeFileSync(join(project, 'lib', 'added.ts'), `export const word: string = 'first'\n`)
  const body = `import { word } from '../lib/added.ts'\nconsole.log(word, import.meta.dirname, process.argv.slice(2))\n`
  writeFileSync(join(project, 'tasks', 'added.ts'), body)
  const line = (word: string) => `${word} ${join(project, 'tasks')} [ '7' ]\n`
  assert.deepEqual(run(project, 'tasks/added.ts', '7'), { status: 0, stdout: line('first'), stderr: '' })
  writeFileSync(join(project, 'lib', 'added.ts'), `export const word: string = 'other'\n`)
  assert.deepEqual(run(project, 'tasks/added.ts', '7'), { status: 0, stdout: line('other'), stderr: '' })
})

bundled('names the line of a source that is not valid, and runs again when it is', ({ project }) => {
  rmSync(join(project, 'tasks', 'added.ts'))
  const file = join(project, 'lib', 'cli', 'table.ts')
  appendFileSync(file, 'const = 1\n')
  const { status, stderr } = run(project, 'tasks/kwok-heal.ts', '--help')
  assert.equal(status, 1)
  assert.match(stderr, /lib\/cli\/table\.ts:\d+:\d+/)
  writeFileSync(file, `export const formatTable = () => ''\n`)
  assert.equal(run(project, 'tasks/kwok-heal.ts', '--help').status, 0)
})
bundled.run()
