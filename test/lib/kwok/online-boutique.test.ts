import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { fields, items, text } from '../../../lib/kube/json.ts'
import {
  boutiqueFile,
  boutiqueNamespace,
  boutiqueObjects,
  boutiqueRequests,
  capacityProblem,
} from '../../../lib/kwok/online-boutique.ts'
import { managedBy } from '../../../lib/lab/manifest.ts'
import { readYamlDocuments } from '../../../lib/system/yaml-files.ts'

const objects = boutiqueObjects(readYamlDocuments(boutiqueFile, ''), 3)
const ofKind = (kind: string) => objects.filter(object => object['kind'] === kind)
const nameOf = (object: unknown) => String(fields(fields(object)['metadata'])['name'])
const podSpecOf = (object: Record<string, unknown>) => fields(fields(fields(object['spec'])['template'])['spec'])
const containersOf = (object: Record<string, unknown>) => items(podSpecOf(object)['containers']).map(fields)

const boutique = suite('kwok-config/online-boutique.yaml')

boutique('has the twelve services', () => {
  const twelve =
    'adservice cartservice checkoutservice currencyservice emailservice frontend loadgenerator paymentservice productcatalogservice recommendationservice redis-cart shippingservice'
  assert.deepEqual(ofKind('Deployment').map(nameOf).sort(), twelve.split(' '))
})

boutique('is all in one namespace that is known as the lab’s', () => {
  for (const object of [...ofKind('Deployment'), ...ofKind('Service')]) {
    assert.equal(fields(object['metadata'])['namespace'], boutiqueNamespace)
  }
  const [key = '', value] = managedBy.split('=')
  assert.deepEqual(ofKind('Namespace').map(nameOf), [boutiqueNamespace])
  assert.equal(fields(fields(ofKind('Namespace')[0]?.['metadata'])['labels'])[key], value)
  // By that label the lab counts and deletes its own pods.
  assert.doesNotMatch(JSON.stringify(ofKind('Deployment')), /managed-by/)
})

boutique('has the same calls between services as the application', () => {
  const calls = ofKind('Deployment').flatMap(object => {
    const variables = containersOf(object).flatMap(container => items(container['env']).map(fields))
    for (const { name } of variables) assert.match(String(name), /^[A-Z_]+_ADDR$/)
    return variables.map(({ value }) => `${nameOf(object)} → ${value}`)
  })
  assert.deepEqual(calls.sort(), [
    'cartservice → redis-cart:6379',
    'checkoutservice → cartservice:7070',
    'checkoutservice → currencyservice:7000',
    'checkoutservice → emailservice:5000',
    'checkoutservice → paymentservice:50051',
    'checkoutservice → productcatalogservice:3550',
    'checkoutservice → shippingservice:50051',
    'frontend → adservice:9555',
    'frontend → cartservice:7070',
    'frontend → checkoutservice:5050',
    'frontend → currencyservice:7000',
    'frontend → productcatalogservice:3550',
    'frontend → recommendationservice:8080',
    'frontend → shippingservice:50051',
    'loadgenerator → frontend:80',
    'recommendationservice → productcatalogservice:3550',
  ])
})

boutique(
  'has a Service at each address that is called, which selects the pods of that name and a port they have',
  () => {
    const services = new Map(ofKind('Service').map(object => [nameOf(object), fields(object['spec'])]))
    for (const object of ofKind('Deployment')) {
      const template = fields(fields(object['spec'])['template'])
      const labels = fields(fields(template['metadata'])['labels'])
      const service = services.get(nameOf(object))
      if (service !== undefined) {
        for (const [key, value] of Object.entries(fields(service['selector']))) assert.equal(labels[key], value)
        const [port] = items(service['ports']).map(fields)
        const ports = containersOf(object).flatMap(container => items(container['ports']).map(fields))
        assert(ports.some(each => each['containerPort'] === port?.['targetPort']))
      }
      for (const { value } of containersOf(object).flatMap(container => items(container['env']).map(fields))) {
        const [host = '', port] = String(value).split(':')
        const called = items(services.get(host)?.['ports']).map(each => String(fields(each)['port']))
        assert.deepEqual(called, [port], String(value))
      }
    }
  },
)

boutique('gives each container requests and limits', () => {
  for (const object of ofKind('Deployment')) {
    for (const container of containersOf(object)) {
      const { requests, limits } = fields(container['resources'])
      for (const part of [requests, limits]) {
        assert(text(fields(part)['cpu']) !== undefined && text(fields(part)['memory']) !== undefined, nameOf(object))
      }
    }
  }
})
boutique.run()

const built = suite('boutiqueObjects()')
built('gives each Deployment its replicas, and leaves the rest', () => {
  assert.deepEqual(
    ofKind('Deployment').map(object => fields(object['spec'])['replicas']),
    Array.from({ length: 12 }, () => 3),
  )
  assert(ofKind('Service').every(object => !('replicas' in fields(object['spec']))))
})
built.run()

const demands = suite('boutiqueRequests()')
demands('has an entry for each pod', () => {
  const all = boutiqueRequests(objects)
  assert.equal(all.length, 36)
  assert.equal(all.reduce((sum, { cpu }) => sum + cpu, 0).toFixed(2), '4.71')
  assert(all.every(({ pods, memoryBytes }) => pods === 1 && memoryBytes >= 64 * 2 ** 20))
})
demands.run()

const node = (name: string, spec = {}) => ({
  metadata: { name },
  spec,
  status: { allocatable: { cpu: '4', memory: '8Gi', pods: '10' } },
})
const pod = (nodeName: string | undefined, phase = 'Running') => ({
  spec: { nodeName, containers: [{ resources: { requests: { cpu: '1500m', memory: '1Gi' } } }] },
  status: { phase },
})
const request = (cpu: number, memoryGib: number, count: number) =>
  Array(count).fill({ cpu, memoryBytes: memoryGib * 2 ** 30, pods: 1 })
const taint = (effect: string) => ({ taints: [{ key: 'x', effect }] })

const capacity = suite('capacityProblem()')
for (const [fact, requests, nodes, others, expected] of [
  ['accepts nine tenths of a node', request(0.4, 0.8, 9), [node('a')], [], undefined],
  ['counts CPUs', request(0.5, 0.1, 8), [node('a')], [], 'it needs 4 CPUs, and 3.6 can be used'],
  ['counts memory', request(0.1, 1, 8), [node('a')], [], 'it needs 8 GiB of memory, and 7.2 can be used'],
  ['counts pods', request(0.1, 0.1, 10), [node('a')], [], 'it needs 10 pods, and 9 can be used'],
  ['adds nodes', request(0.5, 0.1, 8), [node('a'), node('b')], [], undefined],
  [
    'subtracts the requests of other pods, unless they have ended',
    request(0.5, 0.1, 5),
    [node('a')],
    [pod('a'), pod('a', 'Succeeded'), pod('a', 'Failed'), pod(undefined), pod('gone')],
    'it needs 2.5 CPUs, and 2.3 can be used',
  ],
  [
    'leaves out unschedulable nodes',
    request(0.5, 0.1, 8),
    [
      node('disliked', taint('PreferNoSchedule')),
      node('cordoned', { unschedulable: true }),
      node('tainted', taint('NoSchedule')),
      node('not-ready', taint('NoExecute')),
    ],
    [],
    'it needs 4 CPUs, and 3.6 can be used',
  ],
  [
    'has nothing free without nodes',
    request(0.1, 0.1, 1),
    [],
    [],
    'one pod needs 0.1 CPUs, and the largest node has 0',
  ],
  [
    'refuses a pod larger than each node',
    request(5, 0.1, 1),
    [node('a'), node('b')],
    [],
    'one pod needs 5 CPUs, and the largest node has 4',
  ],
] as const) {
  capacity(fact, () => assert.equal(capacityProblem(requests, nodes, others), expected))
}
capacity.run()
