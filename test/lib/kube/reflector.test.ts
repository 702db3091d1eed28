import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { suite } from 'uvu'
import { createClient } from '../../../lib/kube/api-client.ts'
import { fields, text } from '../../../lib/kube/json.ts'
import { type ReflectorEvent, startReflector } from '../../../lib/kube/reflector.ts'
import { answer, fakeApi, until } from './fake-api.ts'

type Handle = (url: URL, response: ServerResponse) => void

const object = (uid: string, resourceVersion = '1') => ({ metadata: { uid, name: `name-${uid}`, resourceVersion } })
const list = (uids: string[], resourceVersion: string, next?: string) => ({
  metadata: { resourceVersion, continue: next },
  items: uids.map(uid => object(uid)),
})
const send = (response: ServerResponse, ...events: [string, unknown][]) => {
  for (const [type, each] of events) response.write(`${JSON.stringify({ type, object: each })}\n`)
}

/** Runs a reflector against a server that answers as told, and stops both in the end. */
async function reflecting(
  onList: Handle,
  onWatch: Handle,
  run: (seen: {
    names: Map<string, string>
    changes: string[]
    log: string[]
    reflector: ReturnType<typeof startReflector>
  }) => Promise<void>,
  options: { watchTimeoutS?: number; optional?: boolean; reduce?: (raw: unknown) => string | undefined } = {},
): Promise<void> {
  const api = await fakeApi((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost')
    if (url.searchParams.has('watch')) onWatch(url, response.writeHead(200, { 'content-type': 'application/json' }))
    else onList(url, response)
  })
  const client = createClient(api.credentials)
  const stop = new AbortController()
  const names = new Map<string, string>()
  const [changes, log]: [string[], string[]] = [[], []]
  const reflector = startReflector<string>({
    client,
    path: '/api/v1/pods',
    query: { fieldSelector: 'spec.nodeName!=' },
    reduce: raw => text(fields(fields(raw).metadata).name),
    apply(event: ReflectorEvent<string>) {
      changes.push(`${event.type} ${event.key}`)
      if (event.type === 'set') names.set(event.key, event.object)
      else assert(names.delete(event.key), `${event.key} was deleted twice`)
    },
    signal: stop.signal,
    log: line => log.push(line),
    backoffMs: { first: 5, most: 20 },
    ...options,
  })
  try {
    await run({ names, changes, log, reflector })
  } finally {
    stop.abort()
    await reflector.stopped
    client.close()
    await api.close()
  }
}

const reflects = suite('startReflector()')

reflects('lists in pages, then watches from there', async () => {
  const watched: string[] = []
  await reflecting(
    (url, response) => {
      assert.equal(url.searchParams.get('limit'), '500')
      assert.equal(url.searchParams.get('fieldSelector'), 'spec.nodeName!=')
      if (url.searchParams.get('continue') === 'more') answer(response, 200, list(['c'], '7'))
      else answer(response, 200, list(['a', 'b'], '7', 'more'))
    },
    (url, response) => {
      watched.push(`${url.searchParams.get('resourceVersion')} ${url.searchParams.get('allowWatchBookmarks')}`)
      send(response, ['ADDED', object('d', '8')], ['DELETED', object('a', '9')], ['MODIFIED', object('b', '10')])
    },
    async ({ names, reflector }) => {
      await reflector.firstSync
      await until('d is there and a is gone', () => names.has('d') && !names.has('a'))
      assert.deepEqual([...names.keys()].sort(), ['b', 'c', 'd'])
      assert.deepEqual(watched, ['7 true'])
      assert(reflector.synced && reflector.connected && reflector.lastContactMs !== undefined)
    },
  )
})

reflects('includes a part that was left out, but for what the watch has told since', async () => {
  let watching: ServerResponse | undefined
  let changesSeen: () => boolean = () => false
  await reflecting(
    async (url, response) => {
      if (url.searchParams.get('fieldSelector') !== 'spec.nodeName=a') return answer(response, 200, list([], '1'))
      assert(watching !== undefined, 'no watch')
      send(watching, ['MODIFIED', object('changed', '9')], ['DELETED', object('deleted', '10')])
      send(watching, ['ADDED', object('last', '11')])
      await until('the events are seen', changesSeen)
      answer(response, 200, list(['changed', 'deleted', 'other'], '8'))
    },
    (_, response) => {
      response.flushHeaders()
      watching = response
    },
    async ({ names, reflector }) => {
      changesSeen = () => names.has('last')
      await until('it watches', () => watching !== undefined)
      await reflector.include({ fieldSelector: 'spec.nodeName=a' })
      assert.deepEqual([...names].sort(), [
        ['changed', '9'],
        ['last', '11'],
        ['other', '1'],
      ])
    },
    { reduce: raw => text(fields(fields(raw).metadata).resourceVersion) },
  )
})

reflects('includes an object whose event was left out while another part was listed', async () => {
  let watching: ServerResponse | undefined
  const held = new Set(['first'])
  let endFirst: () => void = () => {}
  const nodeOf = (raw: unknown) => text(fields(fields(raw).spec).nodeName) ?? ''
  const pod = (uid: string, nodeName: string) => ({ ...object(uid), spec: { nodeName } })
  await reflecting(
    (url, response) => {
      const part = url.searchParams.get('fieldSelector')
      if (part === 'spec.nodeName=first') endFirst = () => answer(response, 200, list([], '1'))
      else if (part === 'spec.nodeName=second')
        answer(response, 200, { metadata: { resourceVersion: '2' }, items: [pod('a', 'second')] })
      else answer(response, 200, list([], '1'))
    },
    (_, response) => {
      response.flushHeaders()
      watching = response
    },
    async ({ names, reflector }) => {
      await until('it watches', () => watching !== undefined)
      const first = reflector.include({ fieldSelector: 'spec.nodeName=first' })
      assert(watching !== undefined, 'no watch')
      send(watching, ['ADDED', pod('a', 'second')], ['ADDED', pod('seen', 'first')])
      await until('the events are seen', () => names.has('seen'))
      held.add('second')
      await reflector.include({ fieldSelector: 'spec.nodeName=second' })
      endFirst()
      await first
      assert.deepEqual([...names.keys()].sort(), ['a', 'seen'])
    },
    { reduce: raw => (held.has(nodeOf(raw)) ? nodeOf(raw) : undefined) },
  )
})

reflects('goes on where it was after a dropped connection, bookmarks counted', async () => {
  const watched: (string | null)[] = []
  let lists = 0
  await reflecting(
    (_, response) => {
      lists++
      answer(response, 200, list(['a'], '1'))
    },
    (url, response) => {
      watched.push(url.searchParams.get('resourceVersion'))
      if (watched.length > 1) return send(response, ['ADDED', object('b', '51')])
      send(response, ['BOOKMARK', { metadata: { resourceVersion: '50' } }])
      setTimeout(() => response.destroy(), 10)
    },
    async ({ names, log }) => {
      await until('b is there', () => names.has('b'))
      assert.deepEqual(watched, ['1', '50'])
      assert.equal(lists, 1)
      assert.match(log.join('\n'), /contact lost, trying again.*\n.*in contact again/)
    },
  )
})

for (const [how, refuse] of [
  ['an event', (response: ServerResponse) => send(response, ['ERROR', { kind: 'Status', code: 410, message: 'gone' }])],
  ['a status', (response: ServerResponse) => answer(response, 410, { message: 'gone' })],
] as const) {
  reflects(`lists again after 410 as ${how}, and deletes what has gone`, async () => {
    let lists = 0
    let watches = 0
    const api = await fakeApi((request, response) => {
      if (request.url?.includes('watch=') !== true) {
        return answer(response, 200, ++lists === 1 ? list(['a', 'b'], '1') : list(['b', 'c'], '9'))
      }
      if (++watches === 1) refuse(response)
      else response.writeHead(200).flushHeaders()
    })
    const client = createClient(api.credentials)
    const stop = new AbortController()
    const names = new Set<string>()
    const reflector = startReflector<true>({
      client,
      path: '/x',
      reduce: () => true,
      apply: event => (event.type === 'set' ? names.add(event.key) : names.delete(event.key)),
      signal: stop.signal,
      backoffMs: { first: 5, most: 20 },
    })
    await until('c is there', () => names.has('c') && !names.has('a'))
    assert.deepEqual([...names].sort(), ['b', 'c'])
    stop.abort()
    await reflector.stopped
    client.close()
    await api.close()
  })
}

reflects('has two of one name at no time, also while it lists page by page', async () => {
  let lists = 0
  const newer = { metadata: { uid: 'b', name: 'name-a', resourceVersion: '2' } }
  const first = { ...list([], '2', 'more'), items: [newer] }
  await reflecting(
    (url, response) => {
      if (url.searchParams.has('continue')) answer(response, 200, list(['c'], '2'))
      else answer(response, 200, ++lists === 1 ? list(['a'], '1') : first)
    },
    (url, response) => {
      if (url.searchParams.get('resourceVersion') === '1') send(response, ['ERROR', { code: 410, message: 'gone' }])
      else response.flushHeaders()
    },
    async ({ names, changes }) => {
      await until('the second list has been taken', () => names.has('c'))
      assert.deepEqual(changes, ['set a', 'deleted a', 'set b', 'set c'])
    },
  )
})

reflects('reports each kind of failure once while it lasts', async () => {
  let lists = 0
  let allowed = false
  await reflecting(
    (_, response) => {
      if (allowed) answer(response, 200, list([], '1'))
      else if (++lists === 1) response.destroy()
      else answer(response, 403, { message: 'pods is forbidden' })
    },
    (_, response) => response.flushHeaders(),
    async ({ reflector, log }) => {
      await until('it has been refused twice', () => lists > 3)
      assert.equal(reflector.trouble, 'Cannot list /api/v1/pods: 403 pods is forbidden')
      assert.equal(log.filter(line => line.includes('403 pods is forbidden')).length, 1, log.join('\n'))
      allowed = true
      await reflector.firstSync
      assert.equal(reflector.trouble, undefined)
    },
  )
})

reflects('starts the list over when a page has expired, and loses nothing', async () => {
  let calls = 0
  await reflecting(
    (url, response) => {
      calls++
      if (url.searchParams.has('continue') && calls === 2) return answer(response, 410, { message: 'expired' })
      answer(response, 200, url.searchParams.has('continue') ? list(['b'], '2') : list(['a'], '2', 'more'))
    },
    (_, response) => response.flushHeaders(),
    async ({ names, reflector }) => {
      await reflector.firstSync
      assert.deepEqual([...names.keys()].sort(), ['a', 'b'])
      assert.equal(calls, 4)
    },
  )
})

reflects(
  'takes an optional collection that the server does not know for an empty one, and not for lost contact',
  async () => {
    const startedMs = Date.now()
    await reflecting(
      (_, response) => answer(response, 404, { message: 'no such kind' }),
      () => assert.fail('watched'),
      async ({ reflector, log }) => {
        await reflector.firstSync
        await until('it waits', () => reflector.connected)
        assert(Number(reflector.lastContactMs) >= startedMs && Number(reflector.lastContactMs) <= Date.now())
        assert.deepEqual(log, [])
      },
      { optional: true },
    )
  },
)

reflects('waits for the Retry-After of a 429', async () => {
  const times: number[] = []
  await reflecting(
    (_, response) => {
      times.push(Date.now())
      if (times.length === 1) answer(response, 429, {}, { 'retry-after': '1' })
      else answer(response, 200, list([], '1'))
    },
    (_, response) => response.flushHeaders(),
    async ({ reflector }) => {
      await reflector.firstSync
      assert(Number(times[1]) - Number(times[0]) >= 990)
    },
  )
})

reflects('lists again after several refused watches', async () => {
  let lists = 0
  await reflecting(
    (_, response) => answer(response, 200, ++lists === 1 ? list(['old'], '900') : list(['new'], '3')),
    (url, response) => {
      if (url.searchParams.get('resourceVersion') === '900') return response.destroy()
      response.flushHeaders()
    },
    async ({ names }) => {
      await until('the new list has been taken', () => names.has('new') && !names.has('old'))
    },
  )
})

reflects('leaves out an invalid object, and logs it once', async () => {
  await reflecting(
    (_, response) => answer(response, 200, list(['a', 'bad', 'b'], '1')),
    (_, response) => send(response, ['MODIFIED', object('bad', '2')], ['ADDED', object('c', '3')]),
    async ({ names, log }) => {
      await until('c is there', () => names.has('c'))
      assert.deepEqual([...names.keys()].sort(), ['a', 'b', 'c'])
      assert.equal(log.filter(line => line.includes('left out')).length, 1)
    },
    {
      reduce(raw) {
        const name = text(fields(fields(raw).metadata).name)
        if (name === 'name-bad') throw new Error('odd object')
        return name
      },
    },
  )
})

reflects('does not ask in a tight loop when each watch ends at once', async () => {
  let watches = 0
  await reflecting(
    (_, response) => answer(response, 200, list([], '1')),
    (_, response) => {
      watches++
      response.end()
    },
    async ({ reflector }) => {
      await reflector.firstSync
      const startedMs = performance.now()
      await new Promise(resolve => setTimeout(resolve, 200))
      await until('it asks again', () => watches > 1)
      const tookMs = performance.now() - startedMs
      assert(watches < tookMs / 5, `${watches} watches in ${tookMs} ms`)
    },
  )
})

reflects.run()
