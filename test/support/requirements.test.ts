import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import { missingCommands, packagesOf, parseRequire, requirementNames, requirementsOf } from './requirements.ts'

const required = suite('parseRequire()')
for (const [text, names] of [
  ['', []],
  ['docker', ['docker']],
  ['docker, real-node,chromium', ['docker', 'real-node', 'chromium']],
] as const) {
  required(`reads "${text}"`, () => assert.deepEqual(parseRequire(text), names))
}
required('refuses an unknown requirement', () => {
  const said = {
    message: 'Unknown requirement "dockr" in REQUIRE',
    next: 'use docker, real-node, chromium',
    exitCode: 2,
  }
  assert.throws(() => parseRequire('chromium,dockr'), said)
})
required.run()

const packages = suite('packagesOf()')
for (const [name, commands, expected] of [
  ['docker', [], []],
  ['docker', ['docker', 'dockerd', 'ss'], ['docker-cli | docker.io', 'docker.io', 'iproute2']],
  ['real-node', ['containerd', 'ctr', 'ptp'], ['containerd', 'containernetworking-plugins']],
  ['chromium', ['chromium'], ['chromium']],
] as const) {
  packages(`gives those of ${commands.join(', ') || 'no command'} for ${name}, each once`, () =>
    assert.deepEqual(packagesOf(name, commands), expected),
  )
}
packages.run()

const requirements = suite('requirementsOf()')
requirements('gives those of the chosen files', () => {
  assert.deepEqual(requirementsOf(['e2e/shared/page.test.ts', 'lib/lab.test.ts', 'e2e/docker.test.ts']), [
    'docker',
    'chromium',
  ])
  assert.deepEqual(requirementsOf(['e2e/shared/kwok.test.ts']), [])
})
requirements('names files that exist', () => {
  const files = ['e2e/docker', 'long/docker-engine', 'long/docker-kwok', 'e2e/real-node', 'e2e/shared/page'].map(
    name => `${name}.test.ts`,
  )
  assert.deepEqual(requirementsOf(files), requirementNames)
  for (const file of files) assert(existsSync(join(import.meta.dirname, '..', file)), file)
})
requirements.run()

const missing = suite('missingCommands()')
const before = { ...process.env }
missing.before.each(() => {
  process.env = { ...before, PATH: '/nowhere', CHROMIUM_BINARY: '' }
})
missing.after(() => {
  process.env = before
})
missing('gives those that are not on PATH', () => {
  assert.deepEqual(missingCommands('docker'), ['docker', 'dockerd', 'containerd', 'runc', 'iptables', 'ss'])
  assert.deepEqual(missingCommands('chromium'), ['chromium'])
})
missing('gives none where CHROMIUM_BINARY names the browser', () => {
  process.env['CHROMIUM_BINARY'] = '/opt/browser'
  assert.deepEqual(missingCommands('chromium'), [])
})
missing.run()
