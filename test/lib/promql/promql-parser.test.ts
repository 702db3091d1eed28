import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { isConstant } from '../../../lib/promql/constant.ts'
import { parsePromql, selectorsOf } from '../../../lib/promql/promql-parser.ts'
import { cpuTimeMs } from '../../support/cpu-time.ts'

/** What a query is refused for, with its place; undefined when it is well. */
function fault(text: string): string | undefined {
  const [first] = parsePromql(text).faults
  return first && `${first.line}:${first.column} ${first.message}`
}

const takes = suite('parsePromql() takes')
// Prometheus 3.8.1 takes each of them, with the variables replaced.
for (const text of [
  'sum by (a) (rate(x_total{c=~"${cluster:regex}"}[$__rate_interval])) * 8',
  'sum(rate($metric{job="x"}[$interval])) by ($group)',
  'a / on (x) group_left (y) b',
  'x offset 5m',
  'rate(x[5m] offset -1m)',
  'max_over_time(sum(x)[5m:1m] @ end())',
  '{__name__=~"x.*"}',
  '{"foo.bar", a="b"}',
  'x{a=~"y\\\\.z"}',
  "x{a='y\"z'}",
  'x{a="b",}',
  '# what it is\nx # and why',
  'sum(x) by (a) > bool 1',
  'x{$filter}',
  '5m + x',
  'day_of_week()',
  'round(x)',
  'x == on (a) y',
  '$query',
  'topk($n, x) > $limit',
  'x{a=~"(?i)web|\\u0041"}',
  'x{a=~"$ns|${pod:regex}.*"}',
  'label_replace(x, "a", "$1", "b", "(?i)(.*)")',
]) {
  takes(text, () => assert.equal(fault(text), undefined))
}
takes.run()

const refuses = suite('parsePromql() refuses')
for (const [text, said] of [
  ['', '1:1 the expression ends too early'],
  ['# only a comment', '1:17 the expression ends too early'],
  ['sum(x', '1:6 the expression ends too early'],
  ['sum(\n  rate(x[5m]\n) +', '3:4 the expression ends too early'],
  ['sum(rate(x[5m]) by (a)', '1:17 unexpected by'],
  ['x y', '1:3 unexpected y'],
  ['sum by ($group) (x) y', '1:21 unexpected y'],
  ['irates(x[5m])', '1:1 there is no function irates()'],
  ['x{a="b}', '1:5 a string has no end: "b}'],
  ['x{a=~"y\\.z"}', '1:6 a string has the unknown escape \\.; write \\\\.'],
  ['rate(x)', '1:6 rate() wants a range vector, like metric[$__rate_interval], not an instant vector'],
  ['abs(x[5m])', '1:5 abs() wants an instant vector, not a range vector'],
  ['x[5m]', "1:1 a range vector can't be shown; wrap it in a function such as rate()"],
  ['rate(sum(x)[5m])', '1:6 a range stands only after a metric; after anything else it needs a step: [5m:1m]'],
  ['sum(x) offset 5m', '1:1 offset stands only after a metric, its range or a subquery'],
  ['1 > 2', '1:1 > between numbers wants bool'],
  ['1 and x', '1:1 and wants an instant vector, not a number'],
  ['topk(x)', '1:1 topk() wants 2 arguments, not 1'],
  ['topk("1", x)', '1:6 topk() wants a number, not a string'],
  ['label_replace(x, "a")', '1:1 label_replace() wants 5 arguments, not 2'],
  ['round(x, 1, 2)', '1:1 round() wants 1 or 2 arguments, not 3'],
  ['{a=~".*"}', '1:1 a selector needs a metric, or a matcher that no empty value fits'],
  [
    'sum(x{a=~"(?!b).*"})',
    '1:5 the matcher of a is (?!b).*, which is not an RE2 pattern: error parsing regexp: invalid or unsupported Perl syntax: `(?!`',
  ],
  [
    'label_replace(x, "a", "$1", "b", "*")',
    '1:34 the pattern of label_replace() is *, which is not an RE2 pattern: error parsing regexp: missing argument to repetition operator: `*`',
  ],
  ['{}', '1:1 a selector needs a metric, or a matcher that no empty value fits'],
  ['x and on (a) group_left (b) y', '1:1 and takes no group_left'],
  ['x * on (a) group_left (a) y', '1:1 the label a is both in on() and in group_left()'],
] as const) {
  refuses(JSON.stringify(text), () => assert.equal(fault(text), said))
}
refuses.run()

const reads = suite('parsePromql()')
reads('gives the values of strings as Prometheus reads them', () => {
  const [selector] = selectorsOf(parsePromql(String.raw`x{a="\t\x41\u00e9\101\"\\d", b='\'', c=${'`\\d`'}}`).expr)
  assert.deepEqual(
    selector?.matchers.map(({ value }) => value),
    ['\tAéA"\\d', "'", '\\d'],
  )
})
reads('gives the selectors with their matchers, and the variables', () => {
  const query = parsePromql('sum(a{x=~"$v", __name__="b"}) / {__name__="c", y!="z"} + $d')
  assert.deepEqual(query.variables, ['v', 'd'])
  assert.deepEqual(
    selectorsOf(query.expr).map(({ metric, matchers }) => [metric, matchers]),
    [
      ['b', [{ label: 'x', op: '=~', value: '$v' }]],
      ['c', [{ label: 'y', op: '!=', value: 'z' }]],
    ],
  )
})

reads('keeps a name that contains a variable as written', () => {
  const { expr } = parsePromql('sum by (a, $b) (rate(node_${x}_total[${window}m]))')
  assert(expr?.kind === 'aggregate')
  assert.deepEqual(expr.labels, ['a', '$b'])
  assert.equal(selectorsOf(expr)[0]?.metric, 'node_${x}_total')
  const [call] = expr.args
  assert(call?.kind === 'call' && call.args[0]?.kind === 'range')
  assert.equal(call.args[0].range, '${window}m')
})

reads('reads numbers and durations as numbers', () => {
  const values = ['1', '-2.5', '1e3', '0x10', '5m', '1h30m', '1_000', 'Inf'].map(text => {
    const { expr } = parsePromql(text)
    return expr?.kind === 'number' ? expr.value : expr?.kind
  })
  assert.deepEqual(values, [1, -2.5, 1000, 16, 300, 5400, 1000, Number.POSITIVE_INFINITY])
})
reads.run()

const constants = suite('isConstant()')
for (const [text, constant] of [
  ['0', true],
  ['vector(0)', true],
  ['(1 + 2) * -3', true],
  ['"text"', true],
  ['sum(vector(1))', true],
  ['label_replace(vector(0), "a", "b", "", "")', true],
  ['x * 0', true],
  ['0 * sum(x)', true],
  ['x - x', true],
  ['x - x offset 1w', false],
  ['x offset 1w - x offset 1w', true],
  ['x - x @ end()', false],
  ['-(x - x offset 1w)', false],
  ['x - x offset 1w + x', false],
  ['sum by (a) (x) / sum by (a) (x)', true],
  ['pi()', true],
  ['x', false],
  ['x or vector(0)', false],
  ['vector(1) and on () x', false],
  ['x - y', false],
  ['time()', false],
  ['time() - x', false],
  ['hour()', false],
  ['$query', false],
  ['$factor * 2', false],
] as const) {
  constants(`${text} is ${constant ? 'one' : 'none'}`, () => {
    const { expr } = parsePromql(text)
    assert(expr !== undefined)
    assert.equal(isConstant(expr), constant)
  })
}
constants.run()

const limits = suite('parsePromql() at the limits of the parser')
const chain = (terms: number, operator = ' or ', term = 'up') => Array(terms).fill(term).join(operator)
const nested = (depth: number) => `${'abs('.repeat(depth)}up${')'.repeat(depth)}`
for (const [fact, text] of [
  ['a short chain', chain(400)],
  ['a chain of long terms', chain(100, ' + ', 'sum(rate(x_total{a="b"}[5m]))')],
  ['many matchers', `up{${chain(3_000, ',', 'a="b"')}}`],
  ['nested calls', nested(300)],
] as const) {
  limits(`reads ${fact}`, () => {
    const { faults, expr, unread } = parsePromql(text)
    assert.deepEqual([faults, unread], [[], undefined])
    assert(expr)
  })
}
for (const [fact, text, unread] of [
  ['a long chain', chain(490), /too long/],
  ['a chain of long terms', chain(220, ' or ', 'very_long_metric_name_total'), /too long/],
  ['a long chain in an aggregation', `sum by (a) (${chain(1_000, ' + ')})`, /too long/],
  ['a long chain with brackets in it', chain(500, ' * ', 'sum(rate(x_total{a="b"}[5m]))'), /too long/],
  ['a long chain of unary operators', `${'- '.repeat(3_000)}up`, /too long/],
  ['a long chain of powers', chain(20_000, ' ^ '), /too long/],
  ['many subqueries', `up${'[5m:1m]'.repeat(600)}`, /too long/],
  ['a very long chain', chain(20_000), /too long/],
  ['deep calls', nested(301), /too deeply/],
  ['very deep calls without an end', 'abs('.repeat(5_000), /too deeply/],
  ['deep brackets of all kinds', '([{'.repeat(1_000), /too deeply/],
] as const) {
  limits(`calls ${fact} unread, not wrong`, () => {
    const tookMs = cpuTimeMs(() => {
      const query = parsePromql(text)
      assert.deepEqual([query.faults, query.expr], [[], undefined])
      assert.match(query.unread ?? '', unread)
    })
    assert(tookMs < 4_000, `${tookMs} ms`)
  })
}
for (const [fact, text, said] of [
  ['the start of a long chain', `up or or ${chain(1_000)}`, '1:10 unexpected up'],
  ['a long list', `up{${chain(3_000, ',', 'a="b"')}`, '1:18003 the expression ends too early'],
  ['a string with many operators', `up{a="${chain(1_000, ' + ', 'x')}"} y`, '1:4007 unexpected y'],
] as const) {
  limits(`still finds an error in ${fact}`, () => assert.equal(fault(text), said))
}
limits('finds the first of many errors in linear time', () => {
  const tookMs = cpuTimeMs(() => assert.equal(fault('a b '.repeat(10_000)), '1:3 unexpected b'))
  assert(tookMs < 10_000, `${tookMs} ms`)
})
limits.run()
