import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { suite } from 'uvu'
import { fields, items } from '../../lib/kube/json.ts'
import { type RunningPrometheus, startPrometheus } from '../lib/checks/verify/prometheus-fixture.ts'
import { freePort } from '../support/free-ports.ts'
import { assertSays } from '../support/lab.ts'
import { importTask, runTask, type TaskOutcome } from '../support/task.ts'
import { tempDir } from '../support/temp-lab.ts'

const dir = tempDir()
const nowMs = Date.now()
// Far ahead, for a busy machine: Prometheus forgets a series 45 s after its last sample.
const lines = [...Array(120).keys()].map(at => `up{job="web"} 1 ${(nowMs - 300_000 + at * 10_000) / 1_000}`)
const { KUBECONFIG: _, ...env } = process.env

/** Runs the task without a lab. */
async function verify(args: string[]): Promise<TaskOutcome> {
  const own = {
    RUNTIME: 'binary',
    CLUSTER_NAME: `no-such-lab-${process.pid}`,
    KWOK_WORKDIR: join(dir, 'kwok'),
    NO_COLOR: '1',
  }
  return await importTask('verify.ts', args, { env: { ...env, ...own }, cwd: dir })
}

/** Writes a dashboard with one panel a query; those of `type` go to another datasource. */
function dashboardFile(name: string, exprs: readonly string[], more: Record<string, unknown>[] = []): string {
  const datasource = { type: 'prometheus', uid: 'p' }
  const panels = exprs.map((expr, id) => ({
    ...{ id, title: `Panel ${id}`, type: 'timeseries', datasource, targets: [{ refId: 'A', expr, datasource }] },
  }))
  const path = join(dir, `${name}.json`)
  writeFileSync(path, JSON.stringify({ title: name, uid: name, schemaVersion: 39, panels: [...panels, ...more] }))
  return path
}

const task = suite<{ prometheus: RunningPrometheus; to: (...paths: string[]) => Promise<TaskOutcome> }>(
  'tasks/verify.ts',
)
task.before(async context => {
  context.prometheus = await startPrometheus(lines)
  const url = ['--prometheus-url', context.prometheus.url]
  context.to = (...paths) => verify([...url, ...paths.flatMap(path => ['--dashboards', path])])
})
task.after(({ prometheus }) => prometheus?.stop())

task('passes any dashboard that has data, and reports that nothing is compared', async ({ to }) => {
  const { status, stdout, stderr } = await to(dashboardFile('good', ['count(up)', 'up{job="web"}']))
  assert.deepEqual([status, stderr], [0, ''])
  assertSays(stdout, /^good +2 +2 +2 +0 +0 +0 +0 +ok$/m)
  assertSays(stdout, /No cluster is known for this Prometheus, so numbers are not compared/)
  assertSays(
    stdout,
    /2 queries \(\d+ requests\) in \d+\.\d s: 2 ok, none of them compared .*; 0 failed, 0 excused, 0 skipped$/m,
  )
})

task('verifies rules from standard input, and no dashboard', ({ prometheus }) => {
  const rules = [
    { alert: 'Up', expr: 'up == 1' },
    { record: 'a:b', expr: 'sum(gone)' },
  ]
  const args = ['--prometheus-url', prometheus.url, '--rules', '-']
  const input = JSON.stringify({ groups: [{ name: 'g', rules }] })
  const { status, stdout } = runTask('verify', args, { ...env, CLUSTER_NAME: 'no-such-lab', NO_COLOR: '1' }, input)
  assertSays(stdout, /^Rules +0 +2 +1 +0 +1 +0 +0 +FAILED$/m)
  assertSays(stdout, /^Alerts: 1 firing \(Up\), 0 pending, 0 inactive$/m)
  assertSays(stdout, /^FAILED standard input \/ a:b: no data\n {2}query +sum\(gone\)\n/m)
  assert.equal(status, 1)
})

task('names each failure: dashboard, panel, query as sent, what it got and expected, a hint', async ({ to }) => {
  const { status, stdout } = await to(dashboardFile('bad', ['sum(rate(upp[$__rate_interval]))', '0', 'sum(up']))
  assert.equal(status, 1)
  assertSays(stdout, /^bad +3 +3 +0 +0 +3 +0 +0 +FAILED$/m)
  assertSays(
    stdout,
    /FAILED bad \/ Panel 0 \/ A: no data \(variables: all\)\n {2}query +sum\(rate\(upp\[40s\]\)\)\n {2}got +no series\n {2}expected +at least one series\n {2}hint +Prometheus has no metric upp; did you mean up\?\n/,
  )
  assertSays(
    stdout,
    /^spelling: 1 failure in 1 place: .*\n {2}bad \/ Panel 0, A: .*did you mean up\?\nconstant: 1 failure/m,
  )
  assertSays(stdout, /FAILED bad \/ Panel 1 \/ A: constant/)
  assertSays(stdout, /FAILED bad \/ Panel 2 \/ A: error .*\n.*\n {2}got +.*parse error: unclosed left parenthesis/)
})

task('skips and counts panels of other datasources, and verifies the rest', async ({ to }) => {
  const loki = { type: 'loki', uid: 'l' }
  const others = [
    {
      id: 8,
      title: 'Logs',
      type: 'logs',
      datasource: loki,
      targets: [{ refId: 'A', expr: '{a="b"}', datasource: loki }],
    },
    { id: 9, title: 'Shared', libraryPanel: { uid: 'x', name: 'Shared' } },
  ]
  const { status, stdout } = await to(dashboardFile('mixed', ['up'], others))
  assert.equal(status, 0)
  assertSays(stdout, /^mixed +\d +1 +1 +0 +0 +0 +2 +ok$/m)
  assertSays(stdout, /^1 skipped: .*[Ll]oki/m)
})

task('reports dashboards with nothing to check, and fails when there are no others', async ({ to, prometheus }) => {
  const sql = { type: 'mysql', uid: 'm' }
  const library = dashboardFile('library', [], [{ id: 1, title: 'Shared', libraryPanel: { uid: 'x', name: 'Shared' } }])
  const table = {
    id: 1,
    title: 'Rows',
    type: 'table',
    targets: [{ refId: 'A', rawSql: 'select 1', datasource: sql }],
  }
  const other = dashboardFile('other', [], [table])
  const none = dashboardFile('none', [])
  const alone = await to(library, other, none)
  assert.equal(alone.status, 1)
  for (const name of ['library', 'other', 'none'])
    assertSays(alone.stdout, new RegExp(`^${name} .* nothing to check$`, 'm'))
  assertSays(alone.stdout, /0 failed, .*\n3 of 3 dashboards: nothing to check$/m)
  assertSays(
    alone.stderr,
    /^Nothing was checked: library: 1 × is a library panel, .*; other: 1 × asks mysql \(m\), not Prometheus; none: has no query\n {2}Next: name a dashboard whose own panels query Prometheus/,
  )
  const [json, junit] = [join(dir, 'nothing.json'), join(dir, 'nothing.xml')]
  const paths = [library, dashboardFile('some', ['up'])].flatMap(path => ['--dashboards', path])
  const beside = await verify(['--prometheus-url', prometheus.url, ...paths, '--json', json, '--junit', junit])
  assert.deepEqual([beside.status, beside.stderr], [0, ''])
  assertSays(beside.stdout, /\n1 of 2 dashboards: nothing to check$/m)
  assert.deepEqual(
    items(fields(JSON.parse(readFileSync(json, 'utf8')))['dashboards']).map(each => fields(each)['verdict']),
    ['nothing to check', 'ok'],
  )
  assertSays(
    readFileSync(junit, 'utf8'),
    /<testsuite name="library" .* skipped="1">\n.*<skipped message="nothing to check"/,
  )
})

task('keeps the results of dashboards and panels with the same title apart', async ({ prometheus }) => {
  const panel = (id: number, expr: string) => ({ id, title: 'P', type: 'stat', targets: [{ refId: 'A', expr }] })
  const paths = [
    [panel(1, 'up'), panel(2, 'missing')],
    [panel(1, 'up'), panel(2, 'count(up)')],
  ].map((panels, at) => {
    const path = join(dir, `twin-${at}.json`)
    writeFileSync(path, JSON.stringify({ title: 'Twin', uid: 'twin', panels }))
    return path
  })
  const words = ['--prometheus-url', prometheus.url, ...paths.flatMap(path => ['--dashboards', path])]
  const [json, junit] = [join(dir, 'twins.json'), join(dir, 'twins.xml')]
  const { status, stdout } = await verify([...words, '--json', json, '--junit', junit])
  assert.equal(status, 1)
  assertSays(stdout, /^Twin \(.*twin-0\.json\) .* FAILED$/m)
  assertSays(stdout, /^Twin \(.*twin-1\.json\) .* ok$/m)
  assertSays(stdout, /^FAILED Twin \(.*twin-0\.json\) \/ P \/ A: no data/m)
  const { dashboards, failures } = fields(JSON.parse(readFileSync(json, 'utf8')))
  assert.deepEqual(
    items(failures).map(each => [fields(each)['source'], fields(each)['panelId']]),
    [[paths[0], 2]],
  )
  assert.deepEqual(
    items(dashboards).map(each =>
      items(fields(each)['byPanel']).map(found => [fields(found)['id'], fields(found)['failed']]),
    ),
    [
      [
        [1, 0],
        [2, 1],
      ],
      [
        [1, 0],
        [2, 0],
      ],
    ],
  )
  const failed = [...readFileSync(junit, 'utf8').matchAll(/<testsuite name="(.*?)" .*? failures="1"/g)]
  assert.deepEqual(
    failed.map(([, name]) => name),
    [`Twin (${basename(String(paths[0]))})`],
  )
})

task('reports a file that is no dashboard, and verifies the others', async ({ to }) => {
  const broken = join(dir, 'broken.json')
  writeFileSync(broken, '{"panels": [')
  const { status, stdout } = await to(broken, dashboardFile('fine', ['up']), join(dir, 'no-such.json'))
  assert.equal(status, 1)
  assertSays(stdout, /^fine +1 +1 +1 .*ok$/m)
  assertSays(stdout, /unreadable/)
  assertSays(stdout, /broken\.json/)
  assertSays(stdout, /no-such\.json/)
})

task('writes JSON and JUnit, and prints the JSON alone for -', async ({ prometheus }) => {
  const [json, junit] = [join(dir, 'report.json'), join(dir, 'report.xml')]
  const path = dashboardFile('<odd> & "quoted"'.replaceAll('/', ''), ['up', 'vector(1)'])
  const words = ['--prometheus-url', prometheus.url, '--dashboards', path]
  const { status, stdout } = await verify([...words, '--json', json, '--json', '-', '--junit', junit])
  assert.equal(status, 1)
  assert.equal(stdout.trimEnd(), readFileSync(json, 'utf8').trimEnd())
  const report = fields(JSON.parse(stdout))
  assert.deepEqual(
    items(report['failures']).map(each => fields(each)['problem']),
    ['constant'],
  )
  const xml = readFileSync(junit, 'utf8')
  assertSays(xml, /<testsuite name="&lt;odd&gt; &amp; &quot;quoted&quot;" tests="2" failures="1" skipped="0">/)
  assertSays(xml, /<failure type="constant" message="constant: got 1, expected something measured">/)
})

task('reports that Prometheus can’t be reached, and what to do', async () => {
  const path = dashboardFile('away', ['up'])
  const { status, stdout, stderr } = await verify([
    '--prometheus-url',
    `http://127.0.0.1:${await freePort()}`,
    '--dashboards',
    path,
  ])
  assert.deepEqual([status, stdout], [1, ''])
  assertSays(
    stderr,
    /^Cannot query Prometheus at http:\/\/127\.0\.0\.1:\d+: .*ECONNREFUSED.*\n {2}Next: see whether PROMETHEUS_URL/,
  )
})

task('refuses an invalid URL', async () => {
  const { status, stderr } = await verify(['--prometheus-url', 'localhost:9090'])
  assert.equal(status, 2)
  assertSays(stderr, /^--prometheus-url=localhost:9090 is invalid: it must be auto, or a URL/)
})
task.run()
