import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import { parse } from 'yaml'
import { labDashboards } from '../../dashboards/index.ts'
import { projectDir } from '../../lib/lab/lab.ts'
import { assertSameWords } from '../support/lab.ts'
import { importTask } from '../support/task.ts'

const dir = mkdtempSync(join(tmpdir(), 'kube-otel-lab-dashboards-'))
process.once('exit', () => rmSync(dir, { recursive: true, force: true }))
const run = async (args: readonly string[], more: NodeJS.ProcessEnv = {}) => {
  // A busy machine reports that it waits for the Docker engine.
  const env = { ...process.env, RUNTIME: 'binary', CLUSTER_NAME: `no-such-lab-${process.pid}`, ...more }
  return await importTask('dashboards.ts', args, { env, cwd: dir })
}
const filesIn = (folder: string) => readdirSync(join(dir, folder), { recursive: true, encoding: 'utf8' }).sort()

const task = suite('tasks/dashboards.ts')
task('writes everything without a cluster, and a second time nothing', async () => {
  const [first, second] = [await run(['--out', 'out']), await run(['--out', 'out'])]
  assert.deepEqual([first.status, first.stderr], [0, ''])
  const dashboards = labDashboards().length
  const all = `${dashboards} dashboards, 4 files of rules, 2 of provisioning in out; `
  assert.equal(first.stdout, `${all}${2 * dashboards + 6} changed\n`)
  assert.deepEqual([second.status, second.stdout, second.stderr], [0, `${all}0 changed\n`, ''])
  assertSameWords(readdirSync(join(dir, 'out')).sort(), ['json', 'json-tempo', 'provisioning', 'rules'], 'folders')
  assert.equal(readdirSync(join(dir, 'out', 'json')).length, dashboards)
})

task('writes the same bytes into another folder, except for its path', async () => {
  await run(['--out', 'other'])
  assertSameWords(filesIn('other'), filesIn('out'), 'files')
  for (const file of filesIn('out').filter(path => /\.(json|yaml)$/.test(path))) {
    const [one, two] = ['out', 'other'].map(folder =>
      readFileSync(join(dir, folder, file), 'utf8').replaceAll(`/${folder}/`, '/'),
    )
    assert.equal(one, two, file)
  }
})

task("provisions the user's folder, and Prometheus as in the settings", async () => {
  mkdirSync(join(dir, 'mine'))
  const { status } = await run(['--out', 'set', '--dashboards-dir', 'mine'], {
    COLLECTION_INTERVAL: '5s',
    PROMETHEUS_PORT: '19',
  })
  assert.equal(status, 0)
  const read = (file: string) =>
    parse(readFileSync(join(dir, 'set', 'provisioning', file, 'kube-otel-lab.yaml'), 'utf8'))
  const [, own] = read('dashboards').providers
  assert.match(own.options.path, /\/mine$/)
  const [prometheus] = read('datasources').datasources
  assert.deepEqual([prometheus.url, prometheus.jsonData.timeInterval], ['http://127.0.0.1:19', '5s'])
})

task('writes converted copies of dashboards that Grafana cannot load from a file, and names them', async () => {
  const mine = join(dir, 'newer')
  mkdirSync(mine)
  const layout = { kind: 'GridLayout', spec: { items: [] } }
  writeFileSync(join(mine, 'v2.json'), JSON.stringify({ title: 'New', elements: {}, layout }))
  const out = join(dir, 'converted')
  const { status, stderr } = await run(['--out', out, '--dashboards-dir', mine])
  assert.equal(status, 0)
  assert.match(stderr, /v2\.json is converted for Grafana/)
  assert.equal(JSON.parse(readFileSync(join(out, 'own', 'v2.json'), 'utf8')).title, 'New')
  const [, own] = parse(readFileSync(join(out, 'provisioning', 'dashboards', 'kube-otel-lab.yaml'), 'utf8')).providers
  assert.equal(own.options.path, join(out, 'own'))
})

task('removes the copy of a deleted dashboard, and no file of the user', async () => {
  const [mine, out] = [join(dir, 'shrinking'), join(dir, 'copies')]
  mkdirSync(mine)
  const layout = { kind: 'GridLayout', spec: { items: [] } }
  for (const name of ['a', 'b'])
    writeFileSync(join(mine, `${name}.json`), JSON.stringify({ title: name, elements: {}, layout }))
  assert.equal((await run(['--out', out, '--dashboards-dir', mine])).status, 0)
  writeFileSync(join(out, 'own', 'user.json'), '{}')
  rmSync(join(mine, 'b.json'))
  assert.match((await run(['--out', out, '--dashboards-dir', mine])).stdout, / 1 changed\n$/)
  const left = readdirSync(join(out, 'own')).filter(name => name.endsWith('.json'))
  assert.deepEqual(left.sort(), ['a.json', 'user.json'])
})

task('without a folder writes the same files for every lab, and no provisioning', async () => {
  const [first, second] = [
    await run([], { COLLECTION_INTERVAL: '5s', PROMETHEUS_PORT: '19' }),
    await run([], { CLUSTER_NAME: `no-other-lab-${process.pid}`, DASHBOARDS_DIR: dir }),
  ]
  assert.deepEqual([first.status, first.stderr], [0, ''])
  assert.match(first.stdout, /^\d+ dashboards, 4 files of rules in \S+dashboards\/out; \d+ changed\n$/)
  assert.deepEqual([second.status, second.stderr], [0, ''])
  assert.match(second.stdout, / 0 changed\n$/)
  const out = join(projectDir, 'dashboards', 'out')
  assertSameWords(
    readdirSync(out, { recursive: true, encoding: 'utf8' }).filter(path => path.startsWith('provisioning/')),
    [],
    'provisioning',
  )
})

task('refuses a missing folder of dashboards', async () => {
  const { status, stdout, stderr } = await run(['--out', 'none', '--dashboards-dir', 'nowhere'])
  assert.deepEqual([status, stdout], [2, ''])
  assert.match(stderr, /^Cannot add the dashboards of \S+\/nowhere: there is no such file or folder\n {2}Next: /)
})

task('names the file that cannot be written', async () => {
  const { status, stdout, stderr } = await run(['--out', '/dev/null/out'])
  assert.deepEqual([status, stdout], [1, ''])
  assert.match(stderr, /^Cannot write \/dev\/null\/out\/json\/[\w-]+\.json: /)
})
task.run()
