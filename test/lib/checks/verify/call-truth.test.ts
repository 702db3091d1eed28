import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { suite } from 'uvu'
import { callFigures, readCalls } from '../../../../lib/checks/verify/call-truth.ts'
import { readCluster } from '../../../../lib/checks/verify/cluster-snapshot.ts'
import { expectedValues } from '../../../../lib/checks/verify/expected-values.ts'
import type { Truth } from '../../../../lib/checks/verify/query-expectations.ts'
import { modelUsage } from '../../../../lib/checks/verify/usage-truth.ts'
import type { JaegerSpan } from '../../../../lib/traces/jaeger-client.ts'
import { CLUSTER, clusterObjects, fakeApi } from './cluster-fixture.ts'

const untilMs = 1_800_000_000_000
const window = { untilMs, lengthMs: 40_000, lateMs: 14_000 }

/** Spans of one kind, evenly over the last 90 seconds, each of 200 ms. */
function spans(service: string, kind: 'server' | 'client', aSecond: number, failed = false): JaegerSpan[] {
  return Array.from({ length: 90 * aSecond }, (_, index) => ({
    ...{ traceId: `${service}${index}`, spanId: String(index), parentId: undefined, service, name: `${service}/Call` },
    ...{ startMicros: (untilMs - 200 - (index * 1_000) / aSecond) * 1_000, durationMicros: 200_000 },
    tags: { 'span.kind': kind, ...(failed ? { error: 'true' } : {}) },
    resource: { 'k8s.namespace.name': 'shop' },
  }))
}

const figures = suite('callFigures()')
const all = [
  ...spans('web', 'server', 10),
  ...spans('web', 'server', 2, true),
  ...spans('web', 'client', 20),
  ...spans('cart', 'server', 5),
]
const calls = { fromMs: untilMs - 90_000, spans: all }

async function expected(truth: Truth): Promise<Record<string, { least: number; most: number }>> {
  const snapshot = await readCluster(fakeApi(clusterObjects()), CLUSTER)
  const states = { now: { snapshot, usage: modelUsage(snapshot, 'steady'), calls }, earlier: [] }
  return Object.fromEntries(expectedValues(truth, states, new Map(), window) ?? [])
}
const by = ['service'] as const
for (const [fact, truth, service, value] of [
  ['requests a second that a service answers', { of: 'requests', by }, 'web', 12],
  ['of another', { of: 'requests', by }, 'cart', 5],
  ['those that failed', { of: 'failed-requests', by }, 'web', 2],
  ['the part of them', { of: 'failed-requests', over: 'requests', by }, 'web', 2 / 12],
  ['seconds of a request', { of: 'request-seconds', over: 'requests', by }, 'cart', 0.2],
  ['what it asks of others', { of: 'calls', by }, 'web', 20],
] satisfies [string, Truth, string, number][]) {
  figures(`knows ${fact}, within some per cent`, async () => {
    const { least = Number.NaN, most = Number.NaN } = (await expected(truth))[service] ?? {}
    assert(least <= value && value <= most, `${value} is not ${least} to ${most}`)
    assert(least > value * 0.6 && most < value * 1.6, `${least} to ${most} says nothing of ${value}`)
  })
}

figures('counts no failures for a service without any, and no calls for one that calls no other', async () => {
  assert.equal((await expected({ of: 'failed-requests', by }))['cart']?.least, 0)
  assert.deepEqual(Object.keys(await expected({ of: 'calls', by })), ['web'])
})

figures('gives only an upper bound for a service that started within the window', () => {
  const young = { fromMs: calls.fromMs, spans: spans('new', 'server', 10).slice(0, 100) }
  const [{ amount } = { amount: undefined }] = callFigures(young, 'requests', window)
  assert.equal(amount?.least, 0)
  assert.equal(amount?.mayBeAbsent, true)
})
figures.run()

const read = suite('readCalls()')
async function answering(count: number, ask: (url: string, asked: string[]) => Promise<void>): Promise<void> {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(request.url ?? '')
    const data = Array.from({ length: count }, (_, index) => ({
      processes: { p: { serviceName: 'generator', tags: [] } },
      spans: [{ traceID: `t${index}`, spanID: 's', operationName: 'GET', startTime: 1, duration: 1, processID: 'p' }],
    }))
    response.end(JSON.stringify({ data }))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  try {
    await ask(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked)
  } finally {
    server.close()
  }
}
const pastMs = Date.now() - 10_000

read('reads the traces of each generator in the last 90 seconds, each trace once', async () => {
  await answering(3, async (url, asked) => {
    const found = await readCalls(url, ['a', 'b'], pastMs)
    assert.deepEqual([found?.spans.length, found?.fromMs], [3, pastMs - 90_000])
    assert.deepEqual(
      asked.map(each => new URL(each, url).searchParams).map(each => [each.get('service'), each.get('start')]),
      ['a', 'b'].map(each => [each, String((pastMs - 90_000) * 1_000)]),
    )
  })
})

read('gives nothing when there are more traces than the limit', async () => {
  await answering(1_000, async url => assert.equal(await readCalls(url, ['a'], pastMs), undefined))
})
read.run()
