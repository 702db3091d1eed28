import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { isInScope, namesObject, overlap, scopeOf, scopePod } from '../../../../lib/checks/alerts/alert-scope.ts'
import { scenarioNamed } from '../../../../lib/scenarios/scenario-list.ts'

const pod = (target: string, node: string, owner?: { kind: string; name: string }, claimName?: string) => {
  const [namespace, name] = target.split('/')
  const volumes = claimName === undefined ? [] : [{ name: 'data', persistentVolumeClaim: { claimName } }]
  const spec = { nodeName: node, volumes }
  return scopePod({ metadata: { namespace, name, ownerReferences: owner && [owner] }, spec })
}
const web = { kind: 'ReplicaSet', name: 'web-7d9f8c6b5d' }
const pods = [
  pod('shop/web-7d9f8c6b5d-x2v4k', 'node-1', web),
  pod('shop/web-7d9f8c6b5d-b6c8d', 'node-2', web),
  pod('data/db-0', 'node-2', { kind: 'StatefulSet', name: 'db' }, 'data-db-0'),
  pod('team-a/pod-1', 'node-3'),
]
const scope = (scenario: string, target: string) =>
  scopeOf(scenarioNamed(scenario), target, pods) ?? assert.fail(`${scenario} has no scope`)
const crash = scope('crash-loop', 'shop/web-7d9f8c6b5d-x2v4k')
const node = scope('node-not-ready', 'node-2')
const quota = scope('quota-full', 'shop')

const within = suite('isInScope()')

for (const [what, labels, expected] of [
  ['a pod by OpenTelemetry', { k8s_namespace_name: 'shop', k8s_pod_name: 'web-7d9f8c6b5d-x2v4k' }, ['crash']],
  ['a pod by kube-prometheus', { namespace: 'data', pod: 'db-0' }, ['node']],
  ['the Deployment of pods', { namespace: 'shop', deployment: 'web' }, ['crash', 'node']],
  ['another Deployment', { namespace: 'shop', deployment: 'web-api' }, []],
  ['a Deployment of the same name elsewhere', { namespace: 'data', deployment: 'web' }, []],
  ['a pod that replaces one', { namespace: 'shop', pod: 'web-7d9f8c6b5d-zzzzz' }, ['crash', 'node']],
  ['a pod of a workload with a longer name', { namespace: 'shop', pod: 'web-api-7d9f8c6b5d-zzzzz' }, []],
  ['a node', { node: 'node-2' }, ['node']],
  [
    'a node by the instance of its exporter',
    { instance: 'node-2', namespace: 'monitoring', job: 'node-exporter' },
    ['node'],
  ],
  [
    'a claim of a pod by its kubelet',
    { namespace: 'data', persistentvolumeclaim: 'data-db-0', node: 'node-3', service: 'kubelet' },
    ['node'],
  ],
  ['another node', { k8s_node_name: 'node-1' }, []],
  ['a namespace', { namespace: 'shop' }, ['crash', 'quota']],
  [
    'the quota of the scenario',
    { k8s_namespace_name: 'shop', k8s_resourcequota_name: 'scenario-quota-full' },
    ['crash', 'quota'],
  ],
  ['an object of the scenario', { namespace: 'shop', deployment: 'scenario-quota-full' }, ['quota']],
  ['a scrape target', { namespace: 'kube-system', job: 'kubelet' }, []],
] as const) {
  within(`takes ${what} for ${expected.join(' and ') || 'nothing'}`, () => {
    const found = Object.entries({ crash, node, quota }).filter(([, each]) => isInScope(each, labels))
    assert.deepEqual(
      found.map(([name]) => name),
      expected,
    )
  })
}

within('knows labels that name no object', () => {
  for (const labels of [
    {},
    { job: 'etcd' },
    { namespace: 'kube-system' },
    { namespace: 'monitoring', service: 'ksm' },
  ]) {
    assert.equal(namesObject(labels), false, JSON.stringify(labels))
  }
  for (const labels of [{ node: 'node-1' }, { k8s_namespace_name: 'shop' }]) assert.equal(namesObject(labels), true)
})
within.run()

const disjoint = suite('overlap()')

disjoint('is of shared pods and workloads, the same node, and the same namespace', () => {
  const replica = scope('readiness-failing', 'shop/web-7d9f8c6b5d-b6c8d')
  const database = scope('oom-kill', 'data/db-0')
  const bare = scope('cpu-throttling', 'team-a/pod-1')
  assert.equal(overlap(crash, replica), true)
  assert.equal(overlap(node, database), true)
  assert.equal(overlap(crash, database), false)
  assert.equal(overlap(node, bare), false)
  // Pods of one Deployment are on both.
  assert.equal(overlap(node, scope('node-unreachable', 'node-1')), false)
  assert.equal(overlap(node, scope('node-unreachable', 'node-2')), true)
  assert.equal(overlap(quota, scope('pod-pending', 'shop')), true)
  assert.equal(overlap(quota, scope('pod-pending', 'data')), false)
  assert.equal(overlap(quota, crash), false)
})

disjoint('has no scope for a part', () => {
  assert.equal(scopeOf(scenarioNamed('collector-down'), 'collector', pods), undefined)
})
disjoint.run()
