import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { usageObject } from '../../../lib/kubelet/usage/usage-objects.ts'
import { idleMs, serviceMs } from '../../../lib/traces/latency-model.ts'
import { createPodLoads } from '../../../lib/traces/pod-load.ts'
import { node, pod, START_MS, there } from '../kubelet/kubelet-fixtures.ts'
import { seeded } from './trace-fixtures.ts'

const containers = [
  { name: 'app', resources: { requests: { cpu: '100m' }, limits: { cpu: '200m' } } },
  { name: 'proxy', resources: { requests: { cpu: '200m' } } },
]
const annotated = (cpu: string) => pod({ containers, annotations: { 'kwok.x-k8s.io/usage-cpu': cpu } })
const near = (actual: number, expected: number) =>
  assert(Math.abs(actual - expected) < 1e-9, `${actual}, not ${expected}`)

const loads = suite('createPodLoads()')

loads('gives CPU usage as a share of limits, else of requests', () => {
  const podLoads = createPodLoads({ preset: 'steady' })
  podLoads.setPod(annotated('50m'))
  // Each container uses 50m: of a limit of 200m and a request of 200m.
  near(podLoads.utilisation('uid-web', START_MS), 0.25)
})

loads('stops at the limit, and follows changes and deletion of the pod', () => {
  const podLoads = createPodLoads({ preset: 'steady' })
  podLoads.setPod(annotated('1'))
  near(podLoads.utilisation('uid-web', START_MS), 1.2 / 0.4)
  podLoads.setPod(annotated('100m'))
  near(podLoads.utilisation('uid-web', START_MS), 0.5)
  podLoads.deletePod('uid-web')
  assert.equal(podLoads.utilisation('uid-web', START_MS), 0)
})

loads('prefers a usage object, which may read the node, and follows changes of both', () => {
  const podLoads = createPodLoads({ preset: 'steady' })
  podLoads.setPod(annotated('50m'))
  podLoads.setNode(node())
  near(podLoads.utilisation('uid-web', START_MS), 0.25)
  const expression = 'pod.metadata.name == "web" && node.metadata.name == "node-0" ? Quantity("100m") : Quantity("0")'
  const raw = { metadata: { uid: 'u', name: 'all' }, spec: { usages: [{ usage: { cpu: { expression } } }] } }
  podLoads.setUsageObject(there(usageObject('ClusterResourceUsage', raw)))
  near(podLoads.utilisation('uid-web', START_MS), 0.5)
  podLoads.deleteUsageObject('u')
  near(podLoads.utilisation('uid-web', START_MS), 0.25)
})

loads('changes over time with the usage, once per second', () => {
  const podLoads = createPodLoads({ preset: 'steady' })
  podLoads.setPod(pod({ containers }))
  const at = (seconds: number) => podLoads.utilisation('uid-web', START_MS + seconds * 1_000)
  const first = at(0)
  assert.equal(at(0.9), first)
  assert.notEqual(at(60), first)
})
loads.run()

const latency = suite('serviceMs()')
latency('is on average the idle latency divided by the free share of the CPU, with a limit', () => {
  const mean = (utilisation: number) => {
    const random = seeded()
    let sum = 0
    for (let at = 0; at < 2_000; at++) sum += serviceMs(10, utilisation, random)
    return sum / 2_000
  }
  for (const [utilisation, expected] of [
    [0, 10],
    [0.5, 20],
    [0.9, 100],
    [1, 200],
    [7, 200],
  ] as const) {
    const found = mean(utilisation)
    assert(found > 0.9 * expected && found < 1.25 * expected, `${utilisation}: ${found}`)
  }
})

latency('has an idle latency of 1 to 12 ms that depends only on the seed', () => {
  for (let seed = 0; seed < 1_000; seed++) {
    assert(idleMs(seed) >= 1 && idleMs(seed) <= 12)
    assert.equal(idleMs(seed), idleMs(seed))
  }
})
latency.run()
