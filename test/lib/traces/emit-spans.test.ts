import assert from 'node:assert/strict'
import type { ReadableSpan } from '@opentelemetry/sdk-trace'
import { suite } from 'uvu'
import { emit } from '../../../lib/traces/emit-spans.ts'
import type { SimulatedSpan } from '../../../lib/traces/span.ts'
import { clusterOf, seeded, service } from './trace-fixtures.ts'

const emits = suite('emit()')

function emitted(count: number, calls: Record<string, string[]>) {
  const traces: SimulatedSpan[][] = []
  const told: number[] = []
  emit(count, {
    cluster: clusterOf(calls),
    loads: { utilisation: () => 0 },
    exporter: { add: trace => traces.push(trace as SimulatedSpan[]) },
    random: seeded(),
    onRequest: spans => told.push(spans),
  })
  return { traces, told }
}

emits('simulates the given number of requests, evenly over all load generators', () => {
  const { traces, told } = emitted(400, { load: ['web'], robot: ['web'], web: [] })
  assert.equal(traces.length, 400)
  assert.deepEqual(
    told,
    traces.map(spans => spans.length),
  )
  const ofRobot = traces.filter(([root]) => root?.resource.attributes['service.name'] === 'robot').length
  assert(ofRobot > 150 && ofRobot < 250, `${ofRobot}`)
})

emits('simulates none without a load generator', () => {
  assert.deepEqual(emitted(5, { a: ['b'], b: ['a'] }), { traces: [], told: [] })
})
emits('simulates five times as many while a Service that the generator calls has a surge', () => {
  const cluster = clusterOf({ load: ['web'], robot: ['shop'], web: [], shop: [] })
  cluster.setService({ ...service('web'), scenario: 'traffic-surge' })
  const roots: unknown[] = []
  const exporter = { add: ([root]: readonly ReadableSpan[]) => roots.push(root?.resource.attributes['service.name']) }
  emit(400, { cluster, loads: { utilisation: () => 0 }, exporter, random: seeded() })
  const [load, robot] = ['load', 'robot'].map(name => roots.filter(each => each === name).length)
  assert(load !== undefined && robot !== undefined && load > 4 * robot && load < 6 * robot, `${load} and ${robot}`)
})
emits.run()
