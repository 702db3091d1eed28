import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import { parse } from 'yaml'
import { generatedFiles, provisioningFiles } from '../../dashboards/output.ts'
import { uids } from '../../dashboards/uids.ts'
import { writeGenerated } from '../../lib/lab/write-generated.ts'
import { datasourcesYaml, providersYaml, provisionedOwnDir } from '../../lib/services/grafana-provisioning.ts'
import { assertSameWords } from '../support/lab.ts'
import { tempDir, tempLab } from '../support/temp-lab.ts'

const dir = mkdtempSync(join(tmpdir(), 'kube-otel-lab-output-'))
process.once('exit', () => rmSync(dir, { recursive: true, force: true }))
const targets = {
  ...{ prometheusUrl: 'http://127.0.0.1:9090', jaegerUrl: 'http://127.0.0.1:26686' },
  ...{ intervalMs: 15_000, jsonDir: '/lab/json', ownDir: undefined },
}
const files = generatedFiles()

const generated = suite('generatedFiles()')
generated('has each dashboard and the rules', () => {
  const others = ['rules/alerts.yaml', 'rules/kube-apiserver.yaml', 'rules/kubernetes.yaml', 'rules/tracing.yaml']
  const dashboards = ['json', 'json-tempo'].flatMap(folder => Object.values(uids).map(uid => `${folder}/${uid}.json`))
  const expected = [...dashboards, ...others]
  assertSameWords([...files.keys()].sort(), expected.sort(), 'files')
})
generated('gives the same bytes each time', () => {
  assert.deepEqual(generatedFiles(), files)
})
generated('writes JSON that parses to the same text', () => {
  for (const [path, text] of files) {
    if (!path.endsWith('.json')) continue
    assert.equal(`${JSON.stringify(JSON.parse(text), null, 2)}\n`, text)
  }
})
generated('has the same dashboards for Tempo, except the one with a link to traces', () => {
  const other = Object.values(uids).filter(uid => files.get(`json/${uid}.json`) !== files.get(`json-tempo/${uid}.json`))
  assert.deepEqual(other, [uids.boutique])
})
generated.run()

const provisioning = suite('provisioningFiles()')
provisioning('has the datasources and the dashboard providers', () => {
  const paths = ['datasources', 'dashboards'].map(kind => `provisioning/${kind}/kube-otel-lab.yaml`)
  assert.deepEqual([...provisioningFiles(targets).keys()], paths)
})
provisioning('has the datasource uids that dashboards use', () => {
  const { apiVersion, datasources } = parse(datasourcesYaml(targets))
  assert.equal(apiVersion, 1)
  const [first] = datasources
  assert.deepEqual(
    datasources.map(({ uid, type }: { uid: string; type: string }) => [uid, type]),
    ['prometheus', 'tempo', 'loki', 'jaeger'].map(uid => [uid, uid]),
  )
  assert.equal(datasources.at(-1).url, 'http://127.0.0.1:26686')
  const { datasources: others } = parse(datasourcesYaml({ ...targets, jaegerUrl: undefined }))
  assert.deepEqual(others, datasources.slice(0, -1))
  assert.deepEqual([first.url, first.isDefault, first.jsonData.timeInterval], ['http://127.0.0.1:9090', true, '15s'])
})
provisioning("adds the user's own folder as a second provider", () => {
  const paths = (ownDir: string | undefined) =>
    parse(providersYaml({ ...targets, ownDir })).providers.map(
      ({ folder, options }: { folder: string; options: { path: string } }) => [folder, options.path],
    )
  assert.deepEqual(paths(undefined), [['Lab', '/lab/json']])
  assert.deepEqual(paths('/home/me/boards'), [
    ['Lab', '/lab/json'],
    ['Own', '/home/me/boards'],
  ])
})
provisioning.run()

const writing = suite('writeGenerated()')
const two = new Map([
  ['json/a.json', '{}\n'],
  ['rules/a.yaml', 'groups: []\n'],
])
writing('writes missing files, readable by all users', () => {
  assert.equal(writeGenerated(join(dir, 'new'), two, { removeOthers: true }), 2)
  assert.equal(readFileSync(join(dir, 'new', 'json', 'a.json'), 'utf8'), '{}\n')
  assert.equal(statSync(join(dir, 'new', 'json', 'a.json')).mode & 0o444, 0o444)
})
writing('does not write unchanged files', () => {
  const file = join(dir, 'new', 'json', 'a.json')
  const before = statSync(file).ino
  assert.equal(writeGenerated(join(dir, 'new'), two, { removeOthers: true }), 0)
  assert.equal(statSync(file).ino, before)
})
writing('replaces changed files, and removes files that are no longer generated', () => {
  writeFileSync(join(dir, 'new', 'json', 'a.json'), 'old')
  writeFileSync(join(dir, 'new', 'rules', 'gone.yaml'), 'old')
  assert.equal(writeGenerated(join(dir, 'new'), two, { removeOthers: true }), 2)
  assert.equal(readFileSync(join(dir, 'new', 'json', 'a.json'), 'utf8'), '{}\n')
  assert.throws(() => statSync(join(dir, 'new', 'rules', 'gone.yaml')), /ENOENT/)
})
writing("keeps other files in a user's folder", () => {
  mkdirSync(join(dir, 'own'))
  writeFileSync(join(dir, 'own', 'notes.txt'), 'mine')
  assert.equal(writeGenerated(join(dir, 'own'), two, { removeOthers: false }), 2)
  assert.equal(readFileSync(join(dir, 'own', 'notes.txt'), 'utf8'), 'mine')
})
writing('names the file that it cannot write', () => {
  writeFileSync(join(dir, 'file'), '')
  assert.throws(
    () => writeGenerated(join(dir, 'file'), two, { removeOthers: false }),
    /^LabError: Cannot write .*file\/json\/a\.json: ENOTDIR/,
  )
})
writing.run()

const own = suite('provisionedOwnDir()')
own('is the folder of DASHBOARDS_DIR, so that Grafana sees changes', async () => {
  const notes: string[] = []
  const dir = tempDir()
  writeFileSync(join(dir, 'a.json'), '{"title": "A", "panels": []}')
  assert.equal(await provisionedOwnDir(tempLab({ dashboardsDir: dir }), note => notes.push(note)), dir)
  assert.equal(await provisionedOwnDir(tempLab(), note => notes.push(note)), undefined)
  assert.deepEqual(notes, [])
})

own('is a copy of converted dashboards if some are not classic', async () => {
  const notes: string[] = []
  const dir = tempDir()
  const lab = tempLab({ dashboardsDir: dir })
  writeFileSync(join(dir, 'a.json'), '{"title": "A", "panels": []}')
  const layout = { kind: 'GridLayout', spec: { items: [] } }
  writeFileSync(join(dir, 'b.json'), JSON.stringify({ title: 'B', elements: {}, layout }))
  const copy = (await provisionedOwnDir(lab, note => notes.push(note))) ?? ''
  assert.ok(copy.startsWith(lab.dir), copy)
  const { title, panels } = JSON.parse(readFileSync(join(copy, 'b.json'), 'utf8'))
  assert.deepEqual([title, panels], ['B', []])
  assert.equal(notes.length, 2)
  assert.match(notes[1] ?? '', /^Grafana reads \S+, a copy: after a change in \S+, run this again$/)
  // What is gone must not stay in Grafana.
  rmSync(join(dir, 'a.json'))
  await provisionedOwnDir(lab, () => {})
  assert.deepEqual(readdirSync(copy), ['b.json'])
})
own.run()
