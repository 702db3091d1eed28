import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import { writeImageArchive } from '../../images/archive.ts'
import { withLibraries } from '../../images/programs.ts'

const archive = suite('writeImageArchive()')
const folder = mkdtempSync(join(tmpdir(), 'image-archive-'))
archive.after(() => rmSync(folder, { recursive: true, force: true }))

archive('writes what tar reads: each layer once, by its digest, and a manifest that names them', async () => {
  const shared = [{ path: 'usr/bin/large', file: join(folder, 'large'), mode: 0o755 }]
  writeFileSync(join(folder, 'large'), Buffer.alloc(1_500_001, 'x'))
  const image = { layers: [shared], entrypoint: ['/usr/bin/large'] }
  await writeImageArchive(join(folder, 'images.tar'), [
    { ...image, reference: 'example.org/a:1' },
    {
      ...image,
      reference: 'example.org/b:2',
      layers: [shared, [{ path: 'etc/word', text: 'hello' }]],
      env: { WORD: 'x' },
    },
  ])
  assert.deepEqual(
    readdirSync(folder).filter(name => name.startsWith('layers-')),
    [],
  )
  const out = join(folder, 'out')
  unpack(join(folder, 'images.tar'), out)
  const manifest = JSON.parse(readFileSync(join(out, 'manifest.json'), 'utf8'))
  assert.deepEqual(
    manifest.map(({ RepoTags }: { RepoTags: string[] }) => RepoTags),
    [['example.org/a:1'], ['example.org/b:2']],
  )
  const [large, word] = manifest[1].Layers
  assert.deepEqual(manifest[0].Layers, [large])
  for (const layer of [large, word]) {
    const digest = createHash('sha256')
      .update(readFileSync(join(out, layer)))
      .digest('hex')
    assert.equal(layer, `${digest}.tar`)
  }
  const config = JSON.parse(readFileSync(join(out, manifest[1].Config), 'utf8'))
  assert.deepEqual(
    config.rootfs.diff_ids.map((id: string) => `${id.replace('sha256:', '')}.tar`),
    [large, word],
  )
  assert.deepEqual(config.config.Entrypoint, ['/usr/bin/large'])
  assert.equal(config.config.Env[1], 'WORD=x')
  unpack(join(out, large), join(folder, 'root'))
  unpack(join(out, word), join(folder, 'root'))
  assert.equal(readFileSync(join(folder, 'root', 'usr', 'bin', 'large')).length, 1_500_001)
  assert.equal(readFileSync(join(folder, 'root', 'etc', 'word'), 'utf8'), 'hello')
})
archive.run()

const libraries = suite('withLibraries()')
// Elsewhere there is no ldd.
const onLinux = process.platform === 'linux' ? libraries : libraries.skip
onLinux('has the loader and the libraries that a program needs in an empty root', () => {
  const paths = withLibraries('usr/local/bin/node', process.execPath).map(({ path }) => path)
  assert.equal(paths[0], 'usr/local/bin/node')
  assert.ok(
    paths.some(path => /libc\.so/.test(path)),
    paths.join(' '),
  )
  assert.ok(
    paths.some(path => /\/ld-/.test(path)),
    paths.join(' '),
  )
})
libraries.run()

function unpack(file: string, to: string): void {
  const { status, stderr } = spawnSync('sh', ['-c', 'mkdir -p "$2" && tar -xf "$1" -C "$2"', 'sh', file, to])
  assert.equal(status, 0, stderr.toString())
}
