import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import { readManifest } from '../../../lib/lab/manifest.ts'
import { tempDir } from '../../support/temp-lab.ts'

const file = join(tempDir(), 'template.yaml')
const read = (text: string) => {
  writeFileSync(file, text)
  return readManifest(file, 'Pod')
}

const reads = suite('readManifest()')

reads('gives the object', () => {
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' }, spec: { nodeName: 'n' } }
  assert.deepEqual(read('# a comment\napiVersion: v1\nkind: Pod\nmetadata: { name: a }\nspec:\n  nodeName: n\n'), pod)
  assert.deepEqual(read(JSON.stringify(pod)), pod)
})

for (const [what, text, message] of [
  ['nested mappings', 'kind: Pod\n  spec: x', /:1:7: Nested mappings/],
  ['a tab', 'apiVersion: v1\nkind: Pod\n\tmetadata: x', /:3:1: Tabs are not allowed/],
  ['a key twice', 'kind: Pod\nmetadata: { name: a }\nkind: Pod', /:3:1: Map keys must be unique/],
  ['an open bracket', 'kind: Pod\nmetadata: {', /:2:\d+: /],
] as const) {
  reads(`gives file and line of a syntax error: ${what}`, () => {
    assert.throws(() => read(text), {
      name: 'UsageError',
      exitCode: 2,
      message: new RegExp(`^Cannot read ${file}${message.source}`),
      next: `fix ${file}`,
    })
  })
}

for (const [what, text, found] of [
  ['another kind', '# c\napiVersion: apps/v1\nkind: Deployment\n', 'it is Deployment'],
  ['an empty file', '', 'it is nothing with a kind'],
  ['a list', '- kind: Pod\n', 'it is nothing with a kind'],
  ['a word', 'Pod', 'it is nothing with a kind'],
  ['a kind that is no word', 'kind: [Pod]\n', 'it is nothing with a kind'],
  ['two documents', 'kind: Pod\n---\nkind: Pod', 'it has 2 documents'],
] as const) {
  reads(`refuses ${what}`, () => {
    assert.throws(() => read(text), {
      name: 'UsageError',
      message: `${file} is not a Pod: ${found}`,
      next: `put one Pod into ${file}`,
    })
  })
}

for (const [what, text] of [
  ['no metadata', 'kind: Pod\n'],
  ['an empty name', 'kind: Pod\nmetadata: { name: "" }\n'],
] as const) {
  reads(`refuses ${what}`, () => {
    assert.throws(() => read(text), { name: 'UsageError', message: `${file} has no metadata.name` })
  })
}

reads('names the file of an undefined alias', () => {
  assert.throws(() => read('apiVersion: v1\nkind: Pod\nmetadata: *none\n'), {
    name: 'UsageError',
    message: new RegExp(`^Cannot read ${file}.*none`),
  })
})

reads('names a missing file', () => {
  assert.throws(() => readManifest('/nowhere/pod.yaml', 'Pod'), {
    name: 'UsageError',
    message: /^Cannot read .*nowhere\/pod\.yaml: ENOENT/,
  })
})
reads.run()
