import assert from 'node:assert/strict'
import { suite } from 'uvu'
import type { PatternError } from '../../../lib/cli/errors.ts'
import { listedValues, promqlRegex } from '../../../lib/promql/promql-regex.ts'

const matches = suite('promqlRegex()')
// Go's regexp gives the same for `^(?s:pattern)$`.
for (const [pattern, value, isMatch] of [
  ['(?i).*', 'Web', true],
  ['(?i)web', 'WEB', true],
  ['web', 'web-1', false],
  ['a|b', 'ab', false],
  ['.+', 'a\nb', true],
  ['(?-s).+', 'a\nb', false],
  ['[[:alpha:]]+', 'abc', true],
  ['\\Qa.b\\E', 'a.b', true],
  ['(?P<kind>a.*)', 'abc', true],
  ['', '', true],
  ['(a+)+', `${'a'.repeat(40)}!`, false],
] as const) {
  matches(`${pattern} ${isMatch ? 'fits' : 'does not fit'} ${value}`, () =>
    assert.equal(promqlRegex(pattern)(value), isMatch),
  )
}
for (const [pattern, why] of [
  ['(?!kube-).*', 'error parsing regexp: invalid or unsupported Perl syntax: `(?!`'],
  ['*', 'error parsing regexp: missing argument to repetition operator: `*`'],
  ['(a)\\1', 'error parsing regexp: invalid escape sequence: `\\1`'],
] as const) {
  matches(`refuses ${pattern} with the message of Prometheus`, () =>
    assert.throws(() => promqlRegex(pattern), { name: 'PatternError', why } satisfies Partial<PatternError>),
  )
}
matches.run()

const lists = suite('listedValues()')
for (const [pattern, values] of [
  ['a', ['a']],
  ['a|b-c', ['a', 'b-c']],
  ['(a|b\\.c)', ['a', 'b.c']],
  ['(?:a|b)', ['a', 'b']],
  ['5..', undefined],
  ['a|b.*', undefined],
  ['a\\d', undefined],
  ['(a)|(b)', undefined],
] as const) {
  lists(`${pattern}: ${values?.join(', ') ?? 'more than a list'}`, () =>
    assert.deepEqual(listedValues(pattern), values),
  )
}
lists.run()
