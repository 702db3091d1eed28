import assert from 'node:assert/strict'
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import { parse } from 'yaml'
import { UsageError } from '../../../lib/cli/errors.ts'
import { doctorReport } from '../../../lib/programs/doctor.ts'
import { programPath } from '../../../lib/programs/ensure-programs.ts'
import { cachePath, findOnPath } from '../../../lib/programs/find-program.ts'
import { isRecent, missingComponents, oldestGo, pinsHash } from '../../../lib/programs/go-pins.ts'
import type { Source } from '../../../lib/programs/program-catalog.ts'
import { catalog } from '../../../lib/programs/program-catalog.ts'
import { type Context, createContext } from '../../../lib/programs/program-options.ts'
import { planPrograms } from '../../../lib/programs/program-plan.ts'
import {
  type Fixture,
  openFixture,
  releasePath,
  script,
  testSource,
  writeFakeGo,
  writePins,
  writeProgram,
} from './program-fixture.ts'

const toolchains = suite('isRecent()')
for (const [version, oldest, recent] of [
  ['go1.26.8', '1.26', true],
  ['go1.26rc1', '1.26', true],
  ['go1.30', '1.26', true],
  ['go2.0', '1.26', true],
  ['devel go1.27-abc', '1.26', true],
  ['go1.25.9', '1.26', false],
  ['go1.3', '1.26', false],
  ['gccgo', '1.26', false],
  ['go1.26.4', '1.26.4', true],
  ['go1.26.10', '1.26.4', true],
  ['go1.26.8-X:nodwarf5', '1.26.4', true],
  ['go1.27.0', '1.26.4', true],
  ['go1.26.3', '1.26.4', false],
  ['go1.26', '1.26.4', false],
] as const) {
  toolchains(`${recent ? 'takes' : 'refuses'} ${version} for ${oldest}`, () =>
    assert.equal(isRecent(version, oldest), recent),
  )
}

toolchains('compares with the version in go.mod, but at least with that of the lab', () => {
  const context = createContext()
  const need = (name: string) => oldestGo(catalog.find(source => source.name === name) as Source, context)
  assert.deepEqual([need('etcd'), need('otelcol'), need('metrics-server')], ['1.26', '1.26', '1.26.7'])
})
toolchains.run()

const built = testSource({ assets: () => [], go: {} })

const pins = suite<{ machine: Fixture; context: Context }>('pins')
pins.before.each(async context => {
  context.machine = await openFixture()
  context.context = createContext({ ...context.machine.options, catalog: [built] })
})
pins.after.each(async ({ machine }) => {
  assert.deepEqual(machine.processes(), [])
  await machine.close()
})

pins('have another hash when a sum, a component, a Go file or a flag is another', ({ machine, context }) => {
  writePins(machine)
  const hashes = [pinsHash(built, context)]
  appendFileSync(join(machine.dir, 'go/etcd/go.sum'), 'lab.test/more v1.0.0 h1:b=\n')
  hashes.push(pinsHash(built, context))
  writeFileSync(join(machine.dir, 'go/etcd/builder.yaml'), 'connectors:\n  - gomod: lab.test/more v1.0.0\n')
  hashes.push(pinsHash(built, context))
  hashes.push(pinsHash({ ...built, go: { define: () => ['main.version=2'] } }, context))
  assert.equal(pinsHash(built, context), hashes[2])
  mkdirSync(join(machine.dir, 'go/etcd/part'))
  writeFileSync(join(machine.dir, 'go/etcd/part/part.go'), 'package part\n')
  hashes.push(pinsHash(built, context))
  assert.equal(new Set(hashes).size, 5)
  for (const hash of hashes) assert.match(hash, /^[0-9a-f]{12}$/)
  writeFileSync(join(machine.dir, 'go/etcd/part/notes.txt~'), 'no input')
  assert.equal(pinsHash(built, context), hashes[4])
})

pins('identify a build: other pins need another build, and the old one stays', async state => {
  const { machine, context } = state
  writeFakeGo(machine)
  writePins(machine)
  const first = await programPath('etcd', context)
  assert.equal(first, cachePath({ name: 'etcd', version: '1.2.3' }, { pins: pinsHash(built, context) }, machine.env))
  assert.equal(await programPath('etcd', context), first)
  writePins(machine, 'etcd', { 'lab.test/dep': 'h1:new=' })
  const [plan] = await planPrograms(['etcd'], context)
  const unused = `cache: ${first.split('/').at(-1)} was built from other pins`
  assert.equal(plan?.from, 'build')
  assert.equal(plan.detail, `go build with go1.26.1 (${unused}; no release for linux/amd64)`)
  machine.lines.length = 0
  const second = await programPath('etcd', context)
  assert.ok(machine.lines.includes(`etcd 1.2.3: ${unused}`), machine.lines.join('\n'))
  assert.notEqual(second, first)
  assert.ok(existsSync(first))
  // Another checkout, with the pins of before.
  writePins(machine)
  assert.equal(await programPath('etcd', context), first)
})

pins('are no matter to a download', async ({ machine, context }) => {
  writePins(machine)
  const path = writeProgram(releasePath(machine), script('etcd', '1.2.3'))
  assert.equal(await programPath('etcd', context), path)
  writePins(machine, 'etcd', { 'lab.test/dep': 'h1:new=' })
  assert.equal(await programPath('etcd', context), path)
})

pins.run()

const collector: Source = {
  ...testSource({ assets: () => [], go: { kind: 'collector' } }),
  name: 'otelcol',
  programs: [{ name: 'otelcol', pathNames: ['otelcol-contrib', 'otelcol'], versionPattern: /^otelcol version (\S+)/m }],
}
const [otelcol] = collector.programs
const needs = ['lab.test/receiver/kubeletstatsreceiver', 'lab.test/connector/spanmetricsconnector']
/** A collector that prints its version, and for `components` these modules. */
const collectorScript = (version: string, modules: readonly string[]) => {
  const lines = modules.map(path => `echo '      module: ${path} v1.4.0'\n`).join('')
  return `#!/bin/sh\nif [ "$1" != components ]; then echo "otelcol version ${version}"; exit; fi\n${lines}`
}

const components = suite<{ machine: Fixture; context: Context }>('components of the collector')
components.before.each(async context => {
  context.machine = await openFixture()
  context.context = createContext({ ...context.machine.options, catalog: [collector] })
  mkdirSync(join(context.machine.dir, 'go/otelcol'), { recursive: true })
  writeFileSync(
    join(context.machine.dir, 'go/otelcol/builder.yaml'),
    `dist: { name: otelcol }\nreceivers:\n  - gomod: ${needs[0]} v1.0.0\nconnectors:\n  - gomod: ${needs[1]} v1.0.0\n`,
  )
})
components.after.each(async ({ machine }) => machine.close())

components('are required of each program of that name on PATH', async ({ machine, context }) => {
  assert.ok(otelcol)
  const found = () => findOnPath(collector, otelcol, context)
  const core = writeProgram(
    join(machine.pathDir, 'otelcol-contrib'),
    collectorScript('1.2.3', ['lab.test/receiver/otlpreceiver']),
  )
  assert.equal(await found(), `${core} lacks receiver/kubeletstatsreceiver, connector/spanmetricsconnector`)
  writeProgram(core, script('otelcol', '1.2.3'))
  assert.equal(await found(), `${core} does not print its components`)
  const there = writeProgram(join(machine.pathDir, 'otelcol'), collectorScript('1.2.3', needs))
  assert.deepEqual(await found(), { name: 'otelcol', version: '1.2.3', path: there, from: 'path' })
})

components('are required of a program that a variable names, if it prints them', async ({ machine, context }) => {
  const path = join(machine.dir, 'mine')
  const named = { ...context, env: { ...machine.env, OTELCOL_BINARY: path } }
  writeProgram(path, collectorScript('9.9.9', needs.slice(0, 1)))
  await assert.rejects(programPath('otelcol', named), (error: unknown) => {
    assert.ok(error instanceof UsageError)
    assert.equal(error.message, `Cannot run otelcol: OTELCOL_BINARY=${path} lacks connector/spanmetricsconnector`)
    assert.match(error.next ?? '', /^set OTELCOL_BINARY to .*, or unset it$/)
    return true
  })
  const { problems } = await doctorReport(['otelcol'], named)
  assert.match(problems[0]?.what ?? '', /is not available: .* lacks connector\/spanmetricsconnector$/)
  writeProgram(path, script('otelcol', '9.9.9'))
  assert.equal(await programPath('otelcol', named), path)
})

components('of the lab’s configuration are in the pins', () => {
  const read = (file: string) => parse(readFileSync(join(import.meta.dirname, '../../../kwok-config', file), 'utf8'))
  const config = read('kwok-otel-collector.yaml') as Record<string, Record<string, unknown>>
  const pinned = read('go/otelcol/builder.yaml') as Record<string, { gomod: string }[]>
  for (const kind of ['receivers', 'processors', 'connectors', 'exporters']) {
    const names = pinned[kind]?.map(({ gomod }) => gomod.split(' ')[0]?.split('/').at(-1))
    for (const key of Object.keys(config[kind] ?? {})) {
      // The component otlp_http/x is of the module otlphttpexporter, otlp_grpc of otlpexporter.
      const word = key.split('/')[0]?.replaceAll('_', '').replace('otlpgrpc', 'otlp')
      assert.ok(names?.includes(`${word}${kind.slice(0, -1)}`), `${kind}: ${key}`)
    }
  }
})

components('are not required of other programs', async ({ machine, context }) => {
  assert.deepEqual(await missingComponents(writeProgram(join(machine.dir, 'x'), 'x'), built, context), [])
})
components.run()
