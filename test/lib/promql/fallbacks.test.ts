import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { fallbacksOf } from '../../../lib/promql/fallbacks.ts'

const finds = suite('fallbacksOf()')
for (const [query, found] of [
  ['sum(rate(x[5m])) or vector(0)', ['sum(rate(x[5m]))']],
  ['x or on() vector(0)', ['x']],
  ['x or 0 * sum(y)', ['x']],
  ['x or label_replace(vector(0), "a", "b", "", "")', ['x']],
  ['sum by (a) (x or vector(0))', ['x']],
  ['(x or vector(0)) / (y or vector(1))', ['x', 'y']],
  ['x or y or vector(0)', ['x or y']],
  ['(a + b) or vector(0)', ['a + b']],
  ['a + b offset 1w or vector(0)', ['a + b offset 1w']],
  ['x @ end() or vector(0)', ['x @ end()']],
  ['x or y', []],
  ['vector(0) or x', []],
  ['vector(1) or vector(0)', []],
  ['x > 0', []],
  ['x or (', []],
] as const) {
  finds(`${query}: ${found.join('; ') || 'none'}`, () =>
    assert.deepEqual(
      fallbacksOf(query).map(({ text }) => text),
      found,
    ),
  )
}
finds('marks fallbacks in a subquery', () => {
  assert.deepEqual(
    fallbacksOf('max_over_time((x or vector(0))[1h:]) + (y or vector(2))').map(each => [
      each.isInSubquery,
      each.constant,
    ]),
    [
      [true, 'vector(0)'],
      [false, 'vector(2)'],
    ],
  )
})
finds.run()
