import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { type IpRange, ipRange } from '../../../../lib/cli/ip-range.ts'
import type { KubeResponse } from '../../../../lib/kube/api-client.ts'
import { createAddressBook } from '../../../../lib/kubelet/addresses/address-book.ts'
import { createNodeAddresses, statusPatch } from '../../../../lib/kubelet/addresses/node-addresses.ts'
import { openSavedMap } from '../../../../lib/kubelet/store/saved-map.ts'
import { until } from '../../kube/fake-api.ts'
import { node, pod, there } from '../kubelet-fixtures.ts'

/** Nodes against an API server that answers as given; the rest of it is tested with a real one in `kubelets.test.ts`. */
function start(answers: (path: string, attempt: number) => KubeResponse | Error) {
  const saved = openSavedMap(undefined, () => {})
  const book = createAddressBook({ range: there(ipRange('198.18.0.0/16')) as IpRange, saved })
  const [asked, bodies]: [string[], string[]] = [[], []]
  const results: string[] = []
  const log: string[] = []
  const logged = new Set<string>()
  let [running, most] = [0, 0]
  const stopping = new AbortController()
  const nodes = createNodeAddresses({
    book,
    signal: stopping.signal,
    flush: () => {},
    countPatch: result => results.push(result),
    logOnce(subject, line) {
      if (!logged.has(subject)) log.push(line)
      logged.add(subject)
    },
    pauseMs: 10,
    client: {
      async request(_, path, options) {
        asked.push(path)
        bodies.push(String(options?.body))
        most = Math.max(most, ++running)
        await new Promise(resolve => setImmediate(resolve))
        running--
        const answer = answers(path, asked.filter(each => each === path).length)
        if (answer instanceof Error) throw answer
        return answer
      },
    },
  })
  return { nodes, book, asked, bodies, results, log, most: () => most, stop: () => stopping.abort() }
}

const OK: KubeResponse = { status: 200, body: {} }

const addresses = suite('createNodeAddresses()')

addresses('tries again after a conflict, an error and a lost connection, and logs each reason once', async () => {
  const failures = [{ status: 409, body: { message: 'modified' } }, { status: 500, body: {} }, new Error('reset')]
  const run = start((_, attempt) => failures[attempt - 1] ?? OK)
  run.nodes.setNode(node())
  run.nodes.setNode(node({ uid: 'two', name: 'two' }))
  assert.deepEqual(run.asked, [], 'not before all nodes are listed')
  run.nodes.start()
  await until('both are written', () => run.results.filter(each => each === 'accepted').length === 2)
  assert.equal(run.asked.length, 8)
  assert.equal(run.log.length, 3)
  assert.match(run.log.join('\n'), /409 modified; trying again/)
  assert.equal(run.nodes.pendingCount, 0)
  run.stop()
})

addresses('gives a pod with hostNetwork the address of its node, if it started without one', async () => {
  const run = start((path, attempt) => (path.includes('/pods/') && attempt === 1 ? new Error('reset') : OK))
  run.nodes.setPod(pod({ hostNetwork: true }))
  run.nodes.setPod(pod({ uid: 'other', name: 'other' }))
  run.nodes.start()
  run.nodes.setNode(node())
  await until('the pod is written', () => run.results.filter(each => each === 'accepted').length === 2)
  const ofPod = run.bodies.filter((_, at) => run.asked[at] === '/api/v1/namespaces/shop/pods/web/status')
  const ip = run.book.ensure('node-0')
  assert.equal(ofPod.length, 2)
  assert.deepEqual(JSON.parse(ofPod[1] ?? '').status, { hostIP: ip, hostIPs: [{ ip }], podIP: ip, podIPs: [{ ip }] })
  assert.equal(run.asked.length, 3)
  run.nodes.setPod({ ...pod({ hostNetwork: true }), lacksAddress: false })
  run.nodes.setNode(node())
  await until('nothing is left', () => run.nodes.pendingCount === 0)
  assert.equal(run.asked.filter(path => path.includes('/pods/')).length, 2)
  run.stop()
})

addresses('writes 5,000 nodes with 8 concurrent patches', async () => {
  const run = start(() => OK)
  for (let at = 0; at < 5_000; at++) run.nodes.setNode(node({ uid: `${at}`, name: `node-${at}` }))
  run.nodes.start()
  await until('all are written', () => run.results.length === 5_000)
  assert.equal(run.most(), 8)
  assert.equal(new Set(run.asked).size, 5_000)
  run.stop()
})

addresses('stops for a node that is deleted meanwhile', async () => {
  const run = start(() => ({ status: 404, body: {} }))
  run.nodes.setNode(node())
  run.nodes.start()
  await until('it is asked', () => run.nodes.pendingCount === 0)
  assert.equal(run.nodes.deleteNode('uid-node-0'), 'node-0')
  assert.equal(run.nodes.deleteNode('uid-node-0'), undefined)
  assert.deepEqual([run.asked.length, run.results], [1, []])
  run.stop()
})

addresses.run()

const patches = suite('statusPatch()')

patches('replaces InternalIP and Hostname only, and is undefined for a status that is right in any order', () => {
  const facts = (status: unknown) => ({ ...node(), object: { status } })
  const ip = { type: 'InternalIP', address: '198.18.0.1' }
  const host = { type: 'Hostname', address: 'node-0' }
  const port = (Port: number) => ({ daemonEndpoints: { kubeletEndpoint: { Port } } })
  const external = { type: 'ExternalIP', address: '192.0.2.1' }
  const wanted = JSON.stringify({ status: { addresses: [ip, host], ...port(10_250) } })
  for (const status of [undefined, {}, port(10_250), { addresses: [ip, host], ...port(10_247) }, { addresses: [ip] }]) {
    assert.equal(statusPatch(facts(status), '198.18.0.1'), wanted)
  }
  const two = { addresses: [ip, { ...ip, address: '10.0.0.1' }, host, external], ...port(10_250) }
  assert.deepEqual(JSON.parse(statusPatch(facts(two), '198.18.0.1') ?? '').status.addresses, [ip, host, external])
  assert.equal(statusPatch(facts({ addresses: [external, host, ip], ...port(10_250) }), '198.18.0.1'), undefined)
})

patches.run()
