import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { nodeFacts, podFacts } from '../../../lib/stats/objects.ts'
import { rawNode, rawPod } from './fixtures.ts'

const pods = suite('podFacts()')

pods('keeps what a summary needs', () => {
  assert.deepEqual(podFacts(rawPod()), {
    uid: 'uid-web',
    name: 'web',
    namespace: 'shop',
    nodeName: 'node-0',
    running: true,
    startMs: Date.parse('2026-01-01T00:00:00Z'),
    hostNetwork: false,
    containers: [
      {
        name: 'app',
        cpuRequestNanoCores: 100e6,
        cpuLimitNanoCores: 200e6,
        memoryRequestBytes: 64 * 2 ** 20,
        memoryLimitBytes: 128 * 2 ** 20,
        running: true,
        startedMs: Date.parse('2026-01-01T00:00:00Z'),
      },
      { name: 'proxy', running: true, startedMs: Date.parse('2026-01-01T00:00:00Z') },
    ],
    volumes: [
      { name: 'data', kind: 'claim', claimName: 'data-web' },
      { name: 'scratch', kind: 'disk', limitBytes: 2 ** 20 },
      { name: 'token', kind: 'memory' },
    ],
  })
})

pods('reads both usage annotations', () => {
  const facts = podFacts(
    rawPod({ annotations: { 'kwok.x-k8s.io/usage-cpu': '250m', 'kwok.x-k8s.io/usage-memory': '1Gi' } }),
  )
  assert.equal(facts?.usageCpuNanoCores, 250e6)
  assert.equal(facts?.usageMemoryBytes, 2 ** 30)
})

for (const [value, why] of [
  ['lots', 'is not a quantity'],
  ['-1', 'is negative'],
  ['1e30', 'is more than any machine has'],
  ['', 'is not a quantity'],
] as const) {
  pods(`an annotation "${value}" ${why}`, () => {
    const facts = podFacts(rawPod({ annotations: { 'kwok.x-k8s.io/usage-cpu': value } }))
    assert.equal(facts?.usageCpuNanoCores, undefined)
    assert.deepEqual(facts?.badAnnotations, [{ name: 'kwok.x-k8s.io/usage-cpu', value, why }])
  })
}

pods('a stopped container does not run, one without status does', () => {
  const facts = podFacts(rawPod({ containerStatuses: [{ name: 'app', state: { terminated: { exitCode: 1 } } }] }))
  assert.deepEqual(
    facts?.containers.map(each => each.running),
    [false, true],
  )
})

pods('sidecars count, other init containers do not', () => {
  const initContainers = [{ name: 'setup' }, { name: 'mesh', restartPolicy: 'Always' }]
  const facts = podFacts(rawPod({ initContainers }))
  assert.deepEqual(
    facts?.containers.map(each => each.name),
    ['app', 'proxy', 'mesh'],
  )
})

for (const raw of [undefined, null, 7, {}, { metadata: { uid: 'x', name: 'unbound' }, spec: {} }]) {
  pods(`leaves out ${JSON.stringify(raw)}`, () => assert.equal(podFacts(raw), undefined))
}

pods.run()

const nodes = suite('nodeFacts()')

nodes('keeps start and capacity', () => {
  assert.deepEqual(nodeFacts(rawNode()), {
    uid: 'uid-node-0',
    name: 'node-0',
    startMs: Date.parse('2026-01-01T00:00:00Z'),
    memoryCapacityBytes: 32 * 2 ** 30,
    storageCapacityBytes: 100 * 2 ** 30,
  })
})

nodes.run()
