import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { readOutcome, readSkips, skipLine } from './outcome.ts'

/** uvu's closing lines. */
const closing = (total: number, passed: number, skipped: number) =>
  `\n  Total:     ${total}\n  Passed:    ${passed}\n  Skipped:   ${skipped}\n  Duration:  1.00ms\n\n`
const skipped = skipLine('docker', 'there is no dockerd') + closing(0, 0, 5)

const outcome = suite('readOutcome()')
for (const [title, output, code, expected] of [
  ['counts passed and failed tests', closing(5, 3, 1), 1, { passed: 3, failed: 2, skipped: 1 }],
  ['counts a file whose tests are all skipped as skipped', skipped, 0, { passed: 0, failed: 0, skipped: 5 }],
  ['counts a file without a test as failed', closing(0, 0, 0), 0, { passed: 0, failed: 1, skipped: 0 }],
  ['counts a file that ended before its count as failed', 'SyntaxError\n', 1, { passed: 0, failed: 1, skipped: 0 }],
  ['counts a file that a signal ended as failed', '', null, { passed: 0, failed: 1, skipped: 0 }],
  ['counts a failure outside of tests', closing(3, 3, 0), 1, { passed: 3, failed: 1, skipped: 0 }],
] as const) {
  outcome(title, () => assert.deepEqual(readOutcome({ output, code }), expected))
}
outcome('counts skipped tests as failed where what they need is required', () => {
  const ended = { output: skipped, code: 0 }
  assert.deepEqual(readOutcome(ended, ['chromium', 'docker']), { passed: 0, failed: 5, skipped: 0 })
  assert.deepEqual(readOutcome(ended, ['chromium']), { passed: 0, failed: 0, skipped: 5 })
  // Skipped for another reason.
  assert.deepEqual(readOutcome({ output: closing(2, 2, 1), code: 0 }, ['docker']), { passed: 2, failed: 0, skipped: 1 })
})
outcome.run()

const skips = suite('readSkips()')
skips('gives the reason of each requirement that is not met', () => {
  const output = `${skipLine('docker', 'there is no dockerd')}${skipLine('real-node', 'a kubelet needs root: uid 1')}`
  assert.deepEqual(
    [...readSkips(output)],
    [
      ['docker', 'there is no dockerd'],
      ['real-node', 'a kubelet needs root: uid 1'],
    ],
  )
  assert.deepEqual([...readSkips('Skipped:   3\n')], [])
})
skips.run()
