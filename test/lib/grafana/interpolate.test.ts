// biome-ignore-all lint/suspicious/noTemplateCurlyInString: it is how Grafana spells variables
import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { interpolate, inWords, type VariableValue, variablesIn } from '../../../lib/grafana/interpolate.ts'

const one = (value: string): VariableValue => ({ values: [value], several: false })
const some = (...values: string[]): VariableValue => ({ values, several: true })
const variables = new Map<string, VariableValue>([
  ['plain', one('a')],
  ['odd', one(String.raw`it's \d`)],
  ['single', some('10.0.0.1:80')],
  ['pair', some('a.b', 'c|d')],
  ['all', { values: ['a', 'b'], allText: '.+', several: true }],
])

const interpolates = suite('interpolate()')
for (const [text, expected] of [
  // Without a format, as the Prometheus datasource does it.
  ['$plain and ${plain} and [[plain]]', 'a and a and a'],
  ['x=~"$single"', String.raw`x=~"10\\.0\\.0\\.1:80"`],
  ['x=~"$pair"', String.raw`x=~"(a\\.b|c\\|d)"`],
  ['x="$odd"', String.raw`x="it\\'s \\d"`],
  ['x=~"$all"', 'x=~".+"'],
  // With a format.
  ['x=~"${single:regex}"', String.raw`x=~"10\.0\.0\.1:80"`],
  ['x=~"${pair:regex}"', String.raw`x=~"(a\.b|c\|d)"`],
  ['x=~"${all:regex}"', 'x=~".+"'],
  ['x=~"${pair:pipe}"', 'x=~"a.b|c|d"'],
  ['[[pair:csv]]', 'a.b,c|d'],
  ['${pair:raw}', 'a.b,c|d'],
  ['${pair:text}', 'a.b + c|d'],
  ['${pair:json}', '["a.b","c|d"]'],
  ['${plain:json}', '"a"'],
  ['${pair:singlequote}', "'a.b','c|d'"],
  ['${pair:doublequote}', '"a.b","c|d"'],
  ['${pair:percentencode}', '%7Ba.b%2Cc%7Cd%7D'],
  ['${pair:glob}', '{a.b,c|d}'],
  ['${plain:unheard}', 'a'],
  // What is no variable, or not known.
  ['rate(x[$__rate_interval])', 'rate(x[$__rate_interval])'],
  ['label_replace(x, "a", "$1", "b", "(.+)")', 'label_replace(x, "a", "$1", "b", "(.+)")'],
  ['$plainer', '$plainer'],
] as const) {
  interpolates(text, () => assert.equal(interpolate(text, variables), expected))
}
interpolates.run()

const words = suite('inWords()')
words('writes values as text, and All by its name', () => {
  const all = { values: ['a', 'b'], allText: '.+', several: true, isAll: true }
  const known = new Map([...variables, ['all', all] as const])
  assert.equal(
    inWords('$single: ${pair} of $all, ${pair:csv}, $1', known),
    '10.0.0.1:80: a.b + c|d of All, a.b,c|d, $1',
  )
})
words.run()

const finds = suite('variablesIn()')
finds('names each variable once, in all notations', () => {
  assert.deepEqual([...variablesIn('$a ${b:regex} [[c]] ${a} $__range_s')], ['a', 'b', 'c', '__range_s'])
})
finds.run()
