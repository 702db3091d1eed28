import assert from 'node:assert/strict'
import { suite } from 'uvu'
import type { KubeResponse } from '../../../../lib/kube/api-client.ts'
import { subresourcesOf } from '../../../../lib/kubelet/server/kubelet-auth.ts'
import { createReviewCache } from '../../../../lib/kubelet/server/review-cache.ts'
import { createReviews } from '../../../../lib/kubelet/server/reviews.ts'

/** Reviews by an API server that answers as given, with a clock of its own. Real answers are tested in `kubelets.test.ts`. */
function start(answer: (attempt: number) => KubeResponse | Error) {
  const run = { nowMs: 0, asked: [] as unknown[] }
  const reviews = createReviews({
    clock: () => run.nowMs,
    retryMs: 1,
    client: {
      async request(_, path, options) {
        run.asked.push([path, options?.body])
        await new Promise(resolve => setImmediate(resolve))
        const given = answer(run.asked.length)
        if (given instanceof Error) throw given
        return given
      },
    },
  })
  return { ...reviews, run }
}

const user = { username: 'u', groups: ['g'] }
const resource = { name: 'n', verb: 'get', subresource: 'stats', version: 'v1', resource: 'nodes' } as const
const RIGHT = { resourceAttributes: resource }
const status = (body: unknown): KubeResponse => ({ status: 201, body: { status: body } })

const reviewing = suite('createReviews()')

reviewing('keeps the user of a token for two minutes, and asks once for concurrent requests', async () => {
  const { userOf, run } = start(() => status({ authenticated: true, user }))
  assert.deepEqual(await Promise.all([userOf('t'), userOf('t'), userOf('t')]), [user, user, user])
  run.nowMs = 119_999
  await userOf('t')
  assert.equal(run.asked.length, 1)
  await userOf('other')
  assert.equal(run.asked.length, 2)
  run.nowMs = 120_000
  await userOf('t')
  assert.equal(run.asked.length, 3)
})

for (const [allowed, lifetimeMs] of [
  [true, 300_000],
  [false, 30_000],
] as const) {
  reviewing(
    `keeps "${allowed ? 'allowed' : 'not allowed'}" for ${lifetimeMs / 1_000} s, per user, node, verb and subresource`,
    async () => {
      const { isAllowed, run } = start(() => status({ allowed }))
      assert.deepEqual(await Promise.all([isAllowed(user, RIGHT), isAllowed(user, RIGHT)]), [allowed, allowed])
      run.nowMs = lifetimeMs - 1
      await isAllowed(user, RIGHT)
      assert.equal(run.asked.length, 1)
      const others = [{ name: 'm' }, { verb: 'create' }, { subresource: 'metrics' }]
      for (const other of others) await isAllowed(user, { resourceAttributes: { ...resource, ...other } })
      await isAllowed({ username: 'u', groups: ['g', 'h'] }, RIGHT)
      assert.equal(run.asked.length, 5)
      run.nowMs = lifetimeMs
      await isAllowed(user, RIGHT)
      assert.equal(run.asked.length, 6)
    },
  )
}

reviewing('does not allow what is denied', async () => {
  assert.equal(await start(() => status({ allowed: true, denied: true })).isAllowed(user, RIGHT), false)
})

reviewing('takes no user from an answer without one', async () => {
  for (const body of [{}, { authenticated: true }, { authenticated: 'true', user }, { authenticated: false, user }]) {
    assert.equal(await start(() => status(body)).userOf('t'), undefined)
  }
})

reviewing('tries again after a lost connection, 429 and 5xx, and keeps no error', async () => {
  const failures = [new Error('reset'), { status: 500, body: {} }, { status: 429, body: {} }]
  const some = start(attempt => failures[attempt - 1] ?? status({ authenticated: true, user }))
  assert.deepEqual(await some.userOf('t'), user)
  const down = start(attempt => (attempt <= 4 ? new Error('down') : status({ allowed: true })))
  await assert.rejects(down.isAllowed(user, RIGHT), /down/)
  assert.equal(await down.isAllowed(user, RIGHT), true)
  const forbidden = start(() => ({ status: 403, body: { message: 'no right' } }))
  await assert.rejects(forbidden.userOf('t'), /403 no right/)
  assert.equal(forbidden.run.asked.length, 1)
})

reviewing.run()

const caches = suite('createReviewCache()')

caches('forgets the oldest answers when it is full', async () => {
  const cache = createReviewCache<number>({ lifetimeMs: () => 1_000, maxEntries: 2 })
  let asked = 0
  const ask = async () => ++asked
  for (const key of ['a', 'b', 'c', 'c', 'b']) await cache.get(key, ask)
  assert.equal(asked, 3)
  await cache.get('a', ask)
  assert.equal(asked, 4)
})

caches.run()

const subresources = suite('subresourcesOf()')

for (const [path, expected] of [
  ['/stats/summary', 'stats'],
  ['/stats', 'stats'],
  ['/statsx', 'proxy'],
  ['/metrics', 'metrics'],
  ['/metrics/cadvisor', 'metrics'],
  ['/pods', 'pods proxy'],
  ['/pods/', 'pods proxy'],
  ['/runningpods/', 'pods proxy'],
  ['/allocatedPods', 'pods proxy'],
  ['/healthz', 'healthz proxy'],
  ['/configz', 'configz proxy'],
  ['/logs/kubelet.log', 'log'],
  ['/checkpoint/a/b/c', 'checkpoint'],
  ['/flagz', 'configz'],
  ['/statusz', 'statusz'],
  ['/exec/a/b/c', 'proxy'],
  ['/containerLogs/a/b/c', 'proxy'],
  ['/Pods', 'proxy'],
  ['/', 'proxy'],
] as const) {
  subresources(`${path} needs ${expected}`, () => {
    assert.equal(subresourcesOf(path).join(' '), expected)
  })
}

subresources.run()
