import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { hazardsOf, runsOn } from '../../../lib/in-cluster/hazards.ts'
import { nodeTemplate } from '../../../lib/in-cluster/simulated-nodes.ts'

const node = nodeTemplate('sim')
const everything = [{ operator: 'Exists' }]
const required = (terms: unknown[]) => ({
  affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms } } },
})
const os = (operator: string, ...values: string[]) => ({
  matchExpressions: [{ key: 'kubernetes.io/os', operator, values }],
})

const runs = suite('runsOn()')

for (const [what, pod, expected] of [
  ['no toleration', {}, false],
  ['a toleration of everything', { tolerations: everything }, true],
  ['a toleration of all taints of this effect', { tolerations: [{ operator: 'Exists', effect: 'NoSchedule' }] }, true],
  ['a toleration of another effect', { tolerations: [{ operator: 'Exists', effect: 'NoExecute' }] }, false],
  ['a toleration of the taint', { tolerations: [{ key: 'kube-otel-lab/simulated', value: 'true' }] }, true],
  ['a toleration of another value', { tolerations: [{ key: 'kube-otel-lab/simulated', value: 'no' }] }, false],
  [
    'a selector of the system, as kube-proxy has',
    { tolerations: everything, nodeSelector: { 'kubernetes.io/os': 'linux' } },
    false,
  ],
  ['an affinity to the system', { tolerations: everything, ...required([os('In', 'linux')]) }, false],
  ['an affinity to other systems', { tolerations: everything, ...required([os('NotIn', 'windows')]) }, true],
  ['an affinity to nodes with a system', { tolerations: everything, ...required([os('Exists')]) }, false],
  ['one of two terms', { tolerations: everything, ...required([os('Exists'), os('DoesNotExist')]) }, true],
  [
    'another node by its name',
    {
      tolerations: everything,
      ...required([{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['a'] }] }]),
    },
    false,
  ],
] as const) {
  runs(`${what}: ${expected}`, () => assert.equal(runsOn(pod, node), expected))
}
runs.run()

const hazards = suite('hazardsOf()')

const workload = (name: string, pod: object) => ({
  metadata: { namespace: 'kube-system', name },
  spec: { template: { spec: pod } },
})
const image = (reference: string) => ({ containers: [{ name: 'a', image: reference }] })

hazards('names DaemonSets, controllers and the allocation of pod addresses', () => {
  const found = hazardsOf(node, {
    daemonSets: [workload('everywhere', { tolerations: everything }), workload('kube-proxy', {})],
    workloads: [
      workload('autoscaler', image('registry.k8s.io/autoscaling/cluster-autoscaler:v1.33.0')),
      workload('karpenter', image('public.ecr.aws/karpenter/controller@sha256:0')),
      workload('simulator', image('registry.k8s.io/kwok/kwok:v0.8.0')),
      workload('web', image('docker.io/library/kwokish:1')),
    ],
    nodes: [{ spec: { podCIDR: '10.0.0.0/24' } }],
  })
  assert.deepEqual(
    found.map(({ name }) => name),
    ['kube-system/everywhere', 'kube-system/autoscaler', 'kube-system/karpenter', 'kube-system/simulator', 'pod-cidr'],
  )
})

hazards('finds nothing in a cluster without them', () => {
  assert.deepEqual(hazardsOf(node, { daemonSets: [], workloads: [], nodes: [{ spec: {} }] }), [])
})
hazards.run()
