import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import { cacheDir } from '../../lib/programs/find-program.ts'
import { catalog, kwokPrograms } from '../../lib/programs/program-catalog.ts'
import { releasePath, script, writeProgram } from '../lib/programs/program-fixture.ts'
import { bareMachine, importTask } from '../support/task.ts'

const task = suite<{ dir: string; env: NodeJS.ProcessEnv }>('tasks/programs')
task.before.each(context => {
  context.dir = mkdtempSync(join(tmpdir(), 'lab-programs-'))
  context.env = bareMachine(context.dir)
})
task.after.each(({ dir }) => rmSync(dir, { recursive: true, force: true }))

const start = async (env: NodeJS.ProcessEnv, ...args: string[]) => await importTask('programs.ts', args, { env })

function fillCache(env: NodeJS.ProcessEnv): void {
  for (const { programs, version } of catalog) {
    for (const { name } of programs.filter(each => each.name !== 'grafana')) {
      writeProgram(releasePath({ env }, name, version), script(name, version))
    }
  }
}

task('prints a line for each program and where it is', async ({ env }) => {
  fillCache(env)
  const { status, stdout, stderr } = await start(env)
  assert.equal(stderr, '')
  assert.equal(status, 0)
  const lines = stdout.trimEnd().split('\n')
  assert.equal(lines.length, kwokPrograms.length)
  for (const line of lines) assert.match(line, /^\S+\s+\d+\.\d+\.\d+(-rc\d+)?\s+cache: \/\S+$/)
})

task(
  'names Grafana’s program where it is there, and refuses a variable for it that names nothing',
  async ({ env, dir }) => {
    fillCache(env)
    const GRAFANA_BINARY = writeProgram(join(dir, 'grafana'), script('grafana', '0'))
    const there = await start({ ...env, GRAFANA_BINARY })
    assert.deepEqual([there.status, there.stderr], [0, ''])
    assert.match(there.stdout, /^grafana +\d+\.\d+\.\d+ +GRAFANA_BINARY: \//m)
    assert.doesNotMatch((await start({ ...env, GRAFANA_BINARY, GRAFANA: 'page' })).stdout, /grafana/)
    const { status, stdout, stderr } = await start({ ...env, GRAFANA_BINARY: '/nowhere/grafana' })
    assert.deepEqual([status, stdout], [2, ''])
    assert.match(stderr, /^Cannot run grafana: GRAFANA_BINARY=\/nowhere\/grafana is not /)
  },
)

task('refuses a variable that names nothing, with 2, before anything changes', async ({ env }) => {
  fillCache(env)
  const before = readdirSync(cacheDir(env))
  const { status, stdout, stderr } = await start({ ...env, KUBECTL_BINARY: '/nowhere/kubectl' })
  assert.deepEqual([status, stdout], [2, ''])
  assert.match(stderr, /^Cannot run kubectl: KUBECTL_BINARY=\/nowhere\/kubectl is not .*\n {2}Next: set KUBECTL_BINARY/)
  assert.deepEqual(readdirSync(cacheDir(env)), before)
})

task('refuses a misspelt flag by name', async ({ env }) => {
  const { status, stderr } = await start(env, '--forse')
  assert.equal(status, 2)
  assert.match(stderr, /--forse/)
})

task('reports the reason of each source when a program is unavailable', async ({ env }) => {
  const { status, stdout, stderr } = await start(env)
  assert.deepEqual([status, stdout], [1, ''])
  assert.match(stderr, /Cannot get kwokctl, kwok 0\.\d+\.\d+: no source has them\n/)
  assert.match(stderr, /official release: api\.github\.com can't be reached/)
  assert.match(stderr, /go build: PATH has no go/)
  assert.match(stderr, /\n {2}Next: install Go 1\.26 or newer, .* or set KWOKCTL_BINARY, KWOK_BINARY\n$/)
  assert.deepEqual(readdirSync(cacheDir(env)), [])
})
task.run()
