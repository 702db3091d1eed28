import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { unfiltered } from '../../../lib/promql/unfiltered.ts'

const queries = suite('unfiltered()')
for (const [query, expected] of [
  ['up', undefined],
  ['a == bool 1', undefined],
  ['a / b + 1', undefined],
  ['sum(', undefined],
  ['a > 0', '(a)'],
  ['0 < a', '(a)'],
  ['(a{x="1 > 0"}) != 1', '(a{x="1 > 0"})'],
  ['count(a == 1) / count(b)', 'count((a)) / count(b)'],
  ['sum by (x) (rate(a[5m])) > 0.5 and on (x) b', '((sum by (x) (rate(a[5m]))))'],
  ['a unless (b > 3)', '(a)'],
  ['topk(3, a > 1) - (b < 2)', 'topk(3, (a)) - ((b))'],
  ['absent(a{x="y"})', 'group(a{x="y"})'],
  ['absent_over_time(a[5m]) > 0', '(present_over_time(a[5m]))'],
] as const) {
  queries(`of ${query} is ${expected ?? 'nothing else'}`, () => assert.equal(unfiltered(query), expected))
}
queries.run()
