import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import { cacheDir } from '../../lib/programs/find-program.ts'
import { catalog, kwokPrograms } from '../../lib/programs/program-catalog.ts'
import { releasePath, script, writeProgram } from '../lib/programs/program-fixture.ts'
import { bareMachine, importTask, withRefusingProxy } from '../support/task.ts'

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
  'lists a Grafana binary where there is one, and refuses a GRAFANA_BINARY that does not exist',
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

task('refuses a KUBECTL_BINARY that does not exist with exit code 2, before anything changes', async ({ env }) => {
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

task('lists each source and why it failed when a program is not available', async ({ env }) => {
  const { status, stdout, stderr } = await start(env)
  assert.deepEqual([status, stdout], [1, ''])
  assert.match(stderr, /Cannot get kwokctl, kwok 0\.\d+\.\d+: no source has them\n/)
  assert.match(stderr, /official release: api\.github\.com can't be reached/)
  assert.match(stderr, /go build: PATH has no go/)
  assert.match(stderr, /\n {2}Next: install Go 1\.26 or newer, .* or set KWOKCTL_BINARY, KWOK_BINARY\n$/)
  assert.deepEqual(readdirSync(cacheDir(env)), [])
})
for (const answer of ['403 Forbidden', '407 Proxy Authentication Required']) {
  task(`names a proxy that answers ${answer} as the reason, and ends with 1`, async ({ env }) => {
    await withRefusingProxy(answer, async HTTPS_PROXY => {
      const { status, stdout, stderr } = await start({ ...env, HTTPS_PROXY })
      assert.deepEqual([status, stdout], [1, ''])
      const reason = `api\\.github\\.com can't be reached: Proxy response \\(${answer.slice(0, 3)}\\)`
      assert.match(stderr, new RegExp(`^Cannot get kwokctl, kwok .*\\n.*\\n +official release: ${reason}`, 'm'))
      assert.match(stderr, /\n {2}Next: .*allow downloads from github\.com/)
    })
  })
}
task.run()
