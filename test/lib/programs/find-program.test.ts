import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import { UsageError } from '../../../lib/cli/errors.ts'
import { ensurePrograms, findProgram, programPath } from '../../../lib/programs/ensure-programs.ts'
import { cacheDir, findOnPath } from '../../../lib/programs/find-program.ts'
import { type BinariesOptions, createContext } from '../../../lib/programs/program-options.ts'
import type { Run } from '../../../lib/system/run.ts'
import { type Fixture, openFixture, publish, releasePath, script, testSource, writeProgram } from './program-fixture.ts'

const noCommand: Run = async command => assert.fail(`${command} was started`)

const quickly = suite<{ machine: Fixture }>('programPath()')
quickly.before.each(async context => {
  context.machine = await openFixture()
})
quickly.after.each(async ({ machine }) => {
  assert.deepEqual(machine.processes(), [])
  await machine.close()
})

quickly('takes the cached program without starting anything', async ({ machine: { env, options } }) => {
  const path = writeProgram(releasePath({ env }), script('etcd', '1.2.3'))
  assert.equal(await programPath('etcd', { ...options, run: noCommand }), path)
})

quickly('takes the variable before the cache, whatever its version', async ({ machine: { dir, env, options } }) => {
  writeProgram(releasePath({ env }), script('etcd', '1.2.3'))
  const path = writeProgram(join(dir, 'mine/etcd'), script('etcd', '9.9.9'))
  const named = { ...options, env: { ...env, ETCD_BINARY: path }, run: noCommand }
  assert.deepEqual(await ensurePrograms(['etcd'], named), {
    etcd: { name: 'etcd', version: '1.2.3', path, from: 'variable' },
  })
})

for (const [what, make] of [
  ['nothing', () => {}],
  ['a file that is not executable', (path: string) => writeFileSync(path, 'text')],
  ['a folder', (path: string) => mkdirSync(path)],
] as const) {
  quickly(`refuses a variable that names ${what}`, async ({ machine: { dir, env, options, cached } }) => {
    const path = join(dir, 'wrong')
    make(path)
    await assert.rejects(programPath('etcd', { ...options, env: { ...env, ETCD_BINARY: path } }), (error: unknown) => {
      assert.ok(error instanceof UsageError)
      assert.match(error.message, /^Cannot run etcd: ETCD_BINARY=.*wrong is not an executable file$/)
      assert.match(error.next ?? '', /ETCD_BINARY/)
      return true
    })
    assert.deepEqual(cached(), [])
  })
}

quickly('finds an installed program without a request for its release', async ({ machine }) => {
  publish(machine)
  const { options, pathDir } = machine
  assert.equal(await findProgram('etcd', options), undefined)
  writeProgram(join(pathDir, 'etcd'), script('etcd', '1.2.4'))
  assert.equal(await findProgram('etcd', options), undefined)
  const path = writeProgram(join(pathDir, 'etcd'), script('etcd', '1.2.3'))
  assert.equal(await findProgram('etcd', options), path)
  assert.deepEqual(machine.asked, [])
})

quickly('takes an empty variable for none, and an empty cached file for nothing', async ({ machine }) => {
  const { env, options, pathDir } = machine
  writeProgram(releasePath({ env }), '')
  const path = writeProgram(join(pathDir, 'etcd'), script('etcd', '1.2.3'))
  assert.equal(await programPath('etcd', { ...options, env: { ...env, ETCD_BINARY: '' } }), path)
})

quickly('uses XDG_CACHE_HOME for the cache if it is absolute', () => {
  assert.equal(cacheDir({ XDG_CACHE_HOME: '/c', HOME: '/h' }), '/c/kube-otel-lab/bin')
  assert.equal(cacheDir({ XDG_CACHE_HOME: 'c', HOME: '/h' }), '/h/.cache/kube-otel-lab/bin')
  assert.equal(cacheDir({ HOME: '/h' }), '/h/.cache/kube-otel-lab/bin')
})
quickly.run()

const path = suite<{ machine: Fixture }>('findOnPath()')
path.before.each(async context => {
  context.machine = await openFixture()
})
path.after.each(async ({ machine }) => {
  assert.deepEqual(machine.processes(), [])
  assert.deepEqual(machine.cached(), [])
  await machine.close()
})

const find = ({ options }: Fixture, changes: Partial<BinariesOptions> = {}) => {
  const source = testSource()
  const [program] = source.programs
  assert.ok(program)
  return findOnPath(source, program, createContext({ ...options, ...changes }))
}

path('finds the pinned version', async ({ machine }) => {
  const there = writeProgram(join(machine.pathDir, 'etcd'), script('etcd', '1.2.3'))
  assert.deepEqual(await find(machine), { name: 'etcd', version: '1.2.3', path: there, from: 'path' })
})

for (const [what, text, reason] of [
  ['another version', script('etcd', '1.2.4'), /is version 1\.2\.4, not 1\.2\.3$/],
  ['rubbish', '#!/bin/sh\necho 1.2.3 bottles\n', /does not print its version with --version$/],
  ['a failure', '#!/bin/sh\nexit 3\n', /does not print its version/],
  ['no program', 'PK\u0003\u0004', /does not print its version/],
] as const) {
  path(`passes over a program that gives ${what}`, async ({ machine }) => {
    writeProgram(join(machine.pathDir, 'etcd'), text)
    assert.match(String(await find(machine)), reason)
  })
}

path('passes over a program that hangs, and ends it', async ({ machine }) => {
  // The folder in the arguments lets the fixture see the process, were it still there.
  writeProgram(join(machine.pathDir, 'etcd'), `#!/bin/sh\nwhile :; do sleep 1; done # ${machine.dir}\n`)
  const startedAtMs = Date.now()
  assert.match(String(await find(machine, { versionTimeoutMs: 500 })), /does not print its version/)
  assert.ok(Date.now() - startedAtMs < 60_000)
})

path.run()
