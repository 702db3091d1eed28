import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { LabError } from '../../../lib/cli/errors.ts'
import { type CheckResult, waitUntil } from '../../../lib/system/wait.ts'

const waiting = suite('waitUntil()')

waiting('returns the result, after a pause for each pending check', async () => {
  const results: CheckResult<string>[] = [{ pending: '2 left' }, { pending: '1 left' }, { done: 'all' }]
  const startedMs = performance.now()
  const found = await waitUntil({ what: 'all', timeoutMs: 60_000, everyMs: 20, check: async () => next(results) })
  assert.equal(found, 'all')
  assert.ok(performance.now() - startedMs >= 38)
})

waiting('returns undefined, null and false as results', async () => {
  for (const result of [undefined, null, false]) {
    const found = await waitUntil({ what: 'it', timeoutMs: 0, everyMs: 1, check: async () => ({ done: result }) })
    assert.equal(found, result)
  }
})

waiting('reports the last state and the next step on time-out', async () => {
  const check = async () => ({ pending: '3 pods Pending' })
  await assert.rejects(
    waitUntil({ what: '5 pods Running', timeoutMs: 40, everyMs: 10, check, next: 'make kwok-status' }),
    ({ message, next }: LabError) => {
      assert.match(message, /^Timed out after \d+ s waiting for 5 pods Running: 3 pods Pending$/)
      assert.equal(next, 'make kwok-status')
      return true
    },
  )
})

waiting(
  'counts a LabError as "not yet", keeps the last one, and takes its next step where it has none of its own',
  async () => {
    const errors = ['first', 'second', 'third']
    let calls = 0
    const check = async (): Promise<CheckResult<never>> => {
      throw new LabError('Cannot ask', { why: errors[Math.min(calls++, 2)], next: 'ask again' })
    }
    const timeoutMs = () => (calls < 3 ? 60_000 : 0)
    await assert.rejects(waitUntil({ what: 'an answer', timeoutMs, everyMs: 10, check }), (error: LabError) => {
      assert.match(error.message, /waiting for an answer: Cannot ask: third$/)
      assert.equal(error.next, 'ask again')
      assert.ok(error.cause instanceof LabError)
      return true
    })
    assert.equal(calls, 3)
  },
)

waiting('ends at once with a LabError where errors are final', async () => {
  let calls = 0
  const check = async (): Promise<CheckResult<never>> => {
    calls++
    throw new LabError('Cannot ask')
  }
  const options = { what: 'an answer', timeoutMs: 60_000, everyMs: 10, check, errorsAreFinal: true }
  await assert.rejects(waitUntil(options), /^LabError: Cannot ask$/)
  assert.equal(calls, 1)
})

waiting('pauses at least 10 ms between checks', async () => {
  let calls = 0
  const check = async (): Promise<CheckResult<never>> => {
    calls++
    throw new LabError('Cannot ask')
  }
  await assert.rejects(waitUntil({ what: 'an answer', timeoutMs: 200, everyMs: 0, check }), LabError)
  assert.ok(calls <= 22, `${calls} checks in 200 ms`)
})

waiting('ends at once on a failed check, and on any other error than a LabError', async () => {
  const failed = new LabError('The process ended')
  const startedMs = performance.now()
  const options = { what: 'it', timeoutMs: 600_000, everyMs: 120_000 }
  await assert.rejects(waitUntil({ ...options, check: async () => ({ failed }) }), error => error === failed)
  await assert.rejects(
    waitUntil({
      ...options,
      check: async () => {
        throw new TypeError('a bug')
      },
    }),
    TypeError,
  )
  assert.ok(performance.now() - startedMs < 60_000)
})

waiting('checks once more after the time is over', async () => {
  let isThere = false
  setTimeout(() => {
    isThere = true
  }, 30)
  const check = async () => (isThere ? { done: true } : { pending: 'nothing' })
  assert.equal(await waitUntil({ what: 'it', timeoutMs: 300, everyMs: 60_000, check }), true)
})

waiting('calls functions for a limit and a pause that depend on the checks', async () => {
  let count = 0
  const pausesMs: number[] = []
  const found = await waitUntil({
    what: 'it',
    timeoutMs: () => (count < 3 ? 60_000 : 0),
    everyMs: checkMs => {
      pausesMs.push(checkMs)
      return 1
    },
    check: async () => (++count === 4 ? { done: count } : { pending: `${count}` }),
  }).catch((error: unknown) => error)
  assert.match(String(found), /Timed out after \d+ s waiting for it: 3/)
  assert.equal(pausesMs.length, 2)
})

waiting('returns or throws what onTimeout gives', async () => {
  const options = { what: 'it', timeoutMs: 20, everyMs: 10, check: async () => ({ pending: 'half' }) }
  assert.equal(await waitUntil<string>({ ...options, onTimeout: seen => `only ${seen}` }), 'only half')
  const refused = new LabError('Refused')
  await assert.rejects(
    waitUntil<string>({ ...options, onTimeout: () => Promise.reject(refused) }),
    error => error === refused,
  )
})

waiting('ends on a signal, also during a pause', async () => {
  const aborter = new AbortController()
  setTimeout(() => aborter.abort(new LabError('Stopped')), 20)
  const check = async () => ({ pending: 'nothing' })
  await assert.rejects(
    waitUntil({ what: 'it', timeoutMs: 60_000, everyMs: 60_000, check, signal: aborter.signal }),
    /^LabError: Stopped$/,
  )
})

function next(results: CheckResult<string>[]): CheckResult<string> {
  const result = results.shift()
  assert.ok(result !== undefined)
  return result
}

waiting.run()
