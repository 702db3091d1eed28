import assert from 'node:assert/strict'
import { suite } from 'uvu'
import type { Failure } from '../../../../lib/checks/verify/verify-report.ts'
import { failuresPart } from '../../../../lib/render/charts/verdict-badges.ts'

const failure = (panel: string, more: Partial<Failure>): Failure => ({
  ...{ dashboard: 'T', source: 'a.json', panel, panelId: 1, refId: 'A', choice: 'all', problem: 'no data' },
  ...{ query: 'up', got: 'no series', expected: 'series', hint: '' },
  ...more,
})

const it = suite('failuresPart()')
it('lists the causes, the gravest first, with their messages, and each failure below', () => {
  const failures = [
    ...[1, 2, 3, 4].map(at =>
      failure(`P${at}`, { hint: `no metric m${at}`, cause: { name: 'absent', subject: `m${at}` } }),
    ),
    failure('<b>', { hint: 'no variable $ip', cause: { name: 'variable', subject: 'ip' } }),
  ]
  const { text = '' } = failuresPart(failures, new Map()) ?? {}
  const [causes = '', details = ''] = text.split('<details>')
  assert.deepEqual(
    causes.split(/<\/?(?:ul|li|strong)>/).flatMap(part => part.trim() || []),
    [
      ...['variable', ': 1 failure in 1 place: the dashboard does not have the variable'],
      'T / &#60;b&#62;, A: no variable $ip',
      ...['absent', ': 4 failures in 4 places: Prometheus does not have the metric'],
      'm1 (1), m2 (1), m3 (1), m4 (1)',
    ],
  )
  assert.equal(details.match(/FAILED/g)?.length, 5)
})

it('is nothing without failures', () => {
  assert.equal(failuresPart([], new Map()), undefined)
})
it.run()
