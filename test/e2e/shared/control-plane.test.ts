/** metrics-server, KWOK's own metrics and Online Boutique on the shared lab. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { request } from 'node:https'
import { join } from 'node:path'
import { fields, items } from '../../../lib/kube/json.ts'
import { parseQuantity } from '../../../lib/kube/quantity.ts'
import { allPods, near } from '../../support/control-plane.ts'
import { assertDone, assertSameWords, assertSays, type TestLab, waitFor } from '../../support/lab.ts'
import { INTERVAL_MS, NODES, nodeNames, openSharedLab, type SharedLab } from '../../support/shared-lab.ts'
import { summaries } from '../../support/stats-proxy.ts'
import { suite } from '../../support/suite.ts'

/** metrics-server scrapes every 10 seconds, and needs two scrapes. */
const TOP_MS = 120_000

const plane = suite<SharedLab>('control plane')
plane.before(async context => {
  Object.assign(context, await openSharedLab())
})

plane('two make kwok at the same time succeed, with one process of each part', async ({ creation }) => {
  for (const ended of creation.kwok) assertDone(ended)
  assertSays(
    creation.kwok.map(({ stderr }) => stderr).join(''),
    /^Waiting for kwok-\S+\.ts \(pid \d+\), which changes/m,
  )
  // The gateway has a process that starts it again.
  assert.equal(creation.processCount, creation.partCount + 1)
})

plane('kubectl top lists every node when make kwok ends, and then every running pod', async ({ lab, creation }) => {
  assertSameWords(firstWords(creation.topNodes), nodeNames)
  for (const line of creation.topNodes.trim().split('\n')) assertSays(line, /^\S+ +\d+m +\d+% +\d+Mi +\d+% *$/)
  await waitFor(
    'answer for every pod',
    async () => {
      const rows = (await lab.kubectl(['top', 'pods', '-A', '--no-headers'])).trim().split('\n')
      const asked = rows.map(row => row.split(/\s+/).slice(0, 2).join('/'))
      const running = (await allPods(lab)).filter(pod => pod.phase === 'Running')
      assertSameWords(
        asked,
        running.map(({ key }) => key),
      )
    },
    TOP_MS,
  )
})

plane('kubectl top shows the values of the stats proxy for nodes and pods', async ({ lab }) => {
  await waitFor(
    'agreement of metrics-server and stats proxy',
    async () => {
      const measured = await summaries(lab)
      const ofNodes = await usages(lab, 'nodes')
      for (const { node } of measured) {
        const said = ofNodes.get(node.nodeName)
        near(said?.cpu, node.cpu.usageNanoCores / 1e9, `CPU of ${node.nodeName}`)
        near(said?.memoryBytes, node.memory.workingSetBytes, `memory of ${node.nodeName}`)
      }
      const ofPods = await usages(lab, 'pods')
      const shop = measured.flatMap(({ pods }) => pods).filter(({ podRef }) => podRef.namespace === 'shop')
      assert(shop.length >= 11, `${shop.length} pods of the shop`)
      for (const { podRef, cpu, memory } of shop) {
        const said = ofPods.get(`shop/${podRef.name}`)
        near(said?.cpu, cpu.usageNanoCores / 1e9, `CPU of ${podRef.name}`)
        near(said?.memoryBytes, memory.workingSetBytes, `memory of ${podRef.name}`)
      }
    },
    2 * TOP_MS,
  )
})

plane('the API server checks the certificate of metrics-server, which answers no other client', async ({ lab }) => {
  const service = JSON.parse(await lab.kubectl(['get', 'apiservice', 'v1beta1.metrics.k8s.io', '-o', 'json']))
  assert.equal(service.spec.insecureSkipTLSVerify, undefined)
  const ca = readFileSync(join(lab.clusterDir, 'pki', 'ca.crt'))
  assert.equal(Buffer.from(service.spec.caBundle, 'base64').toString(), ca.toString())
  const path = '/apis/metrics.k8s.io/v1beta1/nodes'
  assert.equal(await statusOf(lab, path, ca), 403)
  assert.equal(await statusOf(lab, path, ca, 'no-token'), 401)
  // Prometheus may read its metrics, and nothing else.
  const token = readFileSync(join(lab.dir, 'kubeconfig', 'prometheus.token'), 'utf8')
  assert.equal(await statusOf(lab, path, ca, token), 403)
  assert.equal(await statusOf(lab, '/metrics', ca, token), 200)
})

plane('make kwok-metrics ends when Prometheus has KWOK’s metrics of every node', async ({ creation }) => {
  assertSays(creation.metrics.stdout, /^KWOK serves 16 metrics for 5 nodes, and Prometheus has them$/m)
  for (const [name, nodes] of Object.entries(creation.nodesWith)) assertSameWords(nodes, nodeNames, name)
})

plane('each series of KWOK has the label of its node, and no name or pod label of OpenTelemetry', async ({ lab }) => {
  await waitFor('series of every pod and container', async () => {
    const all = (await allPods(lab)).filter(pod => pod.phase === 'Running')
    const nodes = new Map(all.map(({ key, node }) => [key, node]))
    for (const name of ['lab_pod_requests_total', 'lab_pod_queue_length', 'lab_pod_request_duration_seconds_count']) {
      const samples = (await lab.query(name)).filter(({ labels }) => nodes.has(`${labels.namespace}/${labels.pod}`))
      assertSameWords(
        samples.map(({ labels }) => `${labels.namespace}/${labels.pod} ${labels.k8s_node_name}`),
        all.map(({ key, node }) => `${key} ${node}`),
        name,
      )
    }
    const containers = await lab.query('kwok_container_memory_working_set_bytes{namespace="shop"}')
    assertSameWords(
      containers.map(({ labels }) => `${labels.namespace}/${labels.pod}/${labels.container} ${labels.k8s_node_name}`),
      all
        .filter(pod => pod.namespace === 'shop')
        .flatMap(pod => pod.containers.map(c => `${pod.key}/${c} ${pod.node}`)),
    )
  })
  const foreign = '{job="kwok-metrics",__name__=~"(container|k8s|node|pod|system)_.*"}'
  assert.deepEqual(await lab.query(foreign), [])
  assert.deepEqual(await lab.query('{job="kwok-metrics",k8s_pod_name!=""}'), [])
})

plane('a counter’s rate and a histogram’s quantile follow from their expressions', async ({ lab }) => {
  await waitFor('rates and quantiles', async () => {
    for (const [expression, expected] of [
      ['rate(lab_pod_requests_total{namespace="shop"}[30s])', 5],
      ['rate(lab_pod_request_duration_seconds_count{namespace="shop"}[30s])', 5],
      // 3 of 5 below 0.05 s, 1.5 more below 0.1 s: the median is at five sixths of the first bucket.
      [
        'histogram_quantile(0.5, rate(lab_pod_request_duration_seconds_bucket{namespace="shop"}[30s]))',
        0.05 * (2.5 / 3),
      ],
      ['histogram_quantile(0.5, rate(lab_node_disk_latency_seconds_bucket[30s]))', 0.001 + 0.004 * 0.25],
    ] as const) {
      const samples = await lab.query(expression)
      assert(samples.length >= NODES, `${expression}: ${samples.length}`)
      for (const { value } of samples) near(value, expected, expression)
    }
  })
})

plane('the log of KWOK does not fill with messages about pods without a usage object', async ({ lab }) => {
  await waitFor('scrapes without such a message', () => {
    const log = readFileSync(join(lab.clusterDir, 'logs', 'kwok-controller.log'), 'utf8')
    const lines = log.split('\n').filter(line => line.includes('failed to get resource usage'))
    const lastMs = Date.parse(/"time":"([^"]+)"/.exec(lines.at(-1) ?? '')?.[1] ?? '1970-01-01')
    // Some come between the first pod of a namespace and its usage object.
    assert(Date.now() - lastMs > 6 * INTERVAL_MS, `${lines.length} lines, the last: ${lines.at(-1)}`)
  })
})

plane(
  'Online Boutique runs with the requested number of pods, each measured under its Deployment',
  async ({ lab, creation }) => {
    assertSays(creation.boutique.stdout, /^Online Boutique runs in namespace online-boutique: 12 services, 24 pods$/m)
    const counts =
      'count by (k8s_deployment_name) (k8s_pod_cpu_time_seconds_total{k8s_namespace_name="online-boutique"})'
    await waitFor('metrics of the boutique', async () => {
      const samples = await lab.query(counts)
      assert.equal(samples.length, 12)
      for (const { value, labels } of samples) assert.equal(value, 2, labels.k8s_deployment_name)
    })
  },
)

plane.run()

function firstWords(table: string): string[] {
  return table
    .trim()
    .split('\n')
    .map(line => line.split(/\s+/)[0] ?? '')
}

/** Usage by metrics-server, in cores and bytes: by node's name, or by `<namespace>/<name>`. */
async function usages(
  lab: TestLab,
  kind: 'nodes' | 'pods',
): Promise<Map<string, { cpu: number; memoryBytes: number }>> {
  const list = fields(await lab.get(`/apis/metrics.k8s.io/v1beta1/${kind}`))
  const amount = (usage: unknown, resource: string) => parseQuantity(String(fields(usage)[resource])) ?? Number.NaN
  return new Map(
    items(list['items']).map(item => {
      const { name, namespace } = fields(fields(item)['metadata'])
      const parts = kind === 'nodes' ? [item] : items(fields(item)['containers'])
      const sum = (resource: string) =>
        parts.reduce<number>((all, part) => all + amount(fields(part)['usage'], resource), 0)
      const key = kind === 'nodes' ? String(name) : `${namespace}/${name}`
      return [key, { cpu: sum('cpu'), memoryBytes: sum('memory') }]
    }),
  )
}

/** The status that metrics-server itself gives to a question, over a connection checked by the lab's CA. */
async function statusOf(lab: TestLab, path: string, ca: Buffer, token?: string): Promise<number> {
  return await new Promise((resolve, reject) => {
    const asked = request(
      {
        ...{ host: '127.0.0.1', port: lab.ports.metricsServerPort, path, ca },
        servername: 'metrics-server.kube-otel-lab.svc',
        headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
        timeout: 10_000,
      },
      response => {
        response.resume()
        resolve(response.statusCode ?? 0)
      },
    )
    asked.once('error', reject)
    asked.once('timeout', () => asked.destroy(new Error('no answer')))
    asked.end()
  })
}
