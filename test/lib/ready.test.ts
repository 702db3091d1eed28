import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { findMissing } from '../../lib/ready.ts'

const finds = suite('findMissing()')
const truth = {
  nodes: new Set(['n1', 'n2']),
  runningPods: new Map([
    ['a/p', 'n1'],
    ['b/p', 'n2'],
  ]),
}
const node = (name: string) => ({ labels: { k8s_node_name: name }, value: 1 })
const pod = (namespace: string, name: string, nodeName?: string) => ({
  labels: {
    k8s_namespace_name: namespace,
    k8s_pod_name: name,
    ...(nodeName === undefined ? {} : { k8s_node_name: nodeName }),
  },
  value: 1,
})
const nodes = [node('n1'), node('n2')]
const pods = [pod('a', 'p', 'n1'), pod('b', 'p', 'n2')]
const none = { nodes: [], pods: [], misplacedPods: [] }

for (const { fact, nodeSamples = nodes, podSamples = pods, missing } of [
  { fact: 'nothing when all are measured', missing: none },
  { fact: 'a node that is not measured', nodeSamples: [node('n2')], missing: { ...none, nodes: ['n1'] } },
  {
    fact: 'a pod that is not measured, though one of its name in another namespace is',
    podSamples: [pod('a', 'p', 'n1')],
    missing: { ...none, pods: ['b/p'] },
  },
  {
    fact: 'a pod under another node’s name',
    podSamples: [pod('a', 'p', 'n2'), pod('b', 'p', 'n2')],
    missing: { ...none, misplacedPods: ['a/p'] },
  },
  {
    fact: 'a pod under no node’s name',
    podSamples: [pod('a', 'p'), pod('b', 'p', 'n2')],
    missing: { ...none, misplacedPods: ['a/p'] },
  },
  {
    fact: 'a pod under two nodes, its own among them',
    podSamples: [...pods, pod('a', 'p', 'n2')],
    missing: { ...none, misplacedPods: ['a/p'] },
  },
  { fact: 'nothing for two series of a pod on its node', podSamples: [...pods, pod('a', 'p', 'n1')], missing: none },
  {
    fact: 'nothing for what has gone from the cluster',
    nodeSamples: [...nodes, node('n3')],
    podSamples: [...pods, pod('c', 'p', 'n3')],
    missing: none,
  },
  {
    fact: 'everything when there are no samples',
    nodeSamples: [],
    podSamples: [],
    missing: { nodes: ['n1', 'n2'], pods: ['a/p', 'b/p'], misplacedPods: [] },
  },
]) {
  finds(fact, () => assert.deepEqual(findMissing(truth, nodeSamples, podSamples), missing))
}
finds.run()
