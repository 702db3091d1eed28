import assert from 'node:assert/strict'
import { createServer, type ServerResponse } from 'node:http'
import { suite } from 'uvu'
import { findMissing, waitUntilMeasured } from '../../../lib/kwok/lab-ready.ts'
import { freePort } from '../../support/free-ports.ts'
import { tempLab, writeKubeconfig } from '../../support/temp-lab.ts'
import { answer as answerJson, fakeApi } from '../kube/fake-api.ts'

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

const measured = suite('waitUntilMeasured()')

/** A lab of node n1 and its pod a/p, with a Prometheus that answers by `answer`. */
async function withLab(
  answer: (isOfPods: boolean, response: ServerResponse) => void,
  run: (lab: ReturnType<typeof tempLab>) => Promise<void>,
  nodes: readonly object[] = [{ metadata: { name: 'n1' } }],
): Promise<void> {
  const pod = { metadata: { namespace: 'a', name: 'p' }, spec: { nodeName: 'n1' } }
  const api = await fakeApi(
    ({ url = '' }, response) => answerJson(response, 200, { items: url.includes('/pods') ? [pod] : nodes }),
    { tls: true },
  )
  const port = await freePort()
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    answer(body.includes('k8s_pod_'), response)
  })
  await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve))
  try {
    const lab = tempLab({ prometheusPort: String(port) })
    writeKubeconfig(lab, api.credentials)
    await run(lab)
  } finally {
    server.closeAllConnections()
    server.close()
    await api.close()
  }
}
const vector = (metrics: object[]) =>
  JSON.stringify({ status: 'success', data: { result: metrics.map(metric => ({ metric, value: [0, '1'] })) } })
const ofNode = vector([{ k8s_node_name: 'n1' }])
const ofPod = vector([{ k8s_namespace_name: 'a', k8s_pod_name: 'p', k8s_node_name: 'n1' }])

measured('gives nodes and pods when all are measured', () =>
  withLab(
    (isOfPods, response) => response.end(isOfPods ? ofPod : ofNode),
    async lab => {
      const expected = { nodes: new Set(['n1']), runningPods: new Map([['a/p', 'n1']]) }
      assert.deepEqual(await waitUntilMeasured(lab), expected)
    },
  ),
)

measured('pauses after an error, and retries', () => {
  const askedMs: number[] = []
  return withLab(
    (isOfPods, response) => {
      if (isOfPods) askedMs.push(performance.now())
      if (askedMs.length <= 2) response.writeHead(503).end('starting')
      else response.end(isOfPods ? ofPod : ofNode)
    },
    async lab => {
      await waitUntilMeasured(lab)
      const pausesMs = askedMs.slice(1).map((atMs, index) => atMs - Number(askedMs[index]))
      assert(pausesMs.length >= 2 && pausesMs.every(pauseMs => pauseMs >= 1_000), pausesMs.join(', '))
    },
  )
})

for (const { fact, body, why } of [
  {
    fact: 'names the first missing ones on time-out',
    body: vector([]),
    why: /: 1 nodes without fresh metrics, 1 pods without fresh metrics; the first: n1, a\/p$/,
  },
  {
    fact: 'reports an error of Prometheus on time-out',
    body: 'starting',
    why: /: Cannot query Prometheus at http:\S+: it answered HTTP 200 and no JSON: starting/,
  },
]) {
  measured(fact, () =>
    withLab(
      (_, response) => response.end(body),
      lab =>
        assert.rejects(waitUntilMeasured(lab, { timeoutMs: 300 }), ({ message, next }: Error & { next?: string }) => {
          assert.match(message, /^Timed out after \d s waiting for fresh metrics of every node and pod: /)
          assert.match(message, why)
          assert.match(next ?? '', /^make kwok-status CLUSTER_NAME=unit, and read the log of a service that is down/)
          return true
        }),
    ),
  )
}

measured('waits for the first node, and ends with the given next step', () =>
  withLab(
    (isOfPods, response) => response.end(isOfPods ? ofPod : ofNode),
    lab =>
      assert.rejects(waitUntilMeasured(lab, { timeoutMs: 300, next: 'read the log' }), {
        message: /: the cluster has no nodes$/,
        next: 'read the log',
      }),
    [],
  ),
)
measured.run()
