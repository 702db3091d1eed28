import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { suite } from 'uvu'
import { describeError, LabError, systemErrorCode, UsageError } from '../../../lib/cli/errors.ts'

const describes = suite('describeError()')

describes('gives what failed, why, and what to do next, in two lines', () => {
  const error = new LabError('Cannot create it', { why: 'port 9090 is in use', next: 'set PROMETHEUS_PORT' })
  assert.equal(describeError(error), 'Cannot create it: port 9090 is in use\n  Next: set PROMETHEUS_PORT')
})

describes('gives one line without a next step', () => {
  assert.equal(describeError(new LabError('Cannot create it')), 'Cannot create it')
})

describes('shows the stack of a bug, and asks the user to report it', () => {
  const said = describeError(new TypeError('x is undefined'))
  assert.match(said, /^TypeError: x is undefined\n {4}at .*errors\.test\.ts/)
  assert.match(said, /\n {2}Next: this is a bug of the lab, please report it$/)
})

describes('gives any other value as text', () => assert.equal(describeError('gone'), 'gone'))
describes.run()

const codes = suite('LabError')
codes('has exit code 1, wrong usage has 2, and both keep their cause', () => {
  const cause = new Error('why')
  const errors = [new LabError('a', { cause }), new UsageError('b', { cause })]
  assert.deepEqual(
    errors.map(({ name, exitCode, cause: kept }) => [name, exitCode, kept]),
    [
      ['LabError', 1, cause],
      ['UsageError', 2, cause],
    ],
  )
})
codes.run()

const systemCodes = suite('systemErrorCode()')
systemCodes('gives the code of a system error, and nothing for anything else', () => {
  assert.throws(
    () => readFileSync('/nowhere/at-all'),
    error => systemErrorCode(error) === 'ENOENT',
  )
  for (const other of [new Error('x'), Object.assign(new Error('x'), { code: 5 }), 'ENOENT', undefined]) {
    assert.equal(systemErrorCode(other), undefined)
  }
})
systemCodes.run()
