import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { suite } from 'uvu'
import { fields, items } from '../../../../lib/kube/json.ts'
import { hostResourceMetrics } from '../../../../lib/kubelet/endpoints/host-metrics.ts'
import { measureNode } from '../../../../lib/kubelet/endpoints/node-measurement.ts'
import { startPushing } from '../../../../lib/kubelet/push-host-metrics.ts'
import { createStore } from '../../../../lib/kubelet/store/stats-store.ts'
import { bodyOf, until } from '../../kube/fake-api.ts'
import { node, pod, START_MS, there } from '../kubelet-fixtures.ts'
import { measuredNode } from './measured-node.ts'

/** Values by metric name and attributes: `system.memory.usage state=used`. */
function valuesOf(resourceMetrics: unknown): Map<string, number> {
  const values = new Map<string, number>()
  for (const scope of items(fields(resourceMetrics).scopeMetrics)) {
    for (const metric of items(fields(scope).metrics)) {
      const { name, sum, gauge } = fields(metric)
      for (const point of items(fields(sum ?? gauge).dataPoints)) {
        const { attributes, asInt, asDouble } = fields(point)
        const labels = items(attributes).map(each => `${fields(each).key}=${fields(fields(each).value).stringValue}`)
        values.set([name, ...labels].join(' '), Number(asInt ?? asDouble))
      }
    }
  }
  return values
}

function sumOf(values: Map<string, number>, matching: RegExp): number {
  let sum = 0
  for (const [name, value] of values) if (matching.test(name)) sum += value
  return sum
}

const builds = suite('hostResourceMetrics()')

builds("has the receiver's default metrics, and agrees with the measured node", () => {
  const { from, extras } = measuredNode()
  const values = valuesOf(hostResourceMetrics(from, { ...extras, loads: [1, 2, 3] }))
  const near = (actual: number, expected: number) =>
    assert(Math.abs(actual - expected) <= 1e-6 * expected, `${actual}, not ${expected}`)
  near(sumOf(values, /^system\.cpu\.time .*state=(?!idle|wait)/), from.total.usageCoreNanoSeconds / 1e9)
  near(sumOf(values, /^system\.cpu\.time /), 8 * 600)
  near(sumOf(values, /^system\.memory\.usage /), 32 * 2 ** 30)
  near(sumOf(values, /^system\.memory\.usage state=(used|slab_unreclaimable)/), from.total.workingSetBytes)
  near(sumOf(values, /^system\.filesystem\.usage /), 100 * 2 ** 30)
  assert.equal(values.get('system.network.io device=eth0 direction=receive'), from.traffic.rxBytes)
  assert.equal(values.get('system.disk.io device=vda direction=write'), from.total.writtenBytes)
  assert.equal(values.get('system.cpu.load_average.5m'), 2)
  assert.deepEqual([...new Set([...values.keys()].map(name => name.split(' ')[0]))].sort(), [
    ...['system.cpu.load_average.15m', 'system.cpu.load_average.1m', 'system.cpu.load_average.5m'],
    ...['system.cpu.logical.count', 'system.cpu.time'],
    ...['system.disk.io', 'system.disk.io_time', 'system.disk.merged', 'system.disk.operation_time'],
    ...['system.disk.operations', 'system.disk.pending_operations', 'system.disk.weighted_io_time'],
    ...['system.filesystem.inodes.usage', 'system.filesystem.usage', 'system.memory.usage'],
    ...['system.network.connections', 'system.network.dropped', 'system.network.errors', 'system.network.io'],
    'system.network.packets',
  ])
})

builds('writes only 64-bit integers, and no time before 1970', () => {
  const nowMs = START_MS + 1e12
  const store = createStore({ clock: () => nowMs })
  store.setNode({ ...node(), startMs: Date.parse('0001-01-01T00:00:00Z') })
  store.setPod(pod({ annotations: { 'kwok.x-k8s.io/usage-cpu': '8999999' } }))
  const from = measureNode(there(store.node('node-0')), nowMs)
  const json = JSON.stringify(hostResourceMetrics(from, { loads: [1, 1, 1], cores: [] }))
  let largest = 0n
  for (const [, value = ''] of json.matchAll(/"(?:asInt|\w+UnixNano)":"([^"]*)"/g)) {
    assert.match(value, /^\d+$/)
    if (BigInt(value) > largest) largest = BigInt(value)
  }
  assert(largest > 2n ** 62n && largest < 2n ** 63n, String(largest))
})

builds.run()

const pushes = suite('startPushing()')

pushes('sends each node as a resource, in bounded requests, and continues after a refusal', async () => {
  const bodies: string[] = []
  const server = createServer(async (request, response) => {
    bodies.push(await bodyOf(request))
    response.writeHead(bodies.length <= 3 ? 503 : 200).end('{}')
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const stopping = new AbortController()
  const [log, results]: [string[], string[]] = [[], []]
  const store = createStore()
  for (let at = 0; at < 120; at++) store.setNode(node({ uid: `uid-${at}`, name: `node-${at}` }))
  const stopped = startPushing({
    store,
    metrics: { countPush: (result, nodes) => results.push(`${result} ${nodes}`) },
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    intervalMs: 100,
    isSynced: () => true,
    signal: stopping.signal,
    log: line => log.push(line),
  })
  try {
    await until('it was accepted', () => results.filter(each => each.startsWith('accepted')).length >= 3)
  } finally {
    stopping.abort()
    await stopped
    server.closeAllConnections()
    server.close()
  }
  assert.deepEqual(results.slice(0, 6), [
    ...['refused 50', 'refused 50', 'refused 20'],
    ...['accepted 50', 'accepted 50', 'accepted 20'],
  ])
  const names = bodies.slice(3, 6).flatMap(body =>
    items(JSON.parse(body).resourceMetrics).map(each => {
      const attributes = items(fields(fields(each).resource).attributes)
      return attributes.map(attribute => fields(fields(attribute).value).stringValue).join(' ')
    }),
  )
  assert.equal(new Set(names).size, 120)
  assert(names.includes('node-7 node-7'))
  assert.match(log[0] ?? '', /host metrics: .* answers 503/)
})

pushes.run()
