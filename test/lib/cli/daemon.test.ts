import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { logOnce, strictFlags } from '../../../lib/cli/daemon.ts'

const once = suite('logOnce()')

once('logs one line for each subject, for a thousand subjects at most', () => {
  const lines: string[] = []
  const say = logOnce(line => lines.push(line))
  say('a', 'first of a')
  say('a', 'second of a')
  say('b')
  assert.deepEqual(lines, ['first of a', 'b'])
  for (let at = 0; at < 2_000; at++) say(String(at))
  assert.equal(lines.length, 1_000)
})
once.run()

const flags = suite('strictFlags()')

flags('gives values and defaults, and refuses unknown flags', () => {
  const options = { rate: { type: 'string', default: '5' }, help: { type: 'boolean' } } as const
  assert.deepEqual({ ...strictFlags(['--help'], { what: 'it', options }) }, { help: true, rate: '5' })
  assert.throws(() => strictFlags(['--rat', '1'], { what: 'it', options }), {
    name: 'UsageError',
    message: /^Cannot start it: Unknown option '--rat'/,
  })
})
flags.run()
