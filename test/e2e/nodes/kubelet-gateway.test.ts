/** The way to the kubelets while the gateway and the stats proxy are killed, and to nodes that kubectl creates. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { networkInterfaces } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from '../../../lib/kube/api-client.ts'
import { fields } from '../../../lib/kube/json.ts'
import type { Summary } from '../../../lib/kubelet/endpoints/stats-summary.ts'
import { signCertificate } from '../../../lib/lab/lab-certificates.ts'
import { testCa } from '../../lib/kube/ca.ts'
import { answer, bodyOf } from '../../lib/kube/fake-api.ts'
import { nodeAddresses } from '../../support/kubelets.ts'
import { assertDone, assertSays, isAlive, killHard, type TestLab, waitFor } from '../../support/lab.ts'
import { nodeNames, openPlainLab } from '../../support/shared-lab.ts'
import { suite } from '../../support/suite.ts'

const gateway = suite<{ lab: TestLab }>('kubelet gateway of a changing lab')
gateway.before(async context => {
  context.lab = await openPlainLab()
})

const summaryPath = (node: string) => `/api/v1/nodes/${node}/proxy/stats/summary`
const metricsPath = '/apis/metrics.k8s.io/v1beta1/nodes'

gateway('is back when killed, and no counter that the API server reads decreases', async ({ lab }) => {
  let before = new Map<string, number>()
  let reads = 0
  let stopped = false
  const reading = (async () => {
    while (!stopped) {
      for (const node of nodeNames) {
        // While the gateway is away there is nothing to compare.
        const summary = await lab.get(summaryPath(node)).catch(() => undefined)
        if (summary === undefined) continue
        const { usageCoreNanoSeconds: value } = (summary as Summary).node.cpu
        assert(value >= (before.get(node) ?? 0), `${node} fell from ${before.get(node)} to ${value}`)
        before = new Map([...before, [node, value]])
        reads++
      }
      await sleep(200)
    }
  })()
  try {
    for (let round = 0; round < 3; round++) {
      const pid = (await lab.partPids()).get('kubelet-gateway')
      assert(pid !== undefined, 'the gateway does not run')
      killHard(pid)
      await waitFor('new gateway', async () => assert(await answers(lab), 'no answer'))
      assert.notEqual((await lab.partPids()).get('kubelet-gateway'), pid)
      const from = reads
      await waitFor('reads through it', () => assert(reads >= from + 5, `${reads - from} reads`))
    }
  } finally {
    stopped = true
    await reading
  }
})

gateway('aggregated APIs and webhooks answer while the stats proxy is away', async ({ lab }) => {
  // An address of this machine: an EndpointSlice cannot have one of loopback.
  const address = Object.values(networkInterfaces())
    .flat()
    .find(each => each?.family === 'IPv4' && !each.internal)?.address
  await using webhook = await startWebhook(address ?? '127.0.0.1')
  const objects = webhookObjects(address ?? '', webhook)
  if (address !== undefined) await lab.kubectl(['apply', '-f', '-'], objects)
  const refused = async () => {
    // Not by kubectl, which would block the webhook in this process.
    using client = await connect({ kubeconfig: lab.adminKubeconfig, context: lab.context })
    const body = { metadata: { name: 'refused', labels: { webhook: 'test' } } }
    const asked = await client.request('POST', '/api/v1/namespaces/default/configmaps', { body })
    assertSays(JSON.stringify(asked.body), /denied the request: by a webhook of this machine/)
  }
  try {
    if (address !== undefined) await waitFor('answer of the webhook', refused)
    const pid = (await lab.partPids()).get('stats-proxy')
    assert(pid !== undefined, 'the stats proxy does not run')
    killHard(pid)
    await waitFor('its end', () => assert(!isAlive(pid), 'it still runs'))
    await assert.rejects(lab.get(summaryPath('kwok-node-0000')), /the stats proxy does not answer/)
    // Its items are gone if it measured meanwhile: metrics-server drops a node that does not answer.
    assert.equal(fields(await lab.get(metricsPath))['kind'], 'NodeMetricsList')
    if (address !== undefined) await refused()
  } finally {
    assertDone(await lab.task('kwok-stats-proxy'))
    if (address !== undefined) await lab.kubectl(['delete', '-f', '-'], objects)
  }
  const { node } = (await lab.get(summaryPath('kwok-node-0000'))) as Summary
  assert.equal(node.nodeName, 'kwok-node-0000')
})

gateway('a node that kubectl creates without a status gets an address, a kubelet and kubectl top', async ({ lab }) => {
  await lab.kubectl(['apply', '-f', '-'], foreignNode)
  try {
    await waitFor('kubelet of the node', async () => {
      const { node } = (await lab.get(summaryPath('gpu.node-a'))) as Summary
      assert.equal(node.nodeName, 'gpu.node-a')
    })
    assertSays((await nodeAddresses(lab)).get('gpu.node-a') ?? '', /^198\.18\.\d+\.\d+$/)
    const named = async () => JSON.stringify(await lab.get(metricsPath)).includes('"gpu.node-a"')
    await waitFor('kubectl top of the node', async () => assert(await named(), 'no metrics'), 180_000)
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

interface Webhook {
  port: number
  caPem: string
}

/** A webhook that denies what it is asked about. */
async function startWebhook(address: string): Promise<Webhook & AsyncDisposable> {
  const ca = await testCa()
  const { certificate, key } = await signCertificate({ ...ca, name: 'hook', hosts: ['on-machine.default.svc'] })
  const server = createServer({ cert: certificate, key }, async (request, response) => {
    const { uid } = JSON.parse(await bodyOf(request)).request
    const status = { message: 'by a webhook of this machine' }
    const review = { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview' }
    answer(response, 200, { ...review, response: { uid, allowed: false, status } })
  }).listen(0, address)
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    caPem: ca.caPem,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

/** A Service with a cluster IP, its one endpoint on this machine, and a webhook at it. */
function webhookObjects(address: string, { port, caPem }: Webhook): string {
  return `
apiVersion: v1
kind: Service
metadata: { name: on-machine, namespace: default }
spec: { ports: [{ name: https, port: 443 }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: on-machine, namespace: default, labels: { kubernetes.io/service-name: on-machine } }
addressType: IPv4
ports: [{ name: https, port: ${port} }]
endpoints: [{ addresses: [${address}], conditions: { ready: true } }]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: { name: on-machine }
webhooks:
  - name: test.on-machine.example
    clientConfig:
      service: { name: on-machine, namespace: default }
      caBundle: ${Buffer.from(caPem).toString('base64')}
    objectSelector: { matchLabels: { webhook: test } }
    rules: [{ apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [configmaps] }]
    sideEffects: None
    admissionReviewVersions: [v1]
`
}
