import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { sayOnce, strictFlags } from '../../../lib/cli/daemon.ts'

const once = suite('sayOnce()')

once('says one line about each thing, and about a thousand at most', () => {
  const lines: string[] = []
  const say = sayOnce(line => lines.push(line))
  say('a', 'first of a')
  say('a', 'second of a')
  say('b')
  assert.deepEqual(lines, ['first of a', 'b'])
  for (let at = 0; at < 2_000; at++) say(String(at))
  assert.equal(lines.length, 1_000)
})
once.run()

const flags = suite('strictFlags()')

flags('gives values and defaults, and refuses what it does not know', () => {
  const options = { rate: { type: 'string', default: '5' }, help: { type: 'boolean' } } as const
  assert.deepEqual({ ...strictFlags(['--help'], { what: 'it', options }) }, { help: true, rate: '5' })
  assert.throws(() => strictFlags(['--rat', '1'], { what: 'it', options }), {
    name: 'UsageError',
    message: /^Cannot start it: Unknown option '--rat'/,
  })
})
flags.run()
