import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { suite } from 'uvu'
import { createReporter, formatBytes, formatElapsed, withProgress } from '../../../lib/cli/progress.ts'

const reporter = suite('createReporter()')

const written = (isTTY: boolean, env: NodeJS.ProcessEnv) => {
  const texts: string[] = []
  const stream = { isTTY, columns: 40, write: (text: string) => texts.push(text) }
  return { texts, reporter: createReporter({ stream, env, plainEveryMs: 20 }) }
}

for (const [where, isTTY, env] of [
  ['without a terminal', false, {}],
  ['in CI', true, { CI: 'true' }],
  ['on a dumb terminal', true, { TERM: 'dumb' }],
] as const) {
  reporter(`writes a plain line now and then ${where}`, async () => {
    const { texts, reporter: one } = written(isTTY, env)
    const activity = one.start('building x')
    activity.detail('half')
    await sleep(70)
    activity.end()
    const count = texts.length
    assert.ok(count >= 1 && count <= 4, String(count))
    assert.match(texts[0] ?? '', /^building x: \d s, half\n$/)
    await sleep(40)
    assert.equal(texts.length, count)
  })
}

reporter('rewrites one line on a terminal, and clears it for a line that stays', async () => {
  const { texts, reporter: one } = written(true, {})
  const activity = one.start('a very long name of something that is built')
  await sleep(1_100)
  one.line('done')
  activity.end()
  assert.deepEqual(texts, ['a very long name of something that is b', '\r\x1b[K', 'done\n'])
})
reporter.run()

const during = suite('withProgress()')
during('shows a line while its body runs, and none after it has failed', async () => {
  const texts: string[] = []
  const { write } = process.stderr
  const { isTTY } = process.stderr
  const { CI } = process.env
  delete process.env.CI
  process.stderr.isTTY = true
  process.stderr.write = (text: string | Uint8Array) => texts.push(String(text)) > 0
  try {
    const failed = withProgress('Waiting', async detail => {
      detail('2 left')
      await sleep(1_100)
      throw new Error('no more')
    })
    await assert.rejects(failed, /^Error: no more$/)
    await sleep(1_100)
  } finally {
    Object.assign(process.stderr, { write, isTTY })
    if (CI !== undefined) process.env.CI = CI
  }
  assert.match(texts[0] ?? '', /^Waiting: [1-9] s, 2 left$/)
  assert.deepEqual(texts.slice(1), ['\r\x1b[K'])
})
during.run()

const formats = suite('formatElapsed(), formatBytes()')
formats('are short', () => {
  assert.deepEqual([0, 59_400, 200_000, 3_600_000].map(formatElapsed), ['0 s', '59 s', '3 min 20 s', '60 min 0 s'])
  assert.deepEqual([0, 56.4e6, 3.44e9, 20e9].map(formatBytes), ['0 MB', '56 MB', '3.4 GB', '20 GB'])
})
formats.run()
