import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { suite } from 'uvu'
import { resolveSettings } from '../../../lib/cli/settings.ts'
import { provisionedDashboards, readDashboardFiles } from '../../../lib/grafana/dashboard-files.ts'
import { jsonFault } from '../../../lib/kube/source-documents.ts'
import { requireSources } from '../../../lib/kube/source-files.ts'

const files = suite<{ dir: string }>('readDashboardFiles()')
files.before.each(context => {
  context.dir = mkdtempSync(join(tmpdir(), 'lab-dashboards-'))
  mkdirSync(join(context.dir, 'sub'))
  for (const name of ['b.json', 'a.json', 'sub/c.json', '.hidden.json']) {
    writeFileSync(join(context.dir, name), JSON.stringify({ title: name, panels: [] }))
  }
  writeFileSync(join(context.dir, 'notes.txt'), 'no dashboard')
})
files.after.each(({ dir }) => rmSync(dir, { recursive: true, force: true }))

for (const [fact, paths, expected] of [
  ['a file', ['b.json'], ['b.json']],
  ['a folder and its subfolders', ['.'], ['a.json', 'b.json', 'sub/c.json']],
  ['a pattern', ['*.json'], ['a.json', 'b.json']],
  ['a pattern of one character', ['?.json'], ['a.json', 'b.json']],
  ['a pattern in a folder', ['s*/c.json'], ['sub/c.json']],
  ['a pattern of any depth', ['**/*.json'], ['a.json', 'b.json', 'sub/c.json']],
  ['several paths, each file once', ['b.json', '*.json'], ['b.json', 'a.json']],
] as const) {
  files(`reads ${fact}`, ({ dir }) => {
    const { found: dashboards, refused } = readDashboardFiles(paths.map(path => join(dir, path)))
    assert.deepEqual(
      dashboards.map(({ source }) => relative(dir, source)),
      expected,
    )
    assert.deepEqual(refused, [])
  })
}

files('refuses invalid JSON, other JSON and missing files by name, and reads the rest', ({ dir }) => {
  writeFileSync(join(dir, 'broken.json'), '{\n  "title": "T",\n  "panels": [],\n}\n')
  writeFileSync(join(dir, 'empty.json'), '')
  writeFileSync(join(dir, 'other.json'), '{"widgets": []}')
  const { found: dashboards, refused } = readDashboardFiles([
    join(dir, '*.json'),
    join(dir, 'away.json'),
    join(dir, 'x*.json'),
  ])
  assert.equal(dashboards.length, 2)
  const said = refused.map(({ error: { message, next } }) => [message.replaceAll(`${dir}/`, ''), next])
  const wanted = 'name a file, a folder with some, or a pattern in quotes such as "mine/*.json"'
  assert.deepEqual(said, [
    [
      'broken.json, line 3, column 15: this is no JSON: JSON does not support trailing commas',
      'correct the file, or export it again',
    ],
    ['empty.json, line 1, column 1: this is no JSON: the file is empty', 'correct the file, or export it again'],
    [
      'other.json is not a Grafana dashboard: it has neither "panels" nor "rows" nor "elements" (it has widgets)',
      'name a file that Grafana’s "Export as JSON" wrote',
    ],
    ['There is no dashboard at away.json', wanted],
    ['There is no dashboard at x*.json', wanted],
  ])
})

for (const [fact, content, what] of [
  ['rules of Prometheus', 'groups:\n  - name: a\n    rules: []\n', 'it is a file of Prometheus rules'],
  ['a Kubernetes object', 'apiVersion: v1\nkind: Service\nmetadata: { name: x }\n', 'it is a Kubernetes Service'],
] as const) {
  files(`refuses ${fact} by name if it is named, and skips it in a folder`, ({ dir }) => {
    const file = join(dir, 'file.yaml')
    writeFileSync(file, content)
    const [refused] = readDashboardFiles([file]).refused
    assert.equal(refused?.error.message, `There is no dashboard at ${file}: ${what}`)
    const inFolder = readDashboardFiles([dir])
    assert.deepEqual(inFolder.skipped, [{ source: file, reason: what }])
    assert.deepEqual([inFolder.found.length, inFolder.refused.length], [3, 0])
  })
}

files('accepts a byte order mark before the JSON', ({ dir }) => {
  writeFileSync(join(dir, 'bom.json'), '\uFEFF{"title": "T", "panels": []}')
  assert.equal(readDashboardFiles([join(dir, 'bom.json')]).found.length, 1)
})

files('refuses a path below a file, a link to itself and a path that is too long, and reads the rest', ({ dir }) => {
  symlinkSync('circle', join(dir, 'circle'))
  const paths = ['a.json/b', 'circle', 'x'.repeat(300), 'a.json'].map(path => join(dir, path))
  const { found: dashboards, refused } = readDashboardFiles(paths)
  assert.equal(dashboards.length, 1)
  assert.deepEqual(
    refused.map(({ error: { name, message } }) => [name, message.replace(/: ([A-Z]+)\b.*/, ': $1')]),
    [
      ['LabError', `There is no dashboard at ${paths[0]}`],
      ['UsageError', `Cannot read ${paths[1]}: ELOOP`],
      ['UsageError', `Cannot read ${paths[2]}: ENAMETOOLONG`],
    ],
  )
})

files(
  'refuses what is not a regular file, and a file that is too large, each by name, and reads the rest',
  async ({ dir }) => {
    execFileSync('mkfifo', [join(dir, 'pipe.json')])
    symlinkSync('pipe.json', join(dir, 'link-to-pipe.json'))
    symlinkSync('/dev/zero', join(dir, 'device.json'))
    symlinkSync('sub', join(dir, 'folder.json'))
    symlinkSync('a.json', join(dir, 'link.json'))
    writeFileSync(join(dir, 'large.json'), '')
    truncateSync(join(dir, 'large.json'), 51 * 2 ** 20)
    const server = createServer().listen(join(dir, 'socket.json'))
    await once(server, 'listening')
    try {
      const { found: dashboards, refused } = readDashboardFiles([dir])
      assert.deepEqual(
        dashboards.map(({ source }) => relative(dir, source)),
        ['a.json', 'b.json', 'link.json', 'sub/c.json'],
      )
      const notRegular = ['device.json', 'folder.json', 'link-to-pipe.json', 'pipe.json', 'socket.json'].map(
        name => `Cannot read ${name}: it is not a regular file`,
      )
      assert.deepEqual(
        refused.map(({ error: { message } }) => message.replaceAll(`${dir}/`, '')).sort(),
        [...notRegular, 'Cannot read large.json: it has 51 MiB, more than the 50 MiB that the lab reads'].sort(),
      )
      const { texts, notes } = provisionedDashboards([dir])
      assert.deepEqual([texts.size, notes.length], [4, 6])
    } finally {
      server.close()
    }
  },
)
files.run()

const dirs = suite<{ dir: string }>('requireSources(), provisionedDashboards()')
dirs.before(context => {
  context.dir = mkdtempSync(join(tmpdir(), 'lab-dashboards-'))
})
dirs.after(({ dir }) => rmSync(dir, { recursive: true, force: true }))

dirs('names an entry of the folder that it cannot read', ({ dir }) => {
  writeFileSync(join(dir, 'a.json'), '{ "title": "T", "panels": [] }')
  assert.deepEqual([...provisionedDashboards([dir]).texts], [['a.json', '{ "title": "T", "panels": [] }']])
  symlinkSync('/nowhere', join(dir, 'gone.json'))
  const next = 'set DASHBOARDS_DIR to files or folders of dashboards, separated by ":", or to none'
  const { texts, notes } = provisionedDashboards([dir])
  assert.deepEqual([...texts.keys()], ['a.json'])
  assert.match(notes.join(), new RegExp(`${dir}/gone.json`))
  const dashboardsDir = join(dir, 'a.json', 'b')
  assert.throws(() => requireSources(resolveSettings({ flags: { dashboardsDir }, env: {} }), 'dashboardsDir'), {
    name: 'UsageError',
    message: `Cannot add the dashboards of ${dashboardsDir}: there is no such file or folder`,
    next,
  })
})
dirs.run()

const faults = suite('jsonFault()')
for (const [text, place] of [
  ['{"a": [1, -2.5e3, "x\\n", {}], "b": null}', undefined],
  ['{"a": 1,}', '1:8'],
  ['[1,\n2,\n]', '2:2'],
  ['{"a" 1}', '1:6'],
  ['{a: 1}', '1:2'],
  ["{'a': 1}", '1:2'],
  ['{"a": 1} x', '1:10'],
  ['["line\nbreak"]', '1:7'],
  ['["\\x"]', '1:4'],
  ['[01]', '1:2'],
  ['{"é😀" 1}', '1:8'],
  ['', '1:1'],
  ['{"a": [1', '1:9'],
] as const) {
  faults(`${JSON.stringify(text)} has its first error at ${place ?? 'no place'}`, () => {
    const fault = jsonFault(text)
    assert.equal(fault && `${fault.line}:${fault.column}`, place)
    // Node.js agrees on whether it is JSON at all.
    if (place === undefined) JSON.parse(text)
    else assert.throws(() => JSON.parse(text))
  })
}
faults.run()

const V2 = {
  ...{ apiVersion: 'dashboard.grafana.app/v2', kind: 'Dashboard', metadata: { name: 'new' } },
  spec: { title: 'New', elements: {}, layout: { kind: 'GridLayout', spec: { items: [] } } },
}
const provisioned = suite<{ dir: string }>('provisionedDashboards()')
provisioned.before.each(context => {
  context.dir = mkdtempSync(join(tmpdir(), 'lab-dashboards-'))
  mkdirSync(join(context.dir, 'sub'))
  writeFileSync(join(context.dir, 'classic.json'), '{"title":"Classic",  "panels":[]}')
})
provisioned.after.each(({ dir }) => rmSync(dir, { recursive: true, force: true }))

provisioned('is the unchanged folder if all its dashboards are classic', ({ dir }) => {
  const { texts, folder, notes } = provisionedDashboards([dir])
  assert.deepEqual([...texts], [['classic.json', '{"title":"Classic",  "panels":[]}']])
  assert.deepEqual([folder, notes], [dir, []])
})

provisioned('converts other forms of dashboards, and notes the file', ({ dir }) => {
  writeFileSync(join(dir, 'sub', 'v2.json'), JSON.stringify(V2))
  writeFileSync(join(dir, 'api.json'), JSON.stringify({ dashboard: { title: 'Api', panels: [] }, meta: {} }))
  const { texts, folder, notes } = provisionedDashboards([dir])
  assert.deepEqual([...texts.keys()], ['api.json', 'classic.json', 'sub/v2.json'])
  assert.deepEqual([JSON.parse(texts.get('sub/v2.json') ?? '').uid, folder], ['new', undefined])
  assert.deepEqual(JSON.parse(texts.get('api.json') ?? ''), { title: 'Api', panels: [] })
  assert.deepEqual(
    notes.map(note => note.replace(`${dir}/`, '')),
    ['api.json', 'sub/v2.json'].map(
      name => `${name} is converted for Grafana, which loads only classic dashboards from files`,
    ),
  )
})

/** A dashboard of the v2 schema with rows in rows. */
function nestedRows(levels: number): string {
  const [open, close] = ['{"kind":"RowsLayout","spec":{"rows":[{"spec":{"title":"R","layout":', '}}]}}']
  const layout = `${open.repeat(levels)}{"kind":"GridLayout","spec":{"items":[]}}${close.repeat(levels)}`
  return `{"title": "{[\\"[", "elements": {"e": {}}, "layout": ${layout}}`
}

provisioned('leaves out what is nested too deeply, and takes the rest', ({ dir }) => {
  writeFileSync(join(dir, 'deep.json'), nestedRows(3_000))
  writeFileSync(join(dir, 'deep-and-broken.json'), '['.repeat(100_000))
  writeFileSync(join(dir, 'nested.json'), nestedRows(50))
  const { texts, notes } = provisionedDashboards([dir])
  assert.deepEqual([...texts.keys()], ['classic.json', 'nested.json'])
  const refusals = ['deep-and-broken.json', 'deep.json'].map(
    name => `Cannot read ${dir}/${name}: its JSON is nested deeper than 500 levels`,
  )
  assert.deepEqual(
    notes.filter(note => note.startsWith('Cannot')).map(note => note.replace(/\. It is left out.*/, '')),
    refusals,
  )
  const { found: dashboards, refused } = readDashboardFiles([dir])
  assert.equal(dashboards.length, 2)
  assert.deepEqual(
    refused.map(({ error: { message } }) => message),
    refusals,
  )
})

provisioned('writes the dashboards of ConfigMaps as files, and notes two with one uid', ({ dir }) => {
  const json = (title: string) => JSON.stringify({ title, uid: 'same', panels: [] })
  const map = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'm' },
    data: { 'a.json': json('A'), 'b.json': json('B') },
  }
  writeFileSync(join(dir, 'all.yaml'), JSON.stringify(map))
  const { texts, folder, notes } = provisionedDashboards([dir])
  assert.deepEqual([...texts.keys(), folder], ['all.yaml/m/a.json', 'all.yaml/m/b.json', 'classic.json', undefined])
  assert.deepEqual(JSON.parse(texts.get('all.yaml/m/b.json') ?? ''), { title: 'B', uid: 'same', panels: [] })
  const map1 = `${dir}/all.yaml, ConfigMap m`
  assert.deepEqual(notes, [
    `${map1}, b.json has the uid of ${map1}, a.json, same: Grafana shows only one of them; change the uid`,
    `2 of ${dir}/all.yaml: copied for Grafana, which loads each from a file`,
  ])
})

provisioned('copies the dashboards of several paths into one folder', ({ dir }) => {
  writeFileSync(join(dir, 'sub', 'classic.json'), '{"title":"Other", "panels":[]}')
  const { texts, folder } = provisionedDashboards([join(dir, 'classic.json'), join(dir, 'sub')])
  assert.deepEqual([...texts.keys(), folder], ['classic.json', 'classic-1.json', undefined])
})

provisioned('omits files that are not dashboards, and notes the reason', ({ dir }) => {
  writeFileSync(join(dir, 'list.json'), '{"some": "list", "items": []}')
  const { texts, folder, notes } = provisionedDashboards([dir])
  assert.deepEqual([[...texts.keys()], folder, notes.length], [['classic.json'], dir, 1])
  assert.match(notes[0] ?? '', /list\.json is not a Grafana dashboard: .*\. It is left out of Grafana; name a file/)
})
provisioned.run()
