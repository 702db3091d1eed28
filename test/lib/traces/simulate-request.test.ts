import assert from 'node:assert/strict'
import { SpanKind, SpanStatusCode, TraceFlags } from '@opentelemetry/api'
import { suite } from 'uvu'
import { simulateRequest } from '../../../lib/traces/simulate-request.ts'
import type { SimulatedSpan } from '../../../lib/traces/span.ts'
import type { TracedCluster } from '../../../lib/traces/traced-cluster.ts'
import { serviceFacts, tracedPod } from '../../../lib/traces/traced-objects.ts'
import { there } from '../kubelet/kubelet-fixtures.ts'
import { clusterOf, pod, rawPod, seeded, service } from './trace-fixtures.ts'

/** The real application's graph, in short. */
const shop = {
  load: ['web'],
  web: ['ads', 'cart', 'checkout', 'catalog', 'hints'],
  checkout: ['cart', 'catalog', 'mail'],
  hints: ['catalog'],
  cart: ['redis'],
  ads: [],
  catalog: [],
  mail: [],
  redis: [],
}
const END_MS = Date.parse('2026-01-01T00:00:00Z')

function requests(cluster: TracedCluster, count = 50, busy: number | ((podUid: string) => number) = 0.5) {
  const situation = cluster.situation(END_MS)
  const random = seeded()
  const utilisation = typeof busy === 'number' ? () => busy : busy
  return Array.from({ length: count }, () =>
    simulateRequest(there(situation.roots[0]), { situation, utilisation, endMs: END_MS, random }),
  )
}

const serviceOf = (span: SimulatedSpan) => String(span.resource.attributes['service.name'])
const isFailed = (span: SimulatedSpan) => span.status.code === SpanStatusCode.ERROR
const microsOf = ([seconds, nanos]: readonly [number, number]) => seconds * 1e6 + nanos / 1e3

/** `caller>callee` of each server span, by its parent's parent of the trace. */
function edgesOf(spans: readonly SimulatedSpan[]): string[] {
  const byId = new Map(spans.map(span => [span.context.spanId, span]))
  return spans
    .filter(span => span.kind === SpanKind.SERVER)
    .map(span => `${serviceOf(there(byId.get(span.parentSpanContext?.spanId ?? '')))}>${serviceOf(span)}`)
}

const made = suite('simulateRequest()')

made('has a call for every edge of the graph, and no other', () => {
  const expected = Object.entries(shop).flatMap(([name, peers]) => peers.map(peer => `${name}>${peer}`))
  const seen = new Set(requests(clusterOf(shop)).flatMap(edgesOf))
  assert.deepEqual([...seen].sort(), expected.sort())
})

made('gives each span but the first a parent in the same trace that encloses it', () => {
  for (const spans of requests(clusterOf(shop))) {
    const byId = new Map(spans.map(span => [span.context.spanId, span]))
    assert.equal(byId.size, spans.length)
    assert.equal(new Set(spans.map(span => span.context.traceId)).size, 1)
    for (const [at, span] of spans.entries()) {
      assert(microsOf(span.endTime) >= microsOf(span.startTime))
      if (at === 0) {
        assert.equal(span.parentSpanContext, undefined)
        continue
      }
      const parent = there(byId.get(span.parentSpanContext?.spanId ?? ''))
      assert.equal(span.kind === SpanKind.SERVER, parent.kind === SpanKind.CLIENT)
      assert(microsOf(parent.startTime) <= microsOf(span.startTime))
      assert(microsOf(parent.endTime) >= microsOf(span.endTime))
      // A client span is made by the pod that serves; a server span by another service's.
      if (span.kind === SpanKind.CLIENT) assert.equal(span.resource, parent.resource)
    }
    assert.equal(microsOf(there(spans[0]).endTime), END_MS * 1_000)
  }
})

made('names the pod, its node and its workload', () => {
  for (const span of requests(clusterOf(shop), 20).flat()) {
    const { attributes } = span.resource
    const name = serviceOf(span)
    const index = String(attributes['k8s.pod.name']).at(-1)
    assert.deepEqual(
      { ...attributes },
      {
        'service.name': name,
        'service.namespace': 'shop',
        'service.instance.id': `pod-${name}-${index}`,
        'k8s.namespace.name': 'shop',
        'k8s.node.name': `node-${index}`,
        'k8s.pod.name': `${name}-5f7-${index}`,
        'k8s.pod.uid': `pod-${name}-${index}`,
        'k8s.container.name': 'server',
        'k8s.deployment.name': name,
      },
    )
  }
})

made('uses all ready pods, and never one that is not ready or being deleted', () => {
  const cluster = clusterOf(shop, 3)
  cluster.setPod(pod('cart', 0, { ready: false }))
  cluster.setPod(pod('cart', 1, { deleted: true }))
  const pods = new Set(
    requests(cluster)
      .flat()
      .map(span => String(span.resource.attributes['k8s.pod.name'])),
  )
  assert.deepEqual(
    [...pods].filter(name => name.startsWith('cart')),
    ['cart-5f7-2'],
  )
  assert.equal([...pods].filter(name => name.startsWith('web')).length, 3)
})

made('has no error when every service has a ready pod', () => {
  assert.equal(requests(clusterOf(shop)).flat().filter(isFailed).length, 0)
})

made('a service without a ready pod fails all its direct and indirect callers, and no others', () => {
  const cluster = clusterOf(shop)
  for (const index of [0, 1]) cluster.deletePod(`pod-mail-${index}`)
  let failed = 0
  for (const spans of requests(cluster)) {
    assert(!spans.some(span => serviceOf(span) === 'mail'))
    const byId = new Map(spans.map(span => [span.context.spanId, span]))
    const expected = new Set<SimulatedSpan>()
    for (const span of spans.filter(each => each.status.message !== undefined)) {
      assert.equal(span.name, 'mail/Call')
      assert.equal(span.attributes['rpc.grpc.status_code'], 14)
      // Its callers have an error of their own.
      const whoAsked = there(byId.get(span.parentSpanContext?.spanId ?? ''))
      assert.equal(whoAsked.attributes['rpc.grpc.status_code'], 13)
      assert.equal(there(byId.get(whoAsked.parentSpanContext?.spanId ?? '')).attributes['error.type'], '13')
      for (let at: SimulatedSpan | undefined = span; at !== undefined; ) {
        expected.add(at)
        at = byId.get(at.parentSpanContext?.spanId ?? '')
      }
    }
    failed += expected.size
    assert.deepEqual(new Set(spans.filter(isFailed)), expected)
    for (const span of expected) assert(['load', 'web', 'checkout'].includes(serviceOf(span)))
  }
  assert(failed > 20, `${failed}`)
})

made('follows a cycle once', () => {
  const cluster = clusterOf({ load: ['a'], a: ['b'], b: ['c'], c: ['a', 'b', 'c'] })
  for (const spans of requests(cluster, 20)) assert(spans.length <= 6, `${spans.length}`)
})

made('has no more than 500 spans in a graph of many layers', () => {
  const layers: Record<string, string[]> = { load: ['x0y0'] }
  for (let x = 0; x < 12; x++) {
    for (let y = 0; y < 6; y++)
      layers[`x${x}y${y}`] = x === 11 ? [] : Array.from({ length: 6 }, (_, to) => `x${x + 1}y${to}`)
  }
  const sizes = requests(clusterOf(layers, 1), 5).map(spans => spans.length)
  assert(Math.max(...sizes) <= 500 && Math.max(...sizes) > 400, sizes.join())
})

made('takes longer if a pod uses more of its CPU', () => {
  const mean = (utilisation: number) => {
    const times = requests(clusterOf(shop), 200, utilisation).map(([root]) => there(root).endMs)
    return times.reduce((sum, each) => sum + each, 0) / times.length
  }
  const [idle, half, busy] = [mean(0), mean(0.5), mean(0.9)]
  assert(half > 1.5 * idle && half < 2.5 * idle, `${idle} ${half}`)
  assert(busy > 5 * idle, `${idle} ${busy}`)
  assert(mean(50) < 25 * idle)
})

made('is slow in busy pods and their callers, and in no others', () => {
  const slow = (busyPods: string) => {
    const spans = requests(clusterOf(shop), 200, uid => (uid.startsWith(busyPods) ? 0.95 : 0)).flat()
    const meanMs = (name: string) => {
      const own = spans.filter(span => span.kind === SpanKind.SERVER && serviceOf(span) === name)
      return own.reduce((sum, { duration: [seconds, nanos] }) => sum + seconds * 1e3 + nanos / 1e6, 0) / own.length
    }
    return Object.fromEntries(['redis', 'cart', 'ads', 'web'].map(name => [name, meanMs(name)]))
  }
  const [idle, busy] = [slow('nobody'), slow('pod-redis')]
  const ratio = (name: string) => Number(busy[name]) / Number(idle[name])
  assert(ratio('redis') > 15 && ratio('redis') < 25, `${ratio('redis')}`)
  assert(ratio('cart') > 1.5 && ratio('web') > 1.2, `${ratio('cart')} ${ratio('web')}`)
  assert(ratio('ads') > 0.8 && ratio('ads') < 1.25, `${ratio('ads')}`)
  // An idle service that calls no other takes the time of its own work, before and after.
  for (const name of ['redis', 'ads']) {
    const { idleMs } = there(clusterOf(shop).situation(END_MS).endpoints.get(`shop/${name}`)?.[0])
    const took = Number(idle[name]) / idleMs
    assert(took > 0.9 && took < 1.25, `${name}: ${took}`)
  }
})

made('has times as in OpenTelemetry: whole seconds and nanoseconds', () => {
  for (const span of requests(clusterOf(shop), 20).flat()) {
    for (const [seconds, nanos] of [span.startTime, span.endTime, span.duration]) {
      assert(Number.isInteger(seconds) && Number.isInteger(nanos) && nanos >= 0 && nanos < 1e9, `${seconds} ${nanos}`)
    }
    assert(Math.abs(microsOf(span.startTime) + microsOf(span.duration) - microsOf(span.endTime)) <= 2)
    assert(END_MS - microsOf(span.startTime) / 1e3 < 2_000)
    assert.equal(span.context.traceFlags, TraceFlags.SAMPLED)
    if (span.parentSpanContext !== undefined) {
      assert.equal(span.parentSpanContext.isRemote === true, span.kind === SpanKind.SERVER)
    }
  }
})

made('goes no deeper than sixteen calls', () => {
  const chain = Object.fromEntries(Array.from({ length: 30 }, (_, at) => [`s${at}`, at < 29 ? [`s${at + 1}`] : []]))
  const cluster = clusterOf(chain)
  const situation = cluster.situation(END_MS)
  // Every call is made.
  const options = { situation, utilisation: () => 0, endMs: END_MS, random: () => 0 }
  assert.equal(simulateRequest(there(situation.roots[0]), options).length, 2 * 16)
})

made('is empty for a generator without a ready pod', () => {
  const cluster = clusterOf(shop, 0)
  assert.deepEqual(cluster.situation(END_MS).roots, [])
  const situation = clusterOf(shop).situation(END_MS)
  assert.deepEqual(simulateRequest([], { situation, utilisation: () => 0, endMs: END_MS }), [])
})

made('has attributes by the semantic conventions of the protocol', () => {
  const cluster = clusterOf({ load: ['web'], web: [] })
  cluster.setService(service('web', { name: 'http', port: 80 }))
  const [client, server] = there(requests(cluster, 1)[0])
  assert.deepEqual([client?.name, server?.name], ['GET', 'GET /'])
  assert.deepEqual(client?.attributes, {
    'http.request.method': 'GET',
    'server.address': 'web',
    'server.port': 80,
    'url.full': 'http://web:80/',
    'http.response.status_code': 200,
  })
  assert.equal(server?.attributes['http.route'], '/')
})
made('lets a Service be slow or fail while a scenario annotates it, and its callers with it', () => {
  const meanMs = (all: readonly SimulatedSpan[]) =>
    all.reduce((sum, { duration }) => sum + microsOf(duration), 0) / all.length / 1_000
  const of = (scenario: string | undefined) => {
    const cluster = clusterOf(shop)
    cluster.setService({ ...service('cart'), scenario })
    const spans = requests(cluster, 200).flat()
    const ofService = (name: string) => spans.filter(each => each.kind === SpanKind.SERVER && serviceOf(each) === name)
    return { cart: ofService('cart'), checkout: ofService('checkout'), ads: ofService('ads') }
  }
  const [healthy, slow, failing] = [of(undefined), of('service-slow'), of('service-failing')]
  assert(Math.abs(meanMs(slow.cart) - meanMs(healthy.cart) - 1_000) < 100)
  assert(meanMs(slow.checkout) > meanMs(healthy.checkout) + 300)
  assert(Math.abs(meanMs(slow.ads) - meanMs(healthy.ads)) < 20)
  const share = (all: readonly SimulatedSpan[]) => all.filter(isFailed).length / all.length
  assert(Math.abs(share(failing.cart) - 0.5) < 0.1)
  assert(share(failing.checkout) > 0.15 && share(healthy.checkout) === 0)
  assert.equal(share(failing.ads), 0)
})

made.run()

const situations = suite('TracedCluster.situation()')
situations('is computed again at most once a second, and only after a change', () => {
  const cluster = clusterOf({ load: ['web'], web: [] })
  const first = cluster.situation(10_000)
  assert.equal(cluster.situation(20_000), first)
  cluster.setPod(pod('web', 7))
  const second = cluster.situation(30_000)
  assert.equal(second.endpoints.get('shop/web')?.length, 3)
  cluster.deletePod('pod-web-7')
  assert.equal(cluster.situation(30_500), second)
  assert.equal(cluster.situation(31_000).endpoints.get('shop/web')?.length, 2)
})

situations('follows new and deleted Services and workloads', () => {
  const cluster = clusterOf({ load: ['web'], web: [] })
  assert.equal(cluster.situation(-1_000).roots.length, 1)
  cluster.deleteService('service-shop-web')
  const without = cluster.situation(1_000)
  assert.deepEqual([without.roots.length, without.problems.length], [0, 1])
  cluster.setService(service('web'))
  assert.equal(cluster.situation(3_000).roots.length, 1)
  cluster.deleteWorkload('workload-shop-load')
  assert.equal(cluster.situation(5_000).roots.length, 0)
})

situations('keeps the resource of an unchanged pod', () => {
  const cluster = clusterOf({ load: ['web'], web: [] }, 1)
  const resource = (nowMs: number) => there(cluster.situation(nowMs).endpoints.get('shop/web')?.[0]).resource
  const first = resource(1_000)
  cluster.setPod(pod('load', 3))
  assert.equal(resource(3_000), first)
  cluster.setPod(pod('web', 0))
  assert.notEqual(resource(5_000), first)
})

situations('has no endpoints for a Service without a selector, or for a pod that has ended', () => {
  const cluster = clusterOf({ load: ['web'], web: [] }, 1)
  const ended = { ...there(rawPod('web') as Record<string, object>) }
  cluster.setPod(there(tracedPod({ ...ended, status: { ...ended['status'], phase: 'Succeeded' } })))
  assert.deepEqual(cluster.situation(1_000).endpoints.get('shop/web'), [])
  cluster.setPod(pod('web'))
  const metadata = { uid: 'service-shop-web', name: 'web', namespace: 'shop' }
  cluster.setService(there(serviceFacts({ metadata, spec: { ports: [{ name: 'grpc', port: 80 }] } })))
  assert.deepEqual(cluster.situation(3_000).endpoints.get('shop/web'), [])
})
situations.run()
