import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import { cacheDir } from '../../../lib/programs/find-program.ts'
import type { ProgramName } from '../../../lib/programs/program-catalog.ts'
import { findProgram } from '../../../lib/programs/programs.ts'
import { exportPrograms, importPrograms } from '../../../lib/programs/programs-archive.ts'
import { type Fixture, openFixture, script } from './program-fixture.ts'

const etcd: ProgramName[] = ['etcd']
const release = 'etcd-1.2.3-release'

async function twoMachines(): Promise<{ one: Fixture; other: Fixture; file: string; close: () => Promise<void> }> {
  const [one, other] = [await openFixture(), await openFixture()]
  mkdirSync(cacheDir(one.env), { recursive: true })
  writeFileSync(join(cacheDir(one.env), release), script('etcd', '1.2.3'))
  chmodSync(join(cacheDir(one.env), release), 0o755)
  const close = async () => void (await Promise.all([one.close(), other.close()]))
  return { one, other, file: join(one.dir, 'out', 'programs.tar'), close }
}

type Machines = Awaited<ReturnType<typeof twoMachines>>
const archive = suite<Machines>('exportPrograms() and importPrograms()')
archive.before.each(async context => void Object.assign(context, await twoMachines()))
archive.after.each(async ({ close }) => await close())

/** Writes an archive of these files, whatever they are. */
function pack(dir: string, manifest: unknown, entries: readonly string[]): string {
  writeFileSync(join(dir, 'programs.json'), typeof manifest === 'string' ? manifest : JSON.stringify(manifest))
  execFileSync('tar', ['--create', '--file', join(dir, 'packed.tar'), '-C', dir, 'programs.json', ...entries])
  return join(dir, 'packed.tar')
}

for (const name of ['programs.tar', 'programs.tar.gz', 'programs.tgz']) {
  archive(`carry programs to another machine in ${name}, which then runs them`, async ({ one, other }) => {
    const file = join(one.dir, name)
    const written = await exportPrograms(file, etcd, one.options)
    assert.deepEqual(written.programs, [release])
    assert.equal(readFileSync(file)[0] === 0x1f, name !== 'programs.tar', 'compressed as its name says')
    const read = await importPrograms(file, other.options)
    assert.deepEqual(read, written)
    assert.deepEqual(other.cached(), [release])
    assert.equal(statSync(join(cacheDir(other.env), release)).mode & 0o777, 0o755)
    const found = await findProgram('etcd', other.options)
    assert.equal(found, join(cacheDir(other.env), release))
    assert.match(execFileSync(found, ['--version'], { encoding: 'utf8' }), /1\.2\.3/)
  })
}

archive('leave what the cache has already, and refuse an empty cache', async ({ one, other, file }) => {
  await assert.rejects(exportPrograms(file, etcd, other.options), /has none that this checkout uses/)
  await exportPrograms(file, etcd, one.options)
  mkdirSync(cacheDir(other.env), { recursive: true })
  writeFileSync(join(cacheDir(other.env), release), 'mine')
  await importPrograms(file, other.options)
  assert.equal(readFileSync(join(cacheDir(other.env), release), 'utf8'), 'mine')
})

archive('refuse what is damaged, and change nothing', async ({ one, other, file }) => {
  await exportPrograms(file, etcd, one.options)
  const whole = readFileSync(file)
  const at = whole.indexOf('etcd version 1.2.3')
  const damaged = Buffer.from(whole)
  damaged[at] = 'E'.charCodeAt(0)
  writeFileSync(file, damaged)
  await assert.rejects(importPrograms(file, other.options), /the SHA-256 of etcd-1.2.3-release is [0-9a-f]{64}, not/)
  writeFileSync(file, whole.subarray(0, 700))
  await assert.rejects(importPrograms(file, other.options))
  await assert.rejects(importPrograms(join(one.dir, 'nothing.tar'), other.options), /there is no file/)
  assert.deepEqual(other.cached(), [])
})

archive('refuse programs of another platform', async ({ one, other, file }) => {
  await exportPrograms(file, etcd, { ...one.options, platform: { os: 'darwin', arch: 'arm64' } })
  await assert.rejects(importPrograms(file, other.options), /for darwin\/arm64, this machine is linux\/amd64/)
  assert.deepEqual(other.cached(), [])
})

archive('refuse archives that another program made', async ({ one: { dir }, other }) => {
  const platform = { os: 'linux', arch: 'amd64' }
  const sum = '0'.repeat(64)
  writeFileSync(join(dir, 'etcd-x'), 'x')
  writeFileSync(join(dir, 'sudo-1'), 'x')
  symlinkSync('/etc/passwd', join(dir, 'etcd-link'))
  const cases: [manifest: unknown, entries: string[], RegExp][] = [
    ['no JSON', ['etcd-x'], /programs.json is not readable/],
    [{ platform, files: { 'etcd-x': 'short' } }, ['etcd-x'], /programs.json is not readable/],
    [{ platform, files: {} }, ['etcd-x'], /etcd-x is not in programs.json/],
    [{ platform, files: { 'etcd-y': sum } }, ['etcd-x'], /etcd-y is missing/],
    [{ platform, files: { 'etcd-link': sum } }, ['etcd-link'], /etcd-link is not a regular file/],
    [
      { platform, files: { 'sudo-1': '2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881' } },
      ['sudo-1'],
      /sudo-1 is not one of the lab's programs/,
    ],
  ]
  for (const [manifest, entries, reason] of cases) {
    await assert.rejects(importPrograms(pack(dir, manifest, entries), other.options), reason)
  }
  execFileSync('tar', ['--create', '--file', join(dir, 'none.tar'), '-C', dir, 'etcd-x'])
  await assert.rejects(importPrograms(join(dir, 'none.tar'), other.options), /it has no programs.json/)
  assert.deepEqual(other.cached(), [])
})
archive.run()
