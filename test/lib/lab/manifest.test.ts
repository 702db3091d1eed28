import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { suite } from 'uvu'
import { projectDir } from '../../../lib/lab/lab.ts'
import { readManifest } from '../../../lib/lab/manifest.ts'
import { tempDir } from '../../support/temp-lab.ts'

const file = join(tempDir(), 'template.yaml')
const shown = relative(projectDir, file)
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
  ['two documents', 'kind: Pod\n---\nkind: Pod', /:2:1: /],
] as const) {
  reads(`gives file and line of what is not YAML: ${what}`, () => {
    assert.throws(() => read(text), {
      name: 'UsageError',
      exitCode: 2,
      message: new RegExp(`^Cannot read ${shown}${message.source}`),
      next: `fix ${shown}`,
    })
  })
}

for (const [what, text, line, found] of [
  ['another kind', '# c\napiVersion: apps/v1\nkind: Deployment\n', 3, 'Deployment'],
  ['an empty file', '', 1, 'nothing with a kind'],
  ['a list', '- kind: Pod\n', 1, 'nothing with a kind'],
  ['a word', 'Pod', 1, 'nothing with a kind'],
  ['a kind that is no word', 'kind: [Pod]\n', 1, 'nothing with a kind'],
] as const) {
  reads(`gives file and line of ${what}`, () => {
    assert.throws(() => read(text), {
      name: 'UsageError',
      message: `${shown}:${line} is not a Pod: it is ${found}`,
      next: `put one Pod into ${shown}`,
    })
  })
}

for (const [what, text] of [
  ['no metadata', 'kind: Pod\n'],
  ['an empty name', 'kind: Pod\nmetadata: { name: "" }\n'],
] as const) {
  reads(`refuses ${what}`, () => {
    assert.throws(() => read(text), { name: 'UsageError', message: `${shown} has no metadata.name` })
  })
}

reads('gives file and line of an undefined alias', () => {
  assert.throws(() => read('apiVersion: v1\nkind: Pod\nmetadata: *none\n'), {
    name: 'UsageError',
    message: new RegExp(`^Cannot read ${shown}.*none`),
  })
})

reads('names a missing file', () => {
  assert.throws(() => readManifest('/nowhere/pod.yaml', 'Pod'), {
    name: 'UsageError',
    message: /^Cannot read .*nowhere\/pod\.yaml: ENOENT/,
  })
})
reads.run()
