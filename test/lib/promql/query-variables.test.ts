import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { neutralText, variableAt, variablesIn, writtenSpan } from '../../../lib/promql/query-variables.ts'

const finds = suite('variablesIn()')
for (const [text, names] of [
  ['$a + ${b:regex} + [[c]] + ${d.text} + [[e:csv]]', ['a', 'b', 'c', 'd', 'e']],
  ['x{a="$a", b=~"${a:pipe}"}', ['a']],
  ['label_replace(x, "a", "$1", "b", "(.*)")', []],
  ['rate(x[$__rate_interval])', ['__rate_interval']],
  ['x{a=~"b$"}', []],
  ['', []],
] as const) {
  finds(`${text || 'nothing'} has ${names.join(', ') || 'none'}`, () => assert.deepEqual(variablesIn(text), names))
}
finds.run()

const at = suite('variableAt()')
at('finds a variable only at its start', () => {
  assert.deepEqual(variableAt('x $ab', 2), { name: 'ab', text: '$ab' })
  assert.equal(variableAt('x $ab', 0), undefined)
})
at.run()

const stands = suite('neutralText()')
for (const [written, neutral] of [
  ['x{a="$a"}', 'x{a="$a"}'],
  ['rate(x[$__rate_interval])', 'rate(x[5m])'],
  ['rate(x[${n}m])', 'rate(x[5m])'],
  ['rate(x[5$unit])', 'rate(x[5m])'],
  ['rate(x[[[i]]])', 'rate(x[5m])'],
  ['x[5m:$step]', 'x[5m:5m]'],
  ['x offset $off', 'x offset 5m'],
  ['x @ $__to', 'x @ 1'],
  ['sum by ($by) (x)', 'sum by (x) (x)'],
  ['$metric{a="b"}', 'x{a="b"}'],
  ['node_${x}_total', 'node_x_total'],
  ['x{$filter}', 'x{x="x"}'],
  ['x{a="b", $filter}', 'x{a="b", x="x"}'],
  ['x{$label="b"}', 'x{x="b"}'],
  ['x{a=$value}', 'x{a="x"}'],
  ['$agg(x)', 'sum(x)'],
  ['$agg by (a) (x)', 'sum by (a) (x)'],
  ['a $op b', 'a + b'],
  ['topk($n, x)', 'topk(x, x)'],
  ['histogram_quantile(0.$q, x)', 'histogram_quantile(0.5, x)'],
  ['x / $__range_s', 'x / 1'],
  ['x / $__range', 'x / 5m'],
  ['a and $b', 'a and x'],
  ['# $a\nx', '# $a\nx'],
] as const) {
  stands(`${written} parses as ${neutral}`, () => assert.equal(neutralText(written).text, neutral))
}
stands.run()

const spans = suite('writtenSpan()')
spans('gives the span in the written text before, in and after variables', () => {
  const neutral = neutralText('sum by ($group) (rate(x[$__rate_interval])) + last')
  const of = (word: string) => {
    const from = neutral.text.indexOf(word)
    return writtenSpan(neutral, { from, to: from + word.length })
  }
  assert.deepEqual(of('sum'), { from: 0, to: 3 })
  assert.deepEqual(of('rate'), { from: 17, to: 21 })
  assert.deepEqual(of('5m'), { from: 24, to: 40 })
  assert.deepEqual(of('last'), { from: 46, to: 50 })
})
spans.run()
