import assert from 'node:assert/strict'
import { createHook } from 'node:async_hooks'
import { suite } from 'uvu'
import { LabError } from '../../../lib/cli/errors.ts'
import type { KubeClient, KubeResponse } from '../../../lib/kube/api-client.ts'
import { type BulkCall, callAll } from '../../../lib/kube/bulk-requests.ts'

type Answer = Partial<KubeResponse> | Error

/** A client that gives each path its answers by turns, and 200 when they are used up. */
function answering(answers: Record<string, Answer[]>): { client: KubeClient; asked: string[] } {
  const asked: string[] = []
  const client: KubeClient = {
    context: 'test',
    server: 'http://test',
    async request(method, path) {
      asked.push(`${method} ${path}`)
      const answer = answers[path]?.shift() ?? { status: 200 }
      if (answer instanceof Error) throw answer
      return { status: 200, body: {}, ...answer }
    },
    stream: () => assert.fail('it watches nothing'),
    close() {},
  }
  return { client, asked }
}
const post = (path: string): BulkCall => ({ method: 'POST', path, body: {} })
const remove = (path: string): BulkCall => ({ method: 'DELETE', path })
const exists = { status: 409, body: { reason: 'AlreadyExists', message: 'pods "a" already exists' } }

/** The least or the most that chance can add to a pause. */
async function withChance<T>(chance: number, act: () => Promise<T>): Promise<T> {
  const { random } = Math
  Math.random = () => chance
  try {
    return await act()
  } finally {
    Math.random = random
  }
}

/** The timers that start during `act`, by their durations: a busy machine fires them late. */
async function pausesOf(act: () => Promise<unknown>): Promise<number[]> {
  const pausesMs: number[] = []
  const hook = createHook({
    init(_, type, __, resource) {
      if (type === 'Timeout') pausesMs.push((resource as { _idleTimeout: number })._idleTimeout)
    },
  })
  hook.enable()
  await act().finally(() => hook.disable())
  return pausesMs
}

const calls = suite('callAll()')

calls('sends each call once, and reports the number of finished ones', async () => {
  const { client, asked } = answering({})
  const done: number[] = []
  await callAll(client, [post('/a'), remove('/b'), post('/c')], { onDone: count => done.push(count), concurrency: 1 })
  assert.deepEqual(asked, ['POST /a', 'DELETE /b', 'POST /c'])
  assert.deepEqual(done, [1, 2, 3])
})

calls('has nothing to do for no calls', async () => {
  const { client, asked } = answering({})
  await callAll(client, [])
  assert.deepEqual(asked, [])
})

for (const [fact, call, answer] of [
  ['an object that exists', post('/a'), exists],
  ['one to delete that is gone', remove('/a'), { status: 404, body: { reason: 'NotFound' } }],
  ['one that was accepted', remove('/a'), { status: 202 }],
] as const) {
  calls(`takes for done: ${fact}`, async () => {
    const { client, asked } = answering({ '/a': [answer] })
    await callAll(client, [call])
    assert.equal(asked.length, 1)
  })
}

const refusals: [fact: string, call: BulkCall, answer: KubeResponse, message: string][] = [
  [
    'a 409 of another reason',
    post('/a'),
    { status: 409, body: { reason: 'Conflict', message: 'try again' } },
    'The API server refused POST /a: 409 try again',
  ],
  ['a 409 without one', post('/a'), { status: 409, body: undefined }, 'The API server refused POST /a: 409'],
  [
    'a namespace to post into that is not there',
    post('/a'),
    { status: 404, body: { reason: 'NotFound', message: 'no namespace' } },
    'The API server refused POST /a: 404 no namespace',
  ],
  [
    'an object that exists where one is to be deleted',
    remove('/a'),
    { status: 409, body: { reason: 'Conflict', message: 'uid' } },
    'The API server refused DELETE /a: 409 uid',
  ],
  ['text', post('/a'), { status: 403, body: 'forbidden' }, 'The API server refused POST /a: 403 forbidden'],
]
for (const [fact, call, answer, message] of refusals) {
  calls(`refuses at once, with the server's words: ${fact}`, async () => {
    const { client, asked } = answering({ '/a': [answer] })
    await assert.rejects(callAll(client, [call]), { name: 'LabError', message })
    assert.equal(asked.length, 1)
  })
}

calls('retries after 429, 5xx and a lost connection', async () => {
  const failures = [{ status: 429, retryAfterMs: 1 }, { status: 500 }, { status: 503 }, new LabError('no connection')]
  const { client, asked } = answering({ '/a': failures })
  await withChance(0, () => callAll(client, [post('/a')]))
  assert.equal(asked.length, 5)
})

calls('takes what exists at the second try for done: the first may have got through', async () => {
  const { client } = answering({ '/a': [new LabError('no answer'), exists] })
  await callAll(client, [post('/a')])
})

calls('retries while an object of the same name is being deleted', async () => {
  const deleting = {
    status: 409,
    body: { reason: 'AlreadyExists', message: 'object is being deleted: pods "a" already exists' },
  }
  const { client, asked } = answering({ '/a': [deleting] })
  await callAll(client, [post('/a')])
  assert.equal(asked.length, 2)
})

for (const chance of [0, 0.999]) {
  calls(`waits as long as the server asks, at chance ${chance}`, async () => {
    const { client } = answering({ '/a': [{ status: 429, retryAfterMs: 300 }] })
    const startedMs = Date.now()
    assert.deepEqual(await pausesOf(() => withChance(chance, () => callAll(client, [post('/a')]))), [300])
    const tookMs = Date.now() - startedMs
    // Timers may fire a millisecond early.
    assert(tookMs >= 299, `${tookMs} ms`)
  })
}

calls('waits ever longer by itself', async () => {
  const { client } = answering({ '/a': [{ status: 500 }, { status: 500 }, { status: 500 }] })
  const startedMs = Date.now()
  assert.deepEqual(await pausesOf(() => withChance(0.5, () => callAll(client, [post('/a')]))), [200, 400, 800])
  const tookMs = Date.now() - startedMs
  assert(tookMs >= 1_397, `${tookMs} ms`)
})

calls('gives up after so many attempts with the last answer', async () => {
  const busy = { status: 503, body: { message: 'etcd is away' } }
  const refused = answering({ '/a': [busy, busy, busy] })
  await assert.rejects(
    withChance(0, () => callAll(refused.client, [post('/a')], { attempts: 2 })),
    {
      message: 'The API server refused POST /a: 503 etcd is away',
    },
  )
  assert.equal(refused.asked.length, 2)
  const gone = new LabError('Cannot POST /a: ECONNREFUSED')
  const unreachable = answering({ '/a': [gone, gone, gone] })
  await assert.rejects(callAll(unreachable.client, [post('/a')], { attempts: 1 }), gone)
})

calls('does not ask again after a bug', async () => {
  const { client, asked } = answering({ '/a': [new TypeError('x is undefined')] })
  await assert.rejects(callAll(client, [post('/a')]), { name: 'TypeError' })
  assert.equal(asked.length, 1)
})

calls('begins no more calls after a refusal, finishes those under way, and throws the first', async () => {
  const asked: string[] = []
  const finished: string[] = []
  const { client } = answering({})
  const slow: KubeClient = {
    ...client,
    async request(_, path) {
      asked.push(path)
      await new Promise(resolve => setTimeout(resolve, path === '/1' ? 20 : 60))
      finished.push(path)
      return path === '/1' || path === '/2' ? { status: 403, body: path } : { status: 200, body: {} }
    },
  }
  const paths = Array.from({ length: 10 }, (_, index) => `/${index}`)
  await assert.rejects(callAll(slow, paths.map(post), { concurrency: 3 }), { message: /403 \/1$/ })
  assert.deepEqual(asked, ['/0', '/1', '/2'])
  assert.deepEqual(finished.sort(), asked)
})

for (const [concurrency, expected] of [
  [4, 4],
  [50, 20],
  [undefined, 20],
] as const) {
  calls(
    `has ${expected} of 20 calls under way when it may have ${concurrency ?? 'as many as by default'}`,
    async () => {
      let now = 0
      let most = 0
      const { client } = answering({})
      const counting: KubeClient = {
        ...client,
        async request() {
          most = Math.max(most, ++now)
          await new Promise(resolve => setTimeout(resolve, 5))
          now--
          return { status: 201, body: {} }
        },
      }
      const twenty = Array.from({ length: 20 }, (_, index) => post(`/${index}`))
      await callAll(counting, twenty, concurrency === undefined ? {} : { concurrency })
      assert.equal(most, expected)
    },
  )
}
calls.run()
