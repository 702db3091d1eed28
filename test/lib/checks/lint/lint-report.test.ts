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
texts('lists findings by dashboard, then what was skipped, then the counts', () => {
  const findings = [
    ...refusedFindings([{ source: 'b.json', error: new LabError('b.json is no JSON', { next: 'export it again' }) }]),
    finding({}),
    finding({ severity: 'warning', rule: 'description', message: 'is missing', refId: '' }),
    finding({ rule: 'link', message: 'leads nowhere', panel: '', refId: '' }),
  ]
  assert.equal(
    lintText({ dashboards: [dashboard], findings }),
    [
      '  error file: b.json is no JSON; export it again',
      'T (a.json)',
      '  error constant: P, A: is one',
      '  warning description: P: is missing',
      '  error link: leads nowhere',
      'Not looked at',
      '  T (a.json): 2 × target that asks loki (l), not Prometheus',
      '1 dashboard, 1 panel, 1 query: 3 errors, 1 warning',
    ].join('\n'),
  )
})

texts('gives the counts when there is no finding', () => {
  assert.equal(lintText({ dashboards: [], findings: [] }), '0 dashboards, 0 panels, 0 queries: 0 errors, 0 warnings')
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
  assertSays(lintText(report), /\n {2}E \(e\.json\): nothing to check, no panel has a query/)
  assert.throws(() => exitCode(report), {
    name: 'NothingCheckedError',
    message: /^Nothing was checked: E: 1 × panel that is a library panel/,
  })
  assert.equal(exitCode({ dashboards: [empty, dashboard], findings: [] }), 0)
})

data('each rule states its requirement', () => {
  for (const [name, asks] of Object.entries(rules)) assert.equal(asks.length > 20, true, name)
})
data.run()
