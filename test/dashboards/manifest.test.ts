import assert from 'node:assert/strict'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { suite } from 'uvu'
import { inputsHash, MANIFEST, manifestText, unchangedFiles } from '../../dashboards/manifest.ts'
import { tempDir } from '../support/temp-lab.ts'

const write = (root: string, path: string, text: string) => {
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), text)
}

const inputs = suite('inputsHash()')
inputs('changes with each source and the lock file, and with no other file', () => {
  const root = tempDir()
  const sources = {
    'dashboards/a.ts': '1',
    'dashboards/panels/b.ts': '2',
    'dashboards/rules/alerts.yaml': 'groups: []',
    'lib/c.ts': '3',
    'package-lock.json': '{}',
  }
  for (const [path, text] of Object.entries(sources)) write(root, path, text)
  const before = inputsHash(root)
  write(root, 'dashboards/out/json/a.json', '{}')
  write(root, 'dashboards/out/rules/alerts.yaml', 'groups: []')
  write(root, 'tasks/t.ts', '4')
  assert.equal(inputsHash(root), before)
  for (const [path, text] of Object.entries(sources)) {
    write(root, path, `${text} `)
    assert.notEqual(inputsHash(root), before, path)
    write(root, path, text)
  }
  rmSync(join(root, 'lib/c.ts'))
  assert.notEqual(inputsHash(root), before)
})
inputs.run()

const made = suite('unchangedFiles()')
const files = new Map([
  ['json/a.json', '{}'],
  ['rules/b.yaml', 'groups: []'],
])
function folder(): string {
  const dir = tempDir()
  for (const [path, text] of files) write(dir, path, text)
  write(dir, MANIFEST, manifestText('inputs', files))
  return dir
}
made('gives the files that were generated from the same inputs', () => {
  assert.deepEqual(unchangedFiles(folder(), 'inputs'), [...files.keys()])
})
for (const [fact, spoil] of [
  ['other inputs', dir => write(dir, MANIFEST, manifestText('others', files))],
  ['a changed file', dir => write(dir, 'json/a.json', '{ }')],
  ['a missing file', dir => rmSync(join(dir, 'rules/b.yaml'))],
  ['an additional file', dir => write(dir, 'json/old.json', '{}')],
  ['no manifest', dir => rmSync(join(dir, MANIFEST))],
  ['a truncated manifest', dir => write(dir, MANIFEST, '{"inputs":"inp')],
] satisfies [string, (dir: string) => void][]) {
  made(`gives undefined for ${fact}`, () => {
    const dir = folder()
    spoil(dir)
    assert.equal(unchangedFiles(dir, 'inputs'), undefined)
  })
}
made.run()
