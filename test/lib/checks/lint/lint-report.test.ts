import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { type Finding, rules } from '../../../../lib/checks/lint/finding.ts'
import { exitCode, lintJson, lintText, refusedFindings } from '../../../../lib/checks/lint/lint-report.ts'
import { LabError } from '../../../../lib/cli/errors.ts'
import { readDashboard } from '../../../../lib/grafana/read-dashboard.ts'
import { assertSays } from '../../../support/lab.ts'

const logs = { refId: 'B', expr: '{a="b"}', datasource: { type: 'loki', uid: 'l' } }
const panels = [{ title: 'P', targets: [{ refId: 'A', expr: 'x' }, logs, { ...logs, refId: 'C' }] }]
const dashboard = readDashboard({ uid: 'u', title: 'T', panels }, 'a.json')
const finding = (more: Partial<Finding>): Finding => {
  const at = { file: 'a.json', dashboard: 'T', panel: 'P', refId: 'A' }
  return { severity: 'error', rule: 'constant', message: 'is one', ...at, ...more }
}

const texts = suite('lintText()')
texts('lists findings by severity and rule, then what was skipped, then the counts', () => {
  const findings = [
    ...refusedFindings([{ source: 'b.json', error: new LabError('b.json is no JSON', { next: 'export it again' }) }]),
    finding({}),
    finding({ severity: 'warning', rule: 'description', message: 'is missing', refId: '' }),
    finding({ rule: 'link', message: 'leads nowhere', panel: '', refId: '' }),
  ]
  assert.equal(
    lintText({ dashboards: [dashboard], findings }),
    [
      'file: 1 error in 1 place: the file cannot be read, or has neither dashboards nor rules',
      '  b.json is no JSON; export it again',
      'constant: 1 error in 1 place: the query is a constant',
      '  T / P, A: is one',
      'link: 1 error in 1 place: the link leads to no dashboard',
      '  T: leads nowhere',
      'description: 1 warning in 1 place: the panel has no description',
      '  T / P: is missing',
      'Not looked at',
      '  2 × target that asks loki (l), not Prometheus: T (a.json)',
      '1 dashboard, 1 panel, 1 query: 3 errors, 1 warning; --json lists each',
    ].join('\n'),
  )
})

texts('has the most frequent messages of each rule, and one line of metrics that have one reason', () => {
  const of = (count: number, more: Partial<Finding>) =>
    Array.from({ length: count }, (_, at) => finding({ severity: 'warning', panel: `P${at}`, ...more }))
  const findings = [
    ...['a', 'b', 'c', 'd'].flatMap((name, at) =>
      of(at + 1, { rule: 'label', message: `x${at} has no ${name}`, subject: name }),
    ),
    ...of(2, { rule: 'label', message: 'y has no d', subject: 'd' }),
    ...Array.from({ length: 10 }, (_, at) =>
      of(at + 1, { rule: 'dialect', message: `m${at}`, subject: `m${at}` }),
    ).flat(),
  ]
  assert.equal(
    lintText({ dashboards: [dashboard], findings }),
    [
      'label: 12 warnings in 4 places: the series do not have the label',
      '  T / P0, A and 5 more: x3 has no d',
      '  T / P0, A and 2 more: x2 has no c',
      '  T / P0, A and 1 more: x1 has no b',
      '  and 1 other message',
      'dialect: 55 warnings in 10 places: METRICS does not select the metric; run make kwok METRICS=both',
      '  m9 (10), m8 (9), m7 (8), m6 (7), m5 (6), m4 (5), m3 (4), m2 (3) and 2 other names',
      'Not looked at',
      '  2 × target that asks loki (l), not Prometheus: T (a.json)',
      '1 dashboard, 1 panel, 1 query: 0 errors, 67 warnings; --json lists each',
    ].join('\n'),
  )
})

texts('gives the counts when there is no finding', () => {
  assert.equal(lintText({ dashboards: [], findings: [] }), '0 dashboards, 0 panels, 0 queries: 0 errors, 0 warnings')
  assert.equal(lintText({ dashboards: [], findings: [], rules: 2 }), '2 rules: 0 errors, 0 warnings')
})
texts.run()

const data = suite('lintJson(), exitCode()')
data('has the same content as the text', () => {
  const findings = [finding({ severity: 'warning' })]
  const { skipped } = dashboard
  assert.deepEqual(lintJson({ dashboards: [dashboard], findings }), {
    dashboards: [{ file: 'a.json', uid: 'u', title: 'T', panels: 1, queries: 1, skipped }],
    findings,
    errors: 0,
    warnings: 1,
  })
  assert.equal(exitCode({ dashboards: [dashboard], findings }), 0)
  assert.equal(exitCode({ dashboards: [dashboard], findings: [...findings, finding({})] }), 1)
})

data('is an error when there was no query to check', () => {
  const shared = { title: 'S', libraryPanel: { uid: 'x', name: 'S' } }
  const empty = readDashboard({ uid: 'e', title: 'E', panels: [shared] }, 'e.json')
  const report = { dashboards: [empty], findings: [finding({ severity: 'warning' })] }
  assertSays(lintText(report), /\n {2}1 × nothing to check, no panel has a query for Prometheus: E \(e\.json\)/)
  assert.throws(() => exitCode(report), {
    name: 'NothingCheckedError',
    message: /^Nothing was checked: E: 1 × panel that is a library panel/,
  })
  assert.equal(exitCode({ dashboards: [empty, dashboard], findings: [] }), 0)
})

data('each rule states what it finds', () => {
  for (const [name, finds] of Object.entries(rules)) assert.equal(finds.length > 15, true, name)
})
data.run()
