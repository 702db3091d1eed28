import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import { fields, items } from '../../lib/kube/json.ts'
import { projectDir } from '../../lib/lab/lab.ts'
import { assertSays } from '../support/lab.ts'
import { importTask } from '../support/task.ts'

const task = suite<{ dir: string }>('tasks/lint-dashboards')
task.before.each(context => {
  context.dir = mkdtempSync(join(tmpdir(), 'lab-lint-'))
})
task.after.each(({ dir }) => rmSync(dir, { recursive: true, force: true }))

const start = async (args: string[], env: NodeJS.ProcessEnv = {}) => {
  const { DASHBOARDS_DIR: _, RULES_DIR: __, ...inherited } = process.env
  return await importTask('lint-dashboards.ts', args, { env: { ...inherited, CLUSTER_NAME: 'no-such-lab', ...env } })
}
const write = (dir: string, name: string, exprs: string[], more: object = {}) => {
  const targets = exprs.map((expr, at) => ({ refId: `Q${at}`, expr, ...more }))
  const json = { uid: name, title: name, panels: [{ title: 'P', description: 'D', type: 'stat', targets }] }
  writeFileSync(join(dir, `${name}.json`), JSON.stringify(json))
}

task('finds nothing in the lab’s own dashboards and rules, without a cluster', async () => {
  const { status, stdout, stderr } = await start([])
  assert.equal(stderr, '')
  assertSays(stdout, /^\d+ dashboards, \d{3} panels, \d{3} queries: 0 errors, 0 warnings\n$/)
  assert.equal(status, 0)
})

task('checks dashboards by path, warns of metrics that the lab does not have, and ends with 0', async ({ dir }) => {
  write(dir, 'mine', ['elsewhere_info'])
  const { status, stdout } = await start(['--dashboards', join(dir, '*.json')])
  assertSays(
    stdout,
    /^absent: 1 warning in 1 place: the lab does not have the metric\n {2}mine \/ P, Q0: the lab has no metric elsewhere_info\n/,
  )
  assertSays(stdout, /\n1 dashboard, 1 panel, 1 query: 0 errors, \d+ warnings; --json lists each\n$/)
  assert.equal(status, 0)
})

task('ends with 1 for an error in any file, names unreadable files, and checks the rest', async ({ dir }) => {
  write(dir, 'mine', ['sum(', '0'])
  write(dir, 'logs', ['{app="x"}'], { datasource: { type: 'loki', uid: 'loki' } })
  writeFileSync(join(dir, 'broken.json'), '{')
  const { status, stdout } = await start(['--dashboards', dir])
  assertSays(stdout, /^file: 1 error in 1 place: .*\n {2}.*broken\.json, line 1, column 2: this is no JSON/)
  assertSays(
    stdout,
    /\nparse: 1 error in 1 place: .*\n {2}mine \/ P, Q0: line 1, column 5: the expression ends too early/,
  )
  assertSays(stdout, /\nconstant: 1 error in 1 place: .*\n {2}mine \/ P, Q1: /)
  assertSays(stdout, /\nNot looked at\n {2}1 × target that asks loki, not Prometheus: logs \(.*\)\n/)
  assertSays(stdout, /\n2 dashboards, 2 panels, 2 queries: 3 errors, \d+ warnings; --json lists each\n$/)
  assert.equal(status, 1)
})

task('prints few lines about an exporter that is absent', async ({ dir }) => {
  const exprs = Array.from(
    { length: 472 },
    (_, at) => `sum by (volume) (rate(disks_metric_${at % 90}_total{volume!="${at}"}[5m]))`,
  )
  write(dir, 'mine', exprs)
  const { stdout } = await start(['--dashboards', dir])
  assertSays(stdout, /^absent: 472 warnings in 1 place: .*\n {2}disks_metric_0_total \(6\), .* and 82 other names\n/)
  assert(stdout.split('\n').length < 20, stdout)
})

task('names METRICS=both for the metrics of the other dialect, unless METRICS has it', async ({ dir }) => {
  write(dir, 'mine', ['kube_pod_info', 'sum(container_memory_working_set_bytes)'])
  const dashboards = ['--dashboards', dir]
  const { stdout } = await start(dashboards)
  assertSays(
    stdout,
    /^dialect: 1 warning in 1 place: .* make kwok METRICS=both\n {2}mine \/ P, Q0: the lab has kube_pod_info with METRICS=both\n(?!mixed)/,
  )
  const both = await start([...dashboards, '--metrics', 'both'])
  assertSays(
    both.stdout,
    /^mixed: 1 warning .*\n.*container_memory_working_set_bytes .*k8s_cluster_name=~"\.\+" or job="kubelet"\n(?!dialect)/,
  )
})

task('adds the dashboards of DASHBOARDS_DIR to those of the lab, and prints JSON', async ({ dir }) => {
  write(dir, 'mine', ['0'])
  const { status, stdout } = await start(['--json', '-'], { DASHBOARDS_DIR: dir })
  const { dashboards, findings, errors } = fields(JSON.parse(stdout))
  assert.equal(items(dashboards).length > 10, true)
  assert.equal(fields(items(dashboards).at(-1))['title'], 'mine')
  const rules = items(findings).map(finding => fields(finding)['rule'])
  assert.equal(rules.includes('constant'), true)
  assert.deepEqual([errors, status], [1, 1])
})

task('uses the recorded folder of each lab, unless another is named', async ({ dir }) => {
  write(dir, 'mine', ['0'])
  const names = ['one', 'two'].map(word => `no-such-lab-${word}-${process.pid}`)
  const labs = names.map(name => join(projectDir, '.lab', name))
  try {
    for (const [index, lab] of labs.entries()) {
      mkdirSync(lab, { recursive: true })
      const settings = { dashboardsDir: index === 0 ? dir : 'none' }
      writeFileSync(join(lab, 'lab.json'), JSON.stringify({ settings, kwokWorkdir: dir }))
    }
    const one = await start([], { CLUSTER_NAME: names[0] })
    const two = await start([], { CLUSTER_NAME: names[1] })
    assertSays(one.stdout, /^constant: 1 error in 1 place: .*\n {2}mine \/ P, Q0: /)
    assertSays(two.stdout, /^\d+ dashboards, .*: 0 errors, 0 warnings\n$/)
    const told = await start(['--dashboards-dir', 'none'], { CLUSTER_NAME: names[0] })
    assert.equal(told.stdout, two.stdout)
  } finally {
    for (const lab of labs) rmSync(lab, { recursive: true, force: true })
  }
})

task('ends with 1 and the reason when no dashboard has a query to check', async ({ dir }) => {
  write(dir, 'logs', ['{app="x"}'], { datasource: { type: 'loki', uid: 'loki' } })
  write(dir, 'none', [])
  const { status, stdout, stderr } = await start(['--dashboards', dir])
  assertSays(stdout, /\n {2}2 × nothing to check, no panel has a query for Prometheus: logs \(.*\) and 1 more\n/)
  assertSays(
    stderr,
    /^Nothing was checked: logs: 1 × target that asks loki, not Prometheus; none: has no query\n {2}Next: /,
  )
  assert.equal(status, 1)
})

task('accepts several paths, and explains what a path without a dashboard may be', async ({ dir }) => {
  write(dir, 'a', ['up'])
  const { status, stdout } = await start(['--dashboards', join(dir, 'a.json'), '--dashboards', join(dir, 'b.json')])
  assertSays(stdout, /^file: 1 error in 1 place: .*\n {2}There is no dashboard at .*b\.json; name a file/)
  assertSays(stdout, /\n1 dashboard, /)
  assert.equal(status, 1)
})

task('checks rules by path, without dashboards, and names what is skipped', async ({ dir }) => {
  const rules = [{ alert: 'Mine', expr: 'up == 0' }]
  writeFileSync(join(dir, 'a.yaml'), JSON.stringify({ groups: [{ name: 'g', rules }] }))
  writeFileSync(join(dir, 'b.yaml'), JSON.stringify({ namespace: 'n', groups: [{ name: 'g', rules }] }))
  const { status, stdout, stderr } = await start(['--rules', dir])
  assertSays(stderr, /^Skipped, it is a file of Mimir rules, with fields that Prometheus does not have: \S+b\.yaml\n$/)
  assertSays(
    stdout,
    /^for: 1 warning in 1 place: [^\n]+\n {2}rules \/ Mine: [^\n]+\n1 rule: 0 errors, 1 warning; --json lists each\n$/,
  )
  assert.equal(status, 0)
})

task('adds the rules of RULES_DIR to those of the lab', async ({ dir }) => {
  writeFileSync(
    join(dir, 'a.yaml'),
    JSON.stringify({ groups: [{ name: 'g', rules: [{ alert: 'Mine', expr: 'sum(' }] }] }),
  )
  const { status, stdout } = await start([], { RULES_DIR: dir })
  assertSays(
    stdout,
    /^parse: 1 error in 1 place: .*\n {2}rules \/ Mine: line 1, column 5: the expression ends too early\n\d{2} dashboards/,
  )
  assert.equal(status, 1)
})

task('refuses a misspelt flag by name', async () => {
  const { status, stdout, stderr } = await start(['--dashbords', 'x'])
  assert.deepEqual([status, stdout], [2, ''])
  assertSays(stderr, /--dashbords/)
})
task.run()
