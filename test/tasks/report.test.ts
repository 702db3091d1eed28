import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import { type RunningPrometheus, startPrometheus } from '../lib/checks/verify/prometheus-fixture.ts'
import { assertSays } from '../support/lab.ts'
import { importTask, type TaskOutcome } from '../support/task.ts'
import { tempDir } from '../support/temp-lab.ts'

const dir = tempDir()
const nowMs = Date.now()
const jobs = ['web', '<b>bold</b>']
const lines = jobs.flatMap(job =>
  // Far ahead, for a busy machine: Prometheus forgets a series 45 s after its last sample.
  [...Array(120).keys()].map(
    at => `requests{job="${job}"} ${2048 + Math.min(at, 29)} ${(nowMs - 300_000 + at * 10_000) / 1_000}`,
  ),
)
const { KUBECONFIG: _, ...env } = process.env

/** Runs the task without a lab. */
async function report(args: string[], more: NodeJS.ProcessEnv = {}): Promise<TaskOutcome> {
  const own = {
    RUNTIME: 'binary',
    CLUSTER_NAME: `no-such-lab-${process.pid}`,
    KWOK_WORKDIR: join(dir, 'kwok'),
    NO_COLOR: '1',
    ...more,
  }
  const outcome = await importTask('report.ts', args, { env: { ...env, ...own }, cwd: dir })
  // A busy machine takes more than the half minute after which a report shows its progress.
  return { ...outcome, stderr: outcome.stderr.replace(/^Reporting: .*\n/gm, '') }
}

function dashboardFile(name: string, panels: Record<string, unknown>[]): string {
  const path = join(dir, `${name}.json`)
  const placed = panels.map((panel, id) => ({ id, datasource: { type: 'prometheus', uid: 'p' }, ...panel }))
  writeFileSync(path, JSON.stringify({ title: name, uid: name, schemaVersion: 39, panels: placed }))
  return path
}

const task = suite<{ prometheus: RunningPrometheus; url: string[] }>('tasks/report.ts')
task.before(async context => {
  context.prometheus = await startPrometheus(lines)
  context.url = ['--prometheus-url', context.prometheus.url]
})
task.after(({ prometheus }) => prometheus?.stop())

task('writes one file with every panel and its verdict, without scripts and external resources', async ({ url }) => {
  const good = dashboardFile('good', [
    {
      title: 'Newest',
      type: 'stat',
      fieldConfig: { defaults: { unit: 'bytes' } },
      targets: [{ refId: 'A', expr: 'max(requests)', instant: true }],
    },
    { title: 'Over time', type: 'timeseries', targets: [{ refId: 'A', expr: 'requests', legendFormat: '{{job}}' }] },
    { title: 'Words', type: 'text', options: { content: '<script>alert(1)</script>' } },
  ])
  const out = join(dir, 'good.html')
  const { status, stdout, stderr } = await report([...url, '--dashboards', good, '--out', out])
  assert.deepEqual([status, stderr], [0, ''])
  assert.equal(stdout, `1 dashboard in good.html (0.0 MB); verify: 0 failed\n`)
  const text = readFileSync(out, 'utf8')
  assertSays(text, /<strong>2.03 KiB<\/strong>/)
  assertSays(text, /<svg aria-hidden="true"[\s\S]*&#60;b&#62;bold&#60;\/b&#62;/)
  assertSays(text, /✓ has data/)
  assertSays(text, /max\(requests\)/)
  assertSays(text, /Content-Security-Policy" content="default-src &#39;none&#39;/)
  assert.doesNotMatch(text, /<script|<b>bold|src="http|href="http|@import|url\((?!#)/)
})

task('compares with an earlier report: what changed is in the file and, as Markdown, beside it', async ({ url }) => {
  const stat = (expr: string) => [{ title: 'Number', type: 'stat', targets: [{ refId: 'A', expr, instant: true }] }]
  const file = dashboardFile('twice', stat('max(requests)'))
  const [first, second] = ['first.html', 'second.html'].map(name => join(dir, name))
  await report([...url, '--dashboards', file, '--out', first ?? ''])
  dashboardFile('twice', stat('max(requests'))
  const early = join(dir, 'first.json')
  const { status, stderr } = await report([...url, '--dashboards', file, '--out', second ?? ''], { BEFORE: early })
  assert.equal(status, 1)
  assertSays(stderr, /^Wrote what changed as Markdown to .*second\.md$/m)
  const markdown = readFileSync(join(dir, 'second.md'), 'utf8')
  assertSays(markdown, /2 verdicts, 1 cause, 1 number .*Failed before 0, now 1\./)
  assertSays(markdown, /^\| twice \/ Number \| has data \| failed \|$/m)
  assertSays(readFileSync(second ?? '', 'utf8'), /<h2>Differences<\/h2>[\s\S]*has data<\/td><td class="words">failed/)
  const none = await report([...url, '--dashboards', file, '--out', second ?? '', '--before', file])
  assert.equal(none.status, 1)
  assertSays(none.stderr, /Cannot compare with .*twice\.json/)
})

task('names what failed in the file, draws the rest, and ends with 1', async ({ url }) => {
  const bad = dashboardFile('bad', [
    { title: 'Broken', type: 'stat', targets: [{ refId: 'A', expr: 'sum(requests', instant: true }] },
    { title: 'Fine', type: 'stat', targets: [{ refId: 'A', expr: 'count(requests)', instant: true }] },
  ])
  const broken = join(dir, 'broken.json')
  writeFileSync(broken, '{"panels": [')
  const out = join(dir, 'bad.html')
  const { status, stdout } = await report([...url, '--dashboards', bad, '--dashboards', broken, '--out', out])
  assert.equal(status, 1)
  assertSays(stdout, /verify: 2 failed/)
  const text = readFileSync(out, 'utf8')
  assertSays(text, /Prometheus gave no answer to A: .*unclosed left parenthesis/)
  assertSays(text, /✗ 1 of 1 checks failed/)
  assertSays(text, /broken\.json/)
  assertSays(text, /<strong>2<\/strong>/)
})

task('gives each dashboard and panel its own id and verdict, whatever their uids and titles', async ({ url }) => {
  const panel = (expr: string) => ({ title: 'P', type: 'stat', targets: [{ refId: 'A', expr, instant: true }] })
  const given = [
    { title: '概要', panels: [panel('count(requests)')] },
    { title: '状態', panels: [panel('missing'), panel('count(requests)')] },
    { title: 'Twin', uid: 'twin', panels: [panel('missing')] },
    { title: 'Twin', uid: 'twin', panels: [panel('count(requests)')] },
    { title: 'Words only', uid: 'words', panels: [{ title: 'W', type: 'text', options: { content: 'x' } }] },
  ]
  const paths = given.map((json, at) => {
    const path = join(dir, `odd-${at}.json`)
    writeFileSync(path, JSON.stringify(json))
    return path
  })
  const out = join(dir, 'odd.html')
  const { status } = await report([...url, ...paths.flatMap(path => ['--dashboards', path]), '--out', out])
  assert.equal(status, 1)
  const text = readFileSync(out, 'utf8')
  const ids = [...text.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id)
  assert.equal(new Set(ids).size, ids.length, ids.join())
  const linked = [...text.matchAll(/<li><a href="#(.*?)">(.*?)<\/a> <span class="(\w+)">/g)]
  assert.deepEqual(
    linked.map(([, id, title, verdict]) => [ids.includes(id), title?.replace(/\(.*odd-/, '('), verdict]),
    [
      [true, '概要', 'ok'],
      [true, '状態', 'failed'],
      [true, 'Twin (2.json)', 'failed'],
      [true, 'Twin (3.json)', 'ok'],
      [true, 'Words only', 'verdict'],
    ],
  )
  // Of the two panels of one title, the one is wrong and the other is not.
  const [, second = ''] = text.split(/<section aria-labelledby="d-/).slice(1)
  assert.equal(second.match(/✗ 1 of 1 checks failed/g)?.length, 1)
  assert.equal(second.match(/✓ has data/g)?.length, 1)
  assertSays(text, /Nothing to check: no panel has a query for Prometheus/)
})

task('has the rules with their states and what is wrong with them', async ({ url }) => {
  const rules = [
    { alert: 'Many', expr: 'requests > 0' },
    { alert: 'Blind', expr: 'gone > 0', for: '5m' },
    { record: 'mine:gone', expr: 'sum(gone)' },
  ]
  writeFileSync(join(dir, 'rules.yaml'), JSON.stringify({ groups: [{ name: 'g', rules }] }))
  const out = join(dir, 'rules.html')
  const { status, stdout } = await report([...url, '--rules', join(dir, 'rules.yaml'), '--out', out])
  assert.equal(status, 1)
  assertSays(stdout, /^0 dashboards in rules\.html .*; verify: 1 failed$/m)
  const text = readFileSync(out, 'utf8')
  assertSays(text, /<strong>absent<\/strong>: 1 failure in 1 place/)
  assertSays(
    text,
    /<p>3 rules in 1 groups: 0 in error, 1 without series, 1 firing, 0 pending\.<\/p>\s*<h3>.*rules\.yaml \/ g<\/h3>/,
  )
  assertSays(text, /<th scope="row">Blind<\/th><td>inactive<p class="note">Prometheus has no metric gone<\/p>/)
  assertSays(
    text,
    /mine:gone<\/th><td><span class="failed">✗ no series<\/span><p class="note">absent: Prometheus has no/,
  )
})

task('shows a dashboard with nothing to check, and reports why it fails', async ({ url }) => {
  const words = dashboardFile('words', [{ title: 'W', type: 'text', options: { content: 'Hello' } }])
  const out = join(dir, 'words.html')
  const { status, stderr } = await report([...url, '--dashboards', words, '--out', out])
  assert.equal(status, 1)
  assertSays(stderr, /^Nothing was checked: words: has no query\n {2}Next: /)
  const text = readFileSync(out, 'utf8')
  assertSays(text, /<p class="failed">– verify: Nothing was checked/)
  assertSays(text, /Hello/)
})

task('reports a missing Chromium before it starts', async ({ url }) => {
  const out = join(dir, 'none.html')
  const chromium = join(dir, 'no-such-chromium')
  const { status, stderr } = await report([...url, '--png', '--out', out], { CHROMIUM_BINARY: chromium })
  assert.equal(status, 1)
  assertSays(stderr, /^Cannot take pictures: there is no Chromium at .*no-such-chromium\n {2}Next: install it/)
  assert.ok(!existsSync(out))
})

task('refuses an unknown flag', async () => {
  const { status, stderr } = await report(['--pdf'])
  assert.equal(status, 2)
  assertSays(stderr, /--pdf/)
})
task.run()
