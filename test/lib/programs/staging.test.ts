import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { suite } from 'uvu'
import { LabError } from '../../../lib/cli/errors.ts'
import { ensurePrograms } from '../../../lib/programs/ensure-programs.ts'
import { cacheDir } from '../../../lib/programs/find-program.ts'
import { removeStaleStaging, withStaging } from '../../../lib/programs/staging.ts'
import { bundledScript } from '../../support/bundled-script.ts'
import { cachedNames, type Fixture, openFixture, publish, script, testSource, writeFakeGo } from './program-fixture.ts'

const ensureOnce = await bundledScript(join(import.meta.dirname, 'ensure-once.ts'))
const staging = suite<{ machine: Fixture }>('withStaging()')
staging.before.each(async context => {
  context.machine = await openFixture()
})
staging.after.each(async ({ machine }) => {
  for (let tries = 0; tries < 30 && machine.processes().length > 0; tries++) await sleep(100)
  assert.deepEqual(machine.processes(), [])
  await machine.close()
})

staging('removes its folder when the work fails', async ({ machine: { dir, cached } }) => {
  const parent = join(dir, 'cache/kube-otel-lab/bin')
  await assert.rejects(
    withStaging(parent, async folder => {
      writeFileSync(join(folder, 'half'), 'x')
      assert.equal(cached().length, 1)
      throw new Error('no')
    }),
    /^Error: no$/,
  )
  assert.deepEqual(cached(), [])
})

staging('names the cache that cannot be created', async ({ machine: { dir } }) => {
  writeFileSync(join(dir, 'file'), '')
  await assert.rejects(
    withStaging(join(dir, 'file/bin'), async () => {}),
    (error: unknown) => {
      assert.ok(error instanceof LabError)
      assert.match(error.message, /^Cannot write the cache of programs, .*file\/bin: ENOTDIR/)
      assert.match(error.next ?? '', /XDG_CACHE_HOME/)
      return true
    },
  )
})

staging('removes what dead processes left, and nothing else', ({ machine: { dir } }) => {
  const host = hostname().replace(/[^A-Za-z0-9.]/g, '_')
  const { pid: dead } = spawnSync('true')
  const folders = {
    dead: `.tmp-${host}-${dead}-abcdef`,
    alive: `.tmp-${host}-${process.pid}-abcdef`,
    elsewhere: `.tmp-another.host-${dead}-abcdef`,
    elsewhereOld: `.tmp-another.host-${dead}-abcdeg`,
    foreign: '.tmp-other',
  }
  for (const name of Object.values(folders)) mkdirSync(join(dir, name))
  const twoDaysAgo = new Date(Date.now() - 2 * 86_400_000)
  utimesSync(join(dir, folders.elsewhereOld), twoDaysAgo, twoDaysAgo)
  removeStaleStaging(dir)
  const left = Object.entries(folders).filter(([, name]) => existsSync(join(dir, name)))
  assert.deepEqual(
    left.map(([what]) => what),
    ['alive', 'elsewhere', 'foreign'],
  )
})

staging('shares one build between two callers in one process', async ({ machine }) => {
  writeFakeGo(machine, 0.5)
  const options = { ...machine.options, catalog: [testSource({ assets: () => [], go: {} })] }
  await Promise.all([ensurePrograms(['etcd'], options), ensurePrograms(['etcd'], options)])
  assert.equal(machine.lines.filter(line => line.includes('building')).length, 1)
  assert.deepEqual(cachedNames(machine), ['etcd-1.2.3-<pins>'])
})

for (const way of ['download', 'build'] as const) {
  staging(`two processes at once: one obtains the program, and both have it (${way})`, async ({ machine }) => {
    if (way === 'download') publish(machine)
    writeFakeGo(machine, 1)
    const runs = await Promise.all([ended(start(machine)), ended(start(machine))])
    const obtained = way === 'build' ? /building with go/g : /downloaded from/g
    assert.equal(runs.flatMap(({ stderr }) => [...stderr.matchAll(obtained)]).length, 1)
    assert.match(runs.map(({ stderr }) => stderr).join(''), /waiting for ensure-once\.mjs \(pid \d+\)/)
    const [name = ''] = machine.cached()
    assert.match(name, way === 'download' ? /^etcd-1\.2\.3-release$/ : /^etcd-1\.2\.3-[0-9a-f]{12}$/)
    const path = join(cacheDir(machine.env), name)
    for (const run of runs) assert.deepEqual({ code: run.code, stdout: run.stdout }, { code: 0, stdout: `${path}\n` })
    assert.equal(machine.cached().length, 1)
    assert.equal(readFileSync(path, 'utf8'), script('etcd', '1.2.3'))
  })
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  staging(`leaves nothing after ${signal} in the middle of a build`, async ({ machine }) => {
    writeFakeGo(machine, 20)
    const child = start(machine)
    const end = ended(child)
    while (!machine.processes().some(command => command.includes(' build '))) await sleep(50)
    assert.equal(machine.cached().length, 1)
    child.kill(signal)
    const { signal: endedBy } = await end
    assert.equal(endedBy, signal)
    assert.deepEqual(machine.cached(), [])
  })
}

staging('leaves nothing after SIGTERM in the middle of a download', async ({ machine }) => {
  publish(machine)
  let asked = false
  machine.routes['/v1.2.3/etcd'] = response => {
    asked = true
    response.writeHead(200, { 'content-length': 1000 }).write('#!')
  }
  const child = start(machine, 20_000)
  const end = ended(child)
  while (!asked) await sleep(50)
  child.kill('SIGTERM')
  assert.equal((await end).signal, 'SIGTERM')
  assert.deepEqual(machine.cached(), [])
})
staging.run()

/** A process of its own that ensures the test source's program. */
function start({ options, env }: Fixture, stallTimeoutMs = options.stallTimeoutMs): ChildProcess {
  const { platform, goModulesDir, origins } = options
  const given = { platform, goModulesDir, origins, buildDiskBytes: 0, stallTimeoutMs, go: true }
  return spawn(process.execPath, [ensureOnce, JSON.stringify(given)], { env })
}

interface Ended {
  code: number | null
  signal: string | null
  stdout: string
  stderr: string
}

async function ended(child: ChildProcess): Promise<Ended> {
  let [stdout, stderr] = ['', '']
  child.stdout?.on('data', chunk => {
    stdout += String(chunk)
  })
  child.stderr?.on('data', chunk => {
    stderr += String(chunk)
  })
  const [code, signal] = await new Promise<[number | null, string | null]>(resolve =>
    child.on('close', (...result) => resolve(result)),
  )
  return { code, signal, stdout, stderr }
}
