import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { grafanaRegex, matching, matchingNames } from '../../../lib/grafana/js-regex.ts'

const compiles = suite('grafanaRegex()')
for (const [pattern, text, isMatch] of [
  ['(?!kube-).+', 'default', true],
  ['(?!kube-).+', 'kube-system', false],
  ['web', 'web-1', false],
  ['/web/', 'my-web-1', true],
  ['/WEB/i', 'web', true],
] as const) {
  compiles(`${pattern} ${isMatch ? 'matches' : 'does not match'} ${text}, as in Grafana`, () =>
    assert.equal(grafanaRegex(pattern).test(text), isMatch),
  )
}
compiles('fits any part where Grafana makes it plain', () => assert.ok(grafanaRegex('web', 'plain').test('my-web-1')))
for (const pattern of ['/(/', '/a/x', '(?i)a', '(']) {
  compiles(`refuses ${pattern}`, () => assert.throws(() => grafanaRegex(pattern), { name: 'PatternError' }))
}
compiles.run()

const limits = suite('matching()')
const endless = `${'a'.repeat(40)}!`
limits('stops a pattern with catastrophic backtracking', () => {
  const startedMs = performance.now()
  const regex = grafanaRegex('/^(a+)+$/')
  assert.throws(() => matching('/^(a+)+$/', () => regex.test(endless), 50), {
    name: 'PatternError',
    message: /^The regular expression \/\^\(a\+\)\+\$\/ is invalid: .*it took longer than 0\.05 s$/,
  })
  assert.ok(performance.now() - startedMs < 60_000)
})
limits('gives the result, also of nested calls, and throws the error of the callback', () => {
  assert.equal(
    matching('a', () => matching('b', () => 'found')),
    'found',
  )
  assert.throws(
    () =>
      matching('a', () => {
        throw new TypeError('own')
      }),
    { name: 'TypeError', message: 'own' },
  )
})
limits.run()

const names = suite('matchingNames()')
for (const [pattern, expected] of [
  ['/^a/', ['a', 'ab']],
  ['/a/g', ['a', 'ab', 'ba']],
  ['a', ['a']],
  ['/(/', []],
] as const) {
  names(`finds ${expected.join(', ') || 'none'} by ${pattern}`, () =>
    assert.deepEqual([...matchingNames(pattern, ['a', 'ab', 'ba', 'c'])], expected),
  )
}
names('has one time limit for many names, and names the pattern', () => {
  const startedMs = performance.now()
  const many = Array.from({ length: 120 }, (_, at) => `${endless}${at}`)
  assert.throws(() => matchingNames('/^(a+)+$/', many), { name: 'PatternError', message: /took longer than 1 s$/ })
  assert.ok(performance.now() - startedMs < 60_000)
})
names.run()
