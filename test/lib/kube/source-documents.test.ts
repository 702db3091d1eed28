import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, statSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { suite } from 'uvu'
import { stringify } from 'yaml'
import { documentKind } from '../../../lib/kube/document-kind.ts'
import {
  readSources,
  type SourceDocument,
  type SourceMemory,
  skippedLines,
} from '../../../lib/kube/source-documents.ts'
import { sourcesStamp } from '../../../lib/kube/source-files.ts'
import { tempDir } from '../../support/temp-lab.ts'

const board = (title: string) => ({ title, uid: title, panels: [] })
const configMap = (name: string, data: Record<string, string>) => ({
  ...{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'boards' } },
  data,
})

/** Writes files into a new folder: texts, or YAML documents. */
function folderWith(files: Record<string, string | readonly unknown[]>): string {
  const dir = tempDir()
  for (const [name, content] of Object.entries(files)) {
    const text = typeof content === 'string' ? content : content.map(each => stringify(each)).join('---\n')
    mkdirSync(dirname(join(dir, name)), { recursive: true })
    writeFileSync(join(dir, name), text)
  }
  return dir
}

/** Reads every document, and what was refused or skipped, without the folder's path. */
function read(dir: string, paths = ['']) {
  const options = { what: 'dashboard', read: (document: SourceDocument) => document } as const
  const { found, refused, skipped } = readSources(
    paths.map(path => join(dir, path)),
    options,
  )
  const short = (text: string) => text.replaceAll(`${dir}/`, '')
  return {
    found: found.map(({ source, name, value }) => [short(source), name, (value as { title?: string }).title]),
    refused: refused.map(({ error }) => short(error.message)),
    skipped: skipped.map(({ source, reason }) => [short(source), reason]),
  }
}

const documents = suite('readSources()')

documents('reads several documents of a YAML file', () => {
  const dir = folderWith({ 'a.yaml': [board('A'), board('B')], 'c.yml': [board('C')] })
  assert.deepEqual(read(dir).found, [
    ['a.yaml, document 1', 'a.yaml/1', 'A'],
    ['a.yaml, document 2', 'a.yaml/2', 'B'],
    ['c.yml', 'c.yml', 'C'],
  ])
})

documents('reads each key of ConfigMaps, also in a List and in JSON', () => {
  const list = {
    ...{ apiVersion: 'v1', kind: 'ConfigMapList' },
    items: [
      configMap('one', { 'a.json': JSON.stringify(board('A')), 'b.yaml': stringify(board('B')), 'c.txt': 'x' }),
      configMap('two', { 'a.json': JSON.stringify(board('C')) }),
    ],
  }
  const expected = (file: string) => [
    [`${file}, ConfigMap boards/one, a.json`, `${file}/one/a.json`, 'A'],
    [`${file}, ConfigMap boards/one, b.yaml`, `${file}/one/b.yaml`, 'B'],
    [`${file}, ConfigMap boards/two, a.json`, `${file}/two/a.json`, 'C'],
  ]
  const dir = folderWith({ 'list.yaml': [list], 'list.json': JSON.stringify(list) })
  assert.deepEqual(read(dir).found, [...expected('list.json'), ...expected('list.yaml')])
})

documents('names the objects of a List', () => {
  const resource = (name: string) => ({
    ...{ apiVersion: 'dashboard.grafana.app/v1beta1', kind: 'Dashboard', metadata: { name } },
    spec: board(name),
  })
  const { kind: _, apiVersion: __, ...bare } = configMap('m', { 'a.json': JSON.stringify(board('A')) })
  const dir = folderWith({
    'a.yaml': [{ apiVersion: 'v1', kind: 'List', items: [resource('one'), resource('two')] }],
    'b.yaml': [{ apiVersion: 'v1', kind: 'ConfigMapList', items: [bare] }],
  })
  assert.deepEqual(
    read(dir).found.map(([source]) => source),
    ['a.yaml, Dashboard one', 'a.yaml, Dashboard two', 'b.yaml, ConfigMap boards/m, a.json'],
  )
})

documents('names a broken key, and reads the others', () => {
  const dir = folderWith({
    'a.yaml': [configMap('m', { 'a.json': '{', 'b.yaml': 'a: [', 'c.json': '{"title": "C"}' })],
  })
  const { found, refused, skipped } = read(dir)
  assert.deepEqual(found, [['a.yaml, ConfigMap boards/m, c.json', 'a.yaml/m/c.json', 'C']])
  assert.match(refused.join('\n'), /^a\.yaml, ConfigMap boards\/m, a\.json, line 1, column 2: this is no JSON: .*$/)
  assert.deepEqual(skipped, [['a.yaml, ConfigMap boards/m, b.yaml', 'it can’t be parsed']])
})

documents('reads GrafanaDashboard objects, and skips those that are elsewhere', () => {
  const object = (name: string, spec: object) => ({
    ...{ apiVersion: 'grafana.integreatly.org/v1beta1', kind: 'GrafanaDashboard', metadata: { name } },
    spec,
  })
  const packed = gzipSync(JSON.stringify(board('B'))).toString('base64')
  const dir = folderWith({
    'a.yaml': [
      object('a', { json: JSON.stringify(board('A')) }),
      object('b', { gzipJson: packed }),
      object('c', { url: 'https://boards.example/c.json' }),
      object('d', {}),
    ],
  })
  const { found, skipped } = read(dir)
  assert.deepEqual(
    found.map(([source, , title]) => [source, title]),
    [
      ['a.yaml, GrafanaDashboard a', 'A'],
      ['a.yaml, GrafanaDashboard b', 'B'],
    ],
  )
  assert.deepEqual(skipped, [
    ['a.yaml, GrafanaDashboard c', 'its dashboard is at spec.url, which the lab does not fetch'],
    ['a.yaml, GrafanaDashboard d', 'it has no spec.json'],
  ])
})

documents('tells objects of one name apart', () => {
  const same = configMap('m', { 'a.json': JSON.stringify(board('A')) })
  const sources = read(folderWith({ 'a.yaml': [same, same] })).found.map(([source]) => source)
  assert.deepEqual(sources, ['a.yaml, ConfigMap boards/m, a.json', 'a.yaml, ConfigMap boards/m, a.json (2)'])
})

documents('takes patterns with braces and character classes', () => {
  const dir = folderWith({ 'a1.json': '{}', 'a2.json': '{}', 'b1.json': '{}', 'sub/c1.json': '{}', 'a1.txt': '{}' })
  const names = (path: string) => read(dir, [path]).found.map(([source]) => source)
  assert.deepEqual(names('{a,b}1.json'), ['a1.json', 'b1.json'])
  assert.deepEqual(names('[!b]1.json'), ['a1.json'])
  assert.deepEqual(names('**/{a2,c1}.*'), ['a2.json', 'sub/c1.json'])
})

documents('names the place of an error in YAML, and the limits of size', () => {
  const dir = folderWith({ 'a.yaml': 'a: 1\nb: [\n', 'empty.json': '', 'big.yaml': '', 'big.json': '' })
  truncateSync(join(dir, 'big.yaml'), 200 * 2 ** 20)
  truncateSync(join(dir, 'big.json'), 200 * 2 ** 20)
  const { refused } = read(dir)
  assert.match(refused[0] ?? '', /^Cannot read a\.yaml:3:1: /)
  assert.deepEqual(refused.slice(1), [
    'Cannot read big.json: it has 200 MiB, more than the 50 MiB that the lab reads',
    'Cannot read big.yaml: it has 200 MiB, more than the 10 MiB that the lab reads',
    'empty.json, line 1, column 1: this is no JSON: the file is empty',
  ])
})

documents('refuses folders with the ending of a file by name, and what is no file', () => {
  const dir = folderWith({ 'real/a.json': '{}' })
  symlinkSync('real', join(dir, 'link.json'))
  mkdirSync(join(dir, 'folder.yaml'))
  execFileSync('mkfifo', [join(dir, 'pipe.yaml')])
  symlinkSync('nowhere', join(dir, 'gone.json'))
  const { found, refused } = read(dir)
  assert.deepEqual(
    found.map(([source]) => source),
    ['real/a.json'],
  )
  assert.match(
    refused.join('\n'),
    /^Cannot read gone\.json: ENOENT.*\nCannot read link\.json: it is not a regular file\nCannot read pipe\.yaml: it is not a regular file$/,
  )
})

documents('refuses files that it may not read, and reads the others', () => {
  const dir = folderWith({ 'a.json': '{}', 'b.json': '{}', 'c.yaml': '{}' })
  for (const name of ['b.json', 'c.yaml']) chmodSync(join(dir, name), 0)
  chmodSync(dir, 0o755)
  // Root may read them: as another user.
  const isRoot = process.getuid?.() === 0
  if (isRoot) process.seteuid?.(65_534)
  const { found, refused } = ((): ReturnType<typeof read> => {
    try {
      return read(dir)
    } finally {
      if (isRoot) process.seteuid?.(0)
    }
  })()
  assert.deepEqual(
    found.map(([source]) => source),
    ['a.json'],
  )
  assert.match(refused.join('\n'), /^Cannot read b\.json: EACCES: .*\nCannot read c\.yaml: EACCES: .*$/)
})

documents('keeps what a key had while it is broken, and takes the others', () => {
  const text = (a: string, b: string) => stringify(configMap('m', { 'a.json': a, 'b.json': b }))
  const dir = folderWith({ 'm.yaml': text('{"title": "A"}', '{"title": "B"}') })
  const memory: SourceMemory<SourceDocument> = new Map()
  const titles = () =>
    readSources([dir], { what: 'dashboard', read: each => each, memory })
      .found.map(({ value }) => (value as { title: string }).title)
      .sort()
  assert.deepEqual(titles(), ['A', 'B'])
  writeFileSync(join(dir, 'm.yaml'), text('{"title": ', '{"title": "New"}'))
  assert.deepEqual(titles(), ['A', 'New'])
})

documents('keeps what a file had while it is broken, and forgets it when the file is deleted', () => {
  const dir = folderWith({ 'a.json': JSON.stringify(board('A')), 'b.json': JSON.stringify(board('B')) })
  const memory: SourceMemory<SourceDocument> = new Map()
  const titles = () => {
    const { found, refused } = readSources([dir], { what: 'dashboard', read: each => each, memory })
    const all = found.map(({ value }) => (value as { title: string }).title)
    return [all.sort().join(), refused.length]
  }
  assert.deepEqual(titles(), ['A,B', 0])
  writeFileSync(join(dir, 'a.json'), '{"title": ')
  assert.deepEqual(titles(), ['A,B', 1])
  assert.deepEqual(titles(), ['A,B', 1])
  writeFileSync(join(dir, 'a.json'), JSON.stringify(board('New')))
  assert.deepEqual(titles(), ['B,New', 0])
  execFileSync('rm', [join(dir, 'a.json')])
  assert.deepEqual(titles(), ['B', 0])
})

documents('sees that a file was replaced by one of the same size and time, and that its mode changed', async () => {
  const dir = folderWith({ 'a.yaml': 'a: 1\n' })
  const file = join(dir, 'a.yaml')
  const { atime, mtime } = statSync(file)
  const write = () => {
    writeFileSync(file, 'a: 2\n')
    utimesSync(file, atime, mtime)
  }
  const stamps = new Set<string>()
  for (const change of [() => {}, write, () => chmodSync(file, 0)]) {
    change()
    stamps.add(sourcesStamp([dir], 'rule file'))
    // The kernel's time of a change advances by some milliseconds.
    await sleep(50)
  }
  assert.equal(stamps.size, 3)
})
documents.run()

const kinds = suite('documentKind()')
const group = (rule: object, more: object = {}) => ({ groups: [{ name: 'g', rules: [rule], ...more }] })
for (const [fact, value, expected] of [
  ['a rule file', group({ alert: 'A', expr: 'up{job="x"} != 1' }), 'rules: a file of Prometheus rules'],
  ['an empty rule file', { groups: [] }, 'rules: a file of Prometheus rules'],
  [
    'a PrometheusRule',
    { apiVersion: 'monitoring.coreos.com/v1', kind: 'PrometheusRule', spec: {} },
    'rules: a file of Prometheus rules',
  ],
  [
    "Grafana's alert rules",
    { apiVersion: 1, ...group({ uid: 'u', title: 'T', condition: 'C', data: [] }, { folder: 'F' }) },
    'other: a file of alert rules that Grafana evaluates, not Prometheus',
  ],
  ["Grafana's contact points", { apiVersion: 1, contactPoints: [] }, 'other: alert provisioning of Grafana'],
  [
    "Loki's rules with a filter",
    group({ alert: 'A', expr: 'sum(rate({app="x"} |= "error" [5m])) > 1' }),
    'other: a file of Loki rules, with queries in LogQL',
  ],
  [
    "Loki's rules with a parser",
    group({ alert: 'A', expr: 'sum(rate({app="x"} | json [5m])) > 1' }),
    'other: a file of Loki rules, with queries in LogQL',
  ],
  [
    "an object of Loki's operator",
    { apiVersion: 'loki.grafana.com/v1', kind: 'AlertingRule', spec: {} },
    'other: a Kubernetes AlertingRule, with rules of Loki',
  ],
  [
    "Mimir's rules",
    { namespace: 'team', ...group({ alert: 'A', expr: 'up' }) },
    'other: a file of Mimir rules, with fields that Prometheus does not have',
  ],
  ['a Deployment', { apiVersion: 'apps/v1', kind: 'Deployment' }, 'other: a Kubernetes Deployment'],
  ['a dashboard', board('A'), 'dashboard: a Grafana dashboard'],
  ['an answer of the HTTP API', { dashboard: board('A'), meta: {} }, 'dashboard: a Grafana dashboard'],
  ['a dashboard of the v2 schema', { title: 'T', elements: {}, layout: {} }, 'dashboard: a Grafana dashboard'],
  ['anything else', { a: 1 }, undefined],
  ['no object', [1], undefined],
] as const) {
  kinds(`recognizes ${fact}`, () => {
    const kind = documentKind(value)
    assert.equal(kind && `${kind.is}: ${kind.what}`, expected)
  })
}
kinds.run()

const skips = suite('skippedLines()')
skips('has a line for each reason, with a few names', () => {
  const lines = skippedLines([...'abcde'].map(source => ({ source, reason: source === 'e' ? 'it is y' : 'it is x' })))
  assert.deepEqual(lines, ['Skipped, it is x: a; and 3 more', 'Skipped, it is y: e'])
})
skips.run()
