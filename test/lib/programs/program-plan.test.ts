import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { suite } from 'uvu'
import { doctorReport } from '../../../lib/programs/doctor.ts'
import { planPrograms } from '../../../lib/programs/program-plan.ts'
import {
  type Fixture,
  openFixture,
  publish,
  releasePath,
  script,
  testSource,
  writeFakeGo,
  writeProgram,
} from './program-fixture.ts'

const plan = suite<{ machine: Fixture }>('planPrograms()')
plan.before.each(async context => {
  context.machine = await openFixture()
})
plan.after.each(async ({ machine }) => {
  assert.deepEqual(machine.processes(), [])
  await machine.close()
})

const planned = async ({ options }: Fixture, changes = {}) => {
  const plans = await planPrograms(['etcd'], {
    ...options,
    catalog: [testSource({ go: {} })],
    ...changes,
  })
  return plans.map(({ from, detail }) => `${from} | ${detail}`)
}

plan('shows an installed program', async ({ machine }) => {
  const path = writeProgram(releasePath(machine), script('etcd', '1.2.3'))
  assert.deepEqual(await planned(machine), [`cache | cache: ${path}`])
})

plan('requests the headers of release and sum, and downloads nothing', async ({ machine }) => {
  publish(machine)
  assert.deepEqual(await planned(machine), ['download | download from releases.invalid, which has it'])
  assert.deepEqual(machine.asked, ['/v1.2.3/etcd', '/v1.2.3/SHA256SUMS'])
  assert.deepEqual(machine.cached(), [])
})

plan('follows where the host redirects to, and names that when it cannot be reached', async ({ machine }) => {
  publish(machine)
  machine.routes['/v1.2.3/etcd'] = response => response.writeHead(302, { location: 'https://127.0.0.1:9/etcd' }).end()
  const [line = ''] = await planned(machine)
  assert.match(line, /^none \| 127\.0\.0\.1:9 can't be reached: .*ECONNREFUSED/)
})

plan('has no download when the host of the sum is unreachable, unless the table has the sum', async ({ machine }) => {
  publish(machine)
  delete machine.routes['/v1.2.3/SHA256SUMS']
  const [line = ''] = await planned(machine)
  assert.match(line, /^none \| .*SHA256SUMS answers 404/)
  const knownSums = { etcd: { '1.2.3': { 'linux/amd64': { sha256: 'a'.repeat(64), sources: [] } } } }
  assert.match((await planned(machine, { knownSums }))[0] ?? '', /^download \|/)
})

plan('shows what would be built, the Go version, and the reason', async ({ machine }) => {
  writeFakeGo(machine)
  writeProgram(`${machine.pathDir}/etcd`, script('etcd', '1.0.0'))
  assert.deepEqual(await planned(machine), [
    `build | go build with go1.26.1 (PATH: ${machine.pathDir}/etcd is version 1.0.0, not 1.2.3; https://releases.invalid/v1.2.3/etcd answers 404)`,
  ])
  assert.deepEqual(machine.cached(), [])
})

plan('has no way without Go', async ({ machine }) => {
  assert.deepEqual(await planned(machine), [
    'none | https://releases.invalid/v1.2.3/etcd answers 404; PATH has no go (Go 1.26 or newer is required)',
  ])
})

plan('has no way without disk space', async ({ machine }) => {
  writeFakeGo(machine)
  const [line = ''] = await planned(machine, { buildDiskBytes: 1e18 })
  assert.match(line, /^none \| Cannot build .* needs 1000000000 GB/)
})

plan('shows a variable that names nothing', async ({ machine }) => {
  const env = { ...machine.env, ETCD_BINARY: '/nowhere' }
  assert.deepEqual(await planned(machine, { env }), [
    'none | Cannot run etcd: ETCD_BINARY=/nowhere is not an executable file',
  ])
})
plan.run()

const doctor = suite<{ machine: Fixture }>('doctorReport()')
doctor.before.each(async context => {
  context.machine = await openFixture()
})
doctor.after.each(async ({ machine }) => machine.close())

doctor('has no problem when all programs are installed, with or without Go', async ({ machine }) => {
  writeProgram(releasePath(machine), script('etcd', '1.2.3'))
  const { table, problems } = await doctorReport(['etcd'], machine.options)
  assert.deepEqual(problems, [])
  const lines = table.split('\n')
  assert.match(lines[0] ?? '', /^PROGRAM\s+WANTED\s+FROM\s+WHERE$/)
  assert.match(lines[1] ?? '', /^etcd\s+1\.2\.3\s+cache\s+cache: \//)
  assert.match(lines[2] ?? '', /^Node\.js\s+>= 20\.\d+\.\d+\s+found\s+\d+\.\d+\.\d+: \//)
  assert.match(lines[3] ?? '', /^Go\s+>= 1\.26\s+missing\s+PATH has no go.*; only builds need Go$/)
  assert.match(lines[4] ?? '', /^disk\s+0 MB\s+free\s+\d+(\.\d)? [GM]B at \/.*kube-otel-lab\/bin; /)
})

doctor('shows how long builds take, and how to avoid them', async ({ machine }) => {
  writeFakeGo(machine)
  const source = testSource({ assets: () => [], go: { cpuMinutes: 7 } })
  const { table } = await doctorReport(['etcd'], { ...machine.options, catalog: [source], cores: 2 })
  assert.match(
    table,
    /^builds +about 4 min +on 2 cores, for etcd\. To avoid them, allow the downloads, or .*programs-import$/m,
  )
  assert.doesNotMatch((await doctorReport(['etcd'], machine.options)).table, /^builds/m)
})

doctor('lists the programs in the cache that this checkout does not use', async ({ machine }) => {
  const used = writeProgram(releasePath(machine), script('etcd', '1.2.3'))
  for (const name of ['etcd-1.1.0-release', 'notes.txt']) writeFileSync(join(dirname(used), name), 'x')
  mkdirSync(join(dirname(used), 'etcd-1.0.0-release', 'bin'), { recursive: true })
  const { table, problems } = await doctorReport(['etcd'], {
    ...machine.options,
    catalog: [testSource({ go: {} })],
  })
  assert.deepEqual(problems, [])
  const row = table.split('\n').find(line => line.startsWith('unused'))
  assert.match(
    row ?? '',
    /^unused +2 programs +in \/.*\/bin, delete them if no other checkout needs them: etcd-1\.0\.0-release, etcd-1\.1\.0-release$/,
  )
})

doctor(
  'has no problem without a program that the lab does without, unless a variable names it',
  async ({ machine }) => {
    const options = { ...machine.options, catalog: [testSource({})], optional: { etcd: 'for pleasure' } }
    const { table, problems } = await doctorReport(['etcd'], options)
    assert.deepEqual(problems, [])
    assert.match(
      table.split('\n')[1] ?? '',
      /^etcd +1\.2\.3 +optional +for pleasure: https:\/\/releases\.invalid\/v1\.2\.3\/etcd answers 404; no Go pins$/,
    )
    const env = { ...machine.options.env, ETCD_BINARY: '/nowhere/etcd' }
    const named = await doctorReport(['etcd'], { ...options, env })
    assert.match(named.problems[0]?.what ?? '', /^etcd 1\.2\.3 is not available: .*ETCD_BINARY=\/nowhere\/etcd/)
  },
)

doctor('reports a missing program and the next step', async ({ machine }) => {
  const { problems } = await doctorReport(['etcd'], {
    ...machine.options,
    catalog: [testSource({ go: {} })],
    nodeVersion: '20.9.0',
  })
  assert.match(problems[0]?.what ?? '', /^etcd 1\.2\.3 is not available: /)
  assert.match(problems[0]?.next ?? '', /^install Go 1\.26 or newer, .*ETCD_BINARY$/)
  assert.deepEqual(problems[1], { what: 'Node.js is 20.9.0', next: 'install Node.js 20.18.1 or newer' })
})
doctor.run()
