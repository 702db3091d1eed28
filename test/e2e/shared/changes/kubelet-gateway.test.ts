/** The way to the kubelets while the gateway and the stats proxy are killed, and to nodes that kubectl creates. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { networkInterfaces } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from '../../../../lib/kube/api-client.ts'
import { nodeAddresses } from '../../../support/kubelets.ts'
import { assertDone, killHard, type TestLab, waitFor } from '../../../support/lab.ts'
import { nodeNames, openSharedLab } from '../../../support/shared-lab.ts'
import { suite } from '../../../support/suite.ts'

const gateway = suite<{ lab: TestLab }>('kubelet gateway of a changing lab')
gateway.before(async context => {
  context.lab = (await openSharedLab()).lab
})

const summaryPath = (node: string) => `/api/v1/nodes/${node}/proxy/stats/summary`
const metricsPath = '/apis/metrics.k8s.io/v1beta1/nodes'

gateway(
  'is back within five seconds when killed, and no counter that the API server reads decreases',
  async ({ lab }) => {
    let before = new Map<string, number>()
    let reads = 0
    let stopped = false
    const reading = (async () => {
      while (!stopped) {
        for (const node of nodeNames) {
          // While the gateway is away there is nothing to compare.
          const text = await lab.kubectl(['get', '--raw', summaryPath(node)]).catch(() => undefined)
          if (text === undefined) continue
          const { usageCoreNanoSeconds: value } = JSON.parse(text).node.cpu
          assert(value >= (before.get(node) ?? 0), `${node} fell from ${before.get(node)} to ${value}`)
          before = new Map([...before, [node, value]])
          reads++
        }
        await sleep(50)
      }
    })()
    try {
      for (let round = 0; round < 3; round++) {
        const pid = (await lab.partPids()).get('kubelet-gateway')
        assert(pid !== undefined, 'the gateway does not run')
        killHard(pid)
        await waitFor('new gateway', async () => assert(await answers(lab), 'no answer'), 5_000)
        assert.notEqual((await lab.partPids()).get('kubelet-gateway'), pid)
        await sleep(1_000)
      }
    } finally {
      stopped = true
      await reading
    }
    assert(reads > 10, `${reads} reads`)
  },
)

gateway('aggregated APIs and Services answer while the stats proxy is away', async ({ lab }) => {
  // An address of this machine: an EndpointSlice cannot have one of loopback.
  const address = Object.values(networkInterfaces())
    .flat()
    .find(each => each?.family === 'IPv4' && !each.internal)?.address
  const server = createServer((_, response) => response.end('of this machine')).listen(0, address ?? '127.0.0.1')
  await once(server, 'listening')
  const objects = serviceObjects(address ?? '', (server.address() as AddressInfo).port)
  if (address !== undefined) await lab.kubectl(['apply', '-f', '-'], objects)
  try {
    const pid = (await lab.partPids()).get('stats-proxy')
    assert(pid !== undefined, 'the stats proxy does not run')
    killHard(pid)
    await assert.rejects(
      lab.kubectl(['get', '--raw', summaryPath('kwok-node-0000')]),
      /the stats proxy does not answer/,
    )
    assert.equal(JSON.parse(await lab.kubectl(['get', '--raw', metricsPath])).items.length, nodeNames.length)
    if (address !== undefined) {
      const path = '/api/v1/namespaces/default/services/http:on-machine:80/proxy/'
      // Not by kubectl, which would block the server in this process.
      using client = await connect({ kubeconfig: lab.adminKubeconfig, context: lab.context })
      await waitFor('answer of the Service', async () => {
        assert.equal((await client.request('GET', path)).body, 'of this machine', 'another answer')
      })
    }
  } finally {
    assertDone(await lab.task('kwok-stats-proxy'))
    if (address !== undefined) await lab.kubectl(['delete', '-f', '-'], objects)
    server.close()
  }
  const summary = JSON.parse(await lab.kubectl(['get', '--raw', summaryPath('kwok-node-0000')]))
  assert.equal(summary.node.nodeName, 'kwok-node-0000')
})

gateway('a node that kubectl creates without a status gets an address, a kubelet and kubectl top', async ({ lab }) => {
  await lab.kubectl(['apply', '-f', '-'], foreignNode)
  const before = (await nodeAddresses(lab)).get('gpu.node-a')
  try {
    await waitFor('kubelet of the node', async () => {
      const summary = JSON.parse(await lab.kubectl(['get', '--raw', summaryPath('gpu.node-a')]).catch(() => 'null'))
      assert.equal(summary?.node.nodeName, 'gpu.node-a', 'no summary')
    })
    assert.notEqual((await nodeAddresses(lab)).get('gpu.node-a'), before || 'no address')
    const named = async () => (await lab.kubectl(['get', '--raw', metricsPath])).includes('"gpu.node-a"')
    await waitFor('kubectl top of the node', async () => assert(await named(), 'no metrics'), 90_000)
  } finally {
    await lab.kubectl(['delete', 'node', 'gpu.node-a'])
  }
})

gateway.run()

async function answers(lab: TestLab): Promise<boolean> {
  const url = `http://127.0.0.1:${lab.ports.kubeletProxyPort}/healthz`
  return (await fetch(url).catch(() => undefined))?.ok === true
}

/** As `kwokctl scale node` creates nodes. */
const foreignNode = `
apiVersion: v1
kind: Node
metadata:
  name: gpu.node-a
  annotations:
    kwok.x-k8s.io/node: fake
    metrics.k8s.io/resource-metrics-path: /metrics/nodes/gpu.node-a/metrics/resource
  labels: { type: kwok }
`

function serviceObjects(address: string, port: number): string {
  return `
apiVersion: v1
kind: Service
metadata: { name: on-machine, namespace: default }
spec: { ports: [{ name: http, port: 80 }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: on-machine, namespace: default, labels: { kubernetes.io/service-name: on-machine } }
addressType: IPv4
ports: [{ name: http, port: ${port} }]
endpoints: [{ addresses: [${address}], conditions: { ready: true } }]
`
}
