import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import { stringify } from 'yaml'
import { checkRules, ruleNotes } from '../../../../lib/checks/verify/check-rules.ts'
import { createPrometheusApi } from '../../../../lib/prometheus/prometheus-client.ts'
import { readRuleFiles } from '../../../../lib/prometheus/rule-files.ts'
import { tempDir } from '../../../support/temp-lab.ts'
import { startFakePrometheus, success } from './fake-prometheus.ts'
import { startPrometheus } from './prometheus-fixture.ts'

const rules = [
  { alert: 'Fires', expr: 'up == 1' },
  { alert: 'Waits', expr: 'up == 1', for: '5m' },
  { alert: 'Blind', expr: 'gone > 0', for: '5m' },
  { alert: 'Says "no"', expr: 'up * on () up' },
  { record: 'mine:up', expr: 'sum(up)' },
  { record: 'mine:down', expr: 'count(up == 0)' },
  { record: 'mine:gone', expr: 'sum(gone)' },
]
const dir = tempDir()
writeFileSync(join(dir, 'a.yaml'), stringify({ groups: [{ name: 'g', rules }] }))
writeFileSync(join(dir, 'broken.yaml'), 'groups: [\n')
const sources = readRuleFiles([dir])
const contextOf = (url: string) => ({
  api: createPrometheusApi(url),
  metricNames: new Set(['up', 'mine:up']),
  rules: new Map(),
  recorded: new Map(),
  lab: { known: () => undefined, dialects: ['otel', 'prometheus'] as const, nearest: () => undefined },
})

const states = (results: readonly { name: string; state: string; series: number }[]) =>
  results.map(({ name, state, series }) => `${name}: ${state} ${series}`)

const it = suite('checkRules()')

it('runs the queries of rules that Prometheus has not loaded', async () => {
  const nowS = Date.now() / 1_000
  const lines = ['a', 'b'].flatMap(job => [-20, -10, 0].map(at => `up{job="${job}"} 1 ${nowS + at}`))
  const prometheus = await startPrometheus(lines)
  try {
    const check = await checkRules(sources, contextOf(prometheus.url), nowS * 1_000)
    assert.deepEqual(states(check.rules()), [
      ...['Fires: firing 2', 'Waits: pending 2', 'Blind: inactive 0', 'Says "no": error 0'],
      ...['mine:up: recorded 1', 'mine:down: nothing now 0', 'mine:gone: no series 0'],
    ])
    const failures = check.failures().map(({ panel, problem, got, hint }) => [panel, problem, got, hint])
    assert.deepEqual(
      failures.map(([panel, problem]) => [panel, problem]),
      [
        ['', 'unreadable'],
        ['Says "no"', 'error'],
        ['mine:gone', 'no data'],
      ],
    )
    // The pair that makes the error is in it.
    assert.match(failures[1]?.[2] ?? '', /found duplicate series for the match group .*job="a".*job="b"|many-to-many/)
    assert.equal(failures[2]?.[3], 'Prometheus has no metric gone')
    assert.deepEqual(ruleNotes(check.rules()), [
      'Rules: 7; 1 in error, 1 recordings without series, 0 not evaluated yet',
      'Alerts: 1 firing (Fires), 1 pending (Waits), 1 inactive; 1 of the inactive query a metric that Prometheus does not have',
    ])
    const whys = check.rules().flatMap(({ name, why }) => (why === '' ? [] : [`${name}: ${why}`]))
    assert.match(whys[1] ?? '', /^Says "no": error: /)
    assert.deepEqual(
      [whys[0], ...whys.slice(2)],
      ['Blind: Prometheus has no metric gone', 'mine:gone: absent: Prometheus has no metric gone'],
    )
    const { queries, ok, failed, excused } = check.result()
    assert.deepEqual([queries, ok, failed, excused, check.mayPassLater()], [7, 4, 3, 1, false])
  } finally {
    await prometheus.stop()
  }
})

it('takes the state of loaded rules from Prometheus, and checks again what was not evaluated', async () => {
  const [file] = sources.found
  let health = 'unknown'
  const loaded = () => [
    { health: 'ok', state: 'pending', alerts: [{}, {}], evaluationTime: 30.14 },
    { health: 'ok', state: 'inactive', alerts: [] },
    { health: 'ok', state: 'firing', alerts: [{}] },
    { health: 'err', lastError: 'many-to-many matching not allowed', state: 'inactive', alerts: [] },
    { health: 'ok' },
    { health: 'ok' },
    { health },
  ]
  const fake = await startFakePrometheus((path, given) => {
    const groups = [
      // The lab's own file has a group of the same name.
      { file: '/lab/rules/alerts.yaml', name: 'g', rules: [{ health: 'err', lastError: 'of another file' }] },
      { file: `/lab/config/rules/${file?.fileName}`, name: 'g', interval: 15, rules: loaded() },
    ]
    if (path === '/rules') return success({ groups })
    if (!given.get('query')?.includes('{__name__=~"up|gone|mine:up|mine:down|mine:gone"}')) return undefined
    const counts = Object.entries({ 'mine:up': '3', ...(health === 'ok' ? { 'mine:gone': '2' } : {}) })
    const result = counts.map(([name, count]) => ({ metric: { __name__: name }, value: [0, count] }))
    return success({ resultType: 'vector', result })
  })
  try {
    const check = await checkRules({ ...sources, refused: [] }, contextOf(fake.url), Date.now())
    assert.deepEqual(states(check.rules()), [
      ...['Fires: pending 2', 'Waits: inactive 0', 'Blind: firing 1', 'Says "no": error 0'],
      ...['mine:up: recorded 3', 'mine:down: no series 0', 'mine:gone: not evaluated 0'],
    ])
    assert.deepEqual(
      [check.failures().map(({ panel, got }) => `${panel}: ${got}`), check.mayPassLater()],
      [['Says "no": many-to-many matching not allowed', 'mine:down: the recording has no series'], true],
    )
    assert.equal(
      ruleNotes(check.rules())[2],
      'Rules slower than the interval of their group: Fires takes 30.1 s of 15 s',
    )
    assert.equal(check.rules()[0]?.why, 'takes 30.1 s of 15 s')
    health = 'ok'
    await check.retry({} as never)
    assert.deepEqual([states(check.rules()).at(-1), check.mayPassLater()], ['mine:gone: recorded 2', false])
  } finally {
    await fake.close()
  }
})

it('does not expect series of recordings that need those of others, where Prometheus has loaded none', async () => {
  const exprs = { 'mine:one': 'sum(up)', 'mine:two': 'max(mine:one)', 'mine:none': 'max(gone) + max(up)' }
  const rules = Object.entries(exprs).map(([record, expr]) => ({ record, expr }))
  const folder = tempDir()
  writeFileSync(join(folder, 'a.yaml'), stringify({ groups: [{ name: 'g', rules }] }))
  const nowS = Date.now() / 1_000
  const prometheus = await startPrometheus([-10, 0].map(at => `up{job="a"} 1 ${nowS + at}`))
  try {
    const check = await checkRules(readRuleFiles([folder]), contextOf(prometheus.url), nowS * 1_000)
    assert.deepEqual(states(check.rules()), [
      ...['mine:one: recorded 1', 'mine:two: nothing now 0', 'mine:none: no series 0'],
    ])
    assert.deepEqual(check.result().reasons.excused, {
      'a recording of series of rules that Prometheus has not loaded; RULES_DIR loads rules': 1,
    })
  } finally {
    await prometheus.stop()
  }
})

it('counts recordings that wait for an event, or whose name another rule records', async () => {
  const exprs = { 'mine:up': 'sum(up{job="a"})', 'mine:errors': 'sum(up{code="500"})', 'mine:none': 'sum(up{job="c"})' }
  const rules = Object.entries(exprs).map(([record, expr]) => ({ record, expr }))
  const folder = tempDir()
  const all = [...rules, { record: 'mine:up', expr: 'sum(up{job="c"})' }]
  writeFileSync(join(folder, 'a.yaml'), stringify({ groups: [{ name: 'g', rules: all }] }))
  const nowS = Date.now() / 1_000
  const prometheus = await startPrometheus([-10, 0].map(at => `up{job="a",code="200"} 1 ${nowS + at}`))
  try {
    const check = await checkRules(readRuleFiles([folder]), contextOf(prometheus.url), nowS * 1_000)
    assert.deepEqual(states(check.rules()), [
      ...['mine:up: recorded 1', 'mine:errors: nothing now 0', 'mine:none: no series 0', 'mine:up: nothing now 0'],
    ])
    assert.deepEqual(check.result().reasons.excused, {
      'no up has code="500" yet': 1,
      'a recording without series, as another rule records the same name': 1,
    })
  } finally {
    await prometheus.stop()
  }
})

it('fails a rule whose query has no answer in time, and checks the others', async () => {
  const rules = ['slow', 'up'].map(expr => ({ alert: `Of ${expr}`, expr }))
  const folder = tempDir()
  writeFileSync(join(folder, 'a.yaml'), stringify({ groups: [{ name: 'g', rules }] }))
  const fake = await startFakePrometheus((path, given) =>
    given.get('query') === 'slow' ? 'hang' : path === '/rules' ? success({ groups: [] }) : undefined,
  )
  try {
    const api = createPrometheusApi(fake.url, { timeoutMs: 2_000 })
    const check = await checkRules(readRuleFiles([folder]), { ...contextOf(fake.url), api }, Date.now())
    assert.deepEqual(states(check.rules()), ['Of slow: error 0', 'Of up: inactive 0'])
    assert.deepEqual(
      check.failures().map(({ got }) => got),
      ['it took longer than 2 s'],
    )
  } finally {
    await fake.close()
  }
})
it.run()
