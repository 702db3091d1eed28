import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import { LabError } from '../../../lib/cli/errors.ts'
import {
  ensureLabDirs,
  openLab,
  projectDir,
  readRecord,
  removeLabDir,
  writeFileAtomically,
  writeRecord,
} from '../../../lib/lab/lab.ts'
import { tempDir, tempLab } from '../../support/temp-lab.ts'

const mode = (path: string) => statSync(path).mode & 0o777

const opens = suite('openLab()')

opens('has the state in .lab/<cluster>, and kwokctl’s context name', () => {
  const lab = openLab({ flags: { clusterName: 'never-made' }, env: {} })
  assert.equal(lab.dir, join(projectDir, '.lab', 'never-made'))
  assert.equal(lab.context, 'kwok-never-made')
  assert.equal(lab.clusterDir, join(homedir(), '.kwok', 'clusters', 'never-made'))
  assert.equal(lab.adminKubeconfig, join(lab.clusterDir, 'kubeconfig.yaml'))
  for (const dir of [lab.configDir, lab.kubeconfigDir, lab.logsDir, lab.pidsDir, lab.dataDir]) {
    assert.equal(join(dir, '..'), lab.dir)
  }
})

opens('takes KWOK_WORKDIR as an absolute path, and ignores an empty one', () => {
  const clusterDirOf = (KWOK_WORKDIR: string) =>
    openLab({ flags: { clusterName: 'never-made' }, env: { KWOK_WORKDIR } }).clusterDir
  assert.equal(clusterDirOf('/data/kwok'), '/data/kwok/clusters/never-made')
  assert.equal(clusterDirOf('kwok'), join(process.cwd(), 'kwok/clusters/never-made'))
  assert.equal(clusterDirOf(''), join(homedir(), '.kwok/clusters/never-made'))
})

opens('creates no folder, and reads none for an invalid name', () => {
  openLab({ flags: { clusterName: 'never-made' }, env: {} })
  assert(!existsSync(join(projectDir, '.lab', 'never-made')))
  assert.throws(() => openLab({ flags: { clusterName: '../..' }, env: {} }), /--cluster-name=\.\.\/\.\. is invalid/)
})
opens.run()

const records = suite('writeRecord(), readRecord()')

records('returns the written record, in folders of mode 0700', () => {
  const lab = tempLab()
  rmSync(lab.dir, { recursive: true })
  const record = { clusterName: 'unit', settings: { prometheusPort: '9191' }, kwokWorkdir: '/x', previousContext: '' }
  writeRecord(lab, record)
  assert.deepEqual(readRecord(lab.dir), record)
  assert.equal(mode(join(lab.dir, 'lab.json')), 0o600)
  for (const dir of [lab.dir, lab.configDir, lab.kubeconfigDir, lab.logsDir, lab.pidsDir, lab.dataDir]) {
    assert.equal(mode(dir), 0o700, dir)
  }
})

records('is undefined without a lab', () => assert.equal(readRecord('/nowhere/at-all'), undefined))

records('names a file that cannot be read', () => {
  const dir = tempDir()
  writeFileSync(join(dir, 'lab.json'), '{"clusterName": ')
  assert.throws(() => readRecord(dir), {
    name: 'LabError',
    message: new RegExp(`^Cannot read ${join(dir, 'lab.json')}: SyntaxError`),
  })
})
records.run()

const dirs = suite('ensureLabDirs()')
dirs('changes existing folders to mode 0700', () => {
  const lab = tempLab()
  rmSync(lab.logsDir, { recursive: true })
  mkdirSync(lab.logsDir, { mode: 0o755 })
  ensureLabDirs(lab)
  assert.equal(mode(lab.logsDir), 0o700)
})
dirs.run()

const removes = suite('removeLabDir()')
removes('removes all of a lab, and does nothing the second time', () => {
  const lab = tempLab()
  writeFileSync(join(lab.logsDir, 'x.log'), 'x')
  removeLabDir(lab)
  removeLabDir(lab)
  assert(!existsSync(lab.dir))
})
removes.run()

const writes = suite('writeFileAtomically()')

writes('writes a file of mode 0600, and leaves no temporary file', () => {
  const dir = tempDir()
  const path = join(dir, 'a')
  writeFileSync(path, 'old', { mode: 0o644 })
  writeFileAtomically(path, 'new')
  assert.equal(readFileSync(path, 'utf8'), 'new')
  assert.equal(mode(path), 0o600)
  assert.deepEqual(readdirSync(dir), ['a'])
})

writes('reports the reason, keeps the cause, and leaves no partial file', () => {
  const dir = tempDir()
  const path = join(dir, 'folder')
  mkdirSync(join(path, 'full'), { recursive: true })
  assert.throws(
    () => writeFileAtomically(path, 'x'),
    error => {
      assert(error instanceof LabError)
      assert.match(error.message, new RegExp(`^Cannot write ${path}: (EISDIR|ENOTEMPTY|EEXIST)`))
      return error.cause instanceof Error
    },
  )
  assert.deepEqual(readdirSync(dir), ['folder'])
})

// A really full disk needs root and mount(8).
const disk = join(tempDir(), 'disk')
mkdirSync(disk)
const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk]).status === 0
if (mounted) process.once('exit', () => spawnSync('umount', [disk]))
const onFullDisk = mounted ? writes : writes.skip
onFullDisk('keeps the old file when the disk is full, and advises to free some space', () => {
  const path = join(disk, 'a')
  writeFileAtomically(path, 'old')
  assert.throws(() => writeFileAtomically(path, 'x'.repeat(2 ** 20)), {
    name: 'LabError',
    message: /^Cannot write .*ENOSPC/,
    next: 'free some disk space, then run this again',
  })
  assert.equal(readFileSync(path, 'utf8'), 'old')
  assert.deepEqual(readdirSync(disk), ['a'])
})
writes.after(() => {
  if (mounted) spawnSync('umount', [disk])
})
writes.run()
