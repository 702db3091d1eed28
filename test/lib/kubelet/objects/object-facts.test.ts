import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { nodeFacts, podFacts } from '../../../../lib/kubelet/objects/object-facts.ts'
import { rawNode, rawPod, there } from '../kubelet-fixtures.ts'

/** Without what is undefined. */
const said = (facts: object) => JSON.parse(JSON.stringify(facts)) as unknown

const pods = suite('podFacts()')

pods('keeps the fields for a summary', () => {
  const { json: _, containers, work, ...facts } = there(podFacts(rawPod()))
  assert.deepEqual(said(facts), {
    uid: 'uid-web',
    name: 'web',
    namespace: 'shop',
    nodeName: 'node-0',
    running: true,
    startMs: Date.parse('2026-01-01T00:00:00Z'),
    hostNetwork: false,
    lacksAddress: false,
    qos: 'burstable',
    volumes: [
      { name: 'data', kind: 'claim', claimName: 'data-web' },
      { name: 'scratch', kind: 'disk', limitBytes: 2 ** 20 },
      { name: 'token', kind: 'memory' },
    ],
  })
  assert.deepEqual(
    Object.entries(work).filter(([, count]) => count > 0),
    [
      ['pods', 1],
      ['containers', 2],
      ['kubernetes.io/csi', 1],
      ['kubernetes.io/empty-dir', 1],
      ['kubernetes.io/host-path', 1],
      ['kubernetes.io/projected', 1],
    ],
  )
  assert.deepEqual(
    containers.map(({ id: _, ...container }) => said(container)),
    [
      {
        name: 'app',
        image: '',
        cpuRequestNanoCores: 100e6,
        cpuLimitNanoCores: 200e6,
        memoryRequestBytes: 64 * 2 ** 20,
        memoryLimitBytes: 128 * 2 ** 20,
        running: true,
        restarts: 0,
        startedMs: Date.parse('2026-01-01T00:00:00Z'),
      },
      { name: 'proxy', image: '', running: true, restarts: 0, startedMs: Date.parse('2026-01-01T00:00:00Z') },
    ],
  )
})

pods('derives the ID of a container that has run from UID, name and number of restarts', () => {
  const state = { running: {} }
  const idsOf = (uid: string, restartCount: number) =>
    there(podFacts(rawPod({ uid, containerStatuses: [{ name: 'app', state, restartCount }] }))).containers.map(
      ({ id }) => id,
    )
  const ids = idsOf('a', 0)
  assert.match(ids.join(), /^[0-9a-f]{64},[0-9a-f]{64}$/)
  assert.deepEqual(idsOf('a', 0), ids)
  assert.notEqual(idsOf('a', 1)[0], ids[0])
  assert.equal(new Set([...ids, ...idsOf('b', 0)]).size, 4)
})

pods('has the Pod as a kubelet serves it: with container IDs, without managed fields', () => {
  const raw = rawPod({ containerStatuses: [{ name: 'app', state: { waiting: {} } }] }) as { metadata: object }
  const facts = there(podFacts({ ...raw, metadata: { ...raw.metadata, managedFields: [{}] } }))
  const { metadata, status } = JSON.parse(facts.json.toString())
  assert.equal(metadata.managedFields, undefined)
  assert.deepEqual(
    status.containerStatuses.map((each: Record<string, unknown>) => [each.name, each.containerID]),
    [
      ['app', undefined],
      // The API has no status of it, though the pod runs.
      ['proxy', `containerd://${facts.containers[1]?.id}`],
    ],
  )
})

pods('reads the preset annotation, and lists the presets for an invalid one', () => {
  const name = 'kube-otel-lab/usage-preset'
  assert.equal(podFacts(rawPod({ annotations: { [name]: 'leak' } }))?.preset, 'leak')
  const facts = podFacts(rawPod({ annotations: { [name]: 'toString' } }))
  assert.equal(facts?.preset, undefined)
  assert.deepEqual(facts?.badAnnotations, [
    { name, value: 'toString', why: 'is not one of steady, diurnal, bursty, leak, idle' },
  ])
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
  ['1e30', 'is too large'],
  ['', 'is not a quantity'],
] as const) {
  pods(`an annotation "${value}" ${why}`, () => {
    const facts = podFacts(rawPod({ annotations: { 'kwok.x-k8s.io/usage-cpu': value } }))
    assert.equal(facts?.usageCpuNanoCores, undefined)
    assert.deepEqual(facts?.badAnnotations, [{ name: 'kwok.x-k8s.io/usage-cpu', value, why }])
  })
}

pods('a request or limit of 0 is none, as for a kubelet', () => {
  const resources = { requests: { cpu: '0', memory: '0' }, limits: { cpu: '0', memory: '0' } }
  const facts = there(podFacts(rawPod({ containers: [{ name: 'app', resources }] })))
  const { id: _, image: __, startedMs: ___, ...container } = there(facts.containers[0])
  assert.deepEqual(said(container), { name: 'app', running: true, restarts: 0 })
})

pods('accepts a pod without resources, statuses and start', () => {
  const facts = there(podFacts({ metadata: { uid: 'a', name: 'a' }, spec: { nodeName: 'n', containers: [{}] } }))
  assert.equal(facts.running, false)
  assert.equal(facts.qos, 'besteffort')
  assert.equal(facts.startMs, Number.POSITIVE_INFINITY)
})

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
  const { object: _, ...facts } = there(
    nodeFacts(rawNode({ annotations: { 'kube-otel-lab/scenario': 'node-drained' } })),
  )
  assert.deepEqual(facts, {
    uid: 'uid-node-0',
    name: 'node-0',
    startMs: Date.parse('2026-01-01T00:00:00Z'),
    scenario: 'node-drained',
    cpuCapacityNanoCores: 8e9,
    memoryCapacityBytes: 32 * 2 ** 30,
    storageCapacityBytes: 100 * 2 ** 30,
    machine: { machineId: '', systemUuid: '', bootId: '' },
  })
})

nodes.run()
