import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { join } from 'node:path'
import { fields, items, text } from '../../../lib/kube/json.ts'
import { parseQuantity } from '../../../lib/kube/quantity.ts'
import type { Summary } from '../../../lib/kubelet/endpoints/summary-types.ts'
import {
  assertDone,
  assertRefused,
  assertSameWords,
  assertSays,
  createTestLab,
  type Ended,
  type TestLab,
  waitFor,
} from '../../support/lab.ts'
import { suite } from '../../support/suite.ts'

const NODES = 5
const nodeNames = Array.from({ length: NODES }, (_, at) => `kwok-node-000${at}`)
/** How far apart two ways to measure the same may be. */
const APART = 0.05
/** metrics-server asks each quarter of a minute, and needs two answers. */
const TOP_MS = 60_000

const plane = suite<{ lab: TestLab; kubeconfigBefore: unknown; started: Ended[] }>('control plane')

plane.before(async context => {
  const lab = await createTestLab('control-plane', { COLLECTION_INTERVAL: '5s' })
  context.lab = lab
  context.kubeconfigBefore = lab.kubeconfigContent()
  const kwok = ['kwok', `NODE_COUNT=${NODES}`, 'POD_COUNT=10']
  context.started = await Promise.all([lab.make(kwok), lab.make(kwok)])
})
plane.after(({ lab }) => lab?.cleanUp())

plane('two make kwok at once both end well, with one process of each part', async ({ lab, started }) => {
  for (const ended of started) assertDone(ended)
  assertSays(started.map(({ stderr }) => stderr).join(''), /^Waiting for kwok-\S+\.ts \(pid \d+\), which changes/m)
  assert.equal(lab.processes().length, (await lab.partPids()).size)
})

plane(
  'kubectl top answers for every node as soon as make kwok has ended, and for every running pod',
  async ({ lab }) => {
    const nodes = await lab.kubectl(['top', 'nodes', '--no-headers'])
    assertSameWords(firstWords(nodes), nodeNames)
    for (const line of nodes.trim().split('\n')) assertSays(line, /^\S+ +\d+m +\d+% +\d+Mi +\d+% *$/)
    await waitFor(
      'answer for every pod',
      async () => {
        const rows = (await lab.kubectl(['top', 'pods', '-A', '--no-headers'])).trim().split('\n')
        const asked = rows.map(row => row.split(/\s+/).slice(0, 2).join('/'))
        const running = (await pods(lab)).filter(pod => pod.phase === 'Running')
        assertSameWords(
          asked,
          running.map(({ key }) => key),
        )
      },
      TOP_MS,
    )
  },
)

plane('what kubectl top says of nodes and pods is what the stats proxy measures', async ({ lab }) => {
  await waitFor(
    'agreement of metrics-server and stats proxy',
    async () => {
      const summaries = await Promise.all(nodeNames.map(node => summaryOf(lab, node)))
      const ofNodes = await usages(lab, 'nodes')
      for (const { node } of summaries) {
        const said = ofNodes.get(node.nodeName)
        near(said?.cpu, node.cpu.usageNanoCores / 1e9, `CPU of ${node.nodeName}`)
        near(said?.memoryBytes, node.memory.workingSetBytes, `memory of ${node.nodeName}`)
      }
      const ofPods = await usages(lab, 'pods')
      const shop = summaries.flatMap(({ pods }) => pods).filter(({ podRef }) => podRef.namespace === 'shop')
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

plane('metrics-server is checked by the API server, and answers nobody else', async ({ lab }) => {
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

plane('the shop’s autoscaler scales by what its pods use', async ({ lab }) => {
  const waitForReplicas = async (what: string, replicas: number, utilization: number) =>
    await waitFor(
      what,
      async () => {
        const hpa = JSON.parse(await lab.kubectl(['get', 'hpa', 'frontend', '-n', 'shop', '-o', 'json']))
        near(hpa.status.currentMetrics?.[0]?.resource?.current?.averageUtilization, utilization, 'utilization')
        assert.equal(hpa.status.currentReplicas, replicas)
      },
      180_000,
    )
  // 50m of 100m that each asks for, and it aims at 70 %.
  await waitForReplicas('frontend at its least', 4, 50)
  const busy = ['--selector', 'app.kubernetes.io/name=frontend', 'kwok.x-k8s.io/usage-cpu=190m', '--overwrite']
  await lab.kubectl(['annotate', 'pod', '-n', 'shop', ...busy])
  // Four use 190m, and the eight that come 50m: still more than it aims at.
  await waitForReplicas('frontend at its most', 12, 97)
})

plane('make kwok-metrics has KWOK serve them, and ends when Prometheus has them of every node', async ({ lab }) => {
  // One with an annotation where no usage object speaks of it, one with an object of its own.
  await lab.kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items: saidPods }))
  const ended = await lab.make(['kwok-metrics'])
  assertDone(ended)
  assertSays(ended.stdout, /^KWOK serves 16 metrics for 5 nodes, and Prometheus has them$/m)
  for (const name of ['lab_node_temperature_celsius', 'lab_node_started_containers_total', 'lab_metrics_info']) {
    assertSameWords((await lab.query(name)).map(nodeOf), nodeNames, name)
  }
  assertSameWords((await lab.query('kwok_node_memory_working_set_bytes')).map(nodeOf), nodeNames)
})

plane(
  'each series of KWOK’s own is under its own node, and under no name or label of OpenTelemetry',
  async ({ lab }) => {
    await waitFor('series of every pod and container', async () => {
      const all = (await pods(lab)).filter(pod => pod.phase === 'Running')
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
  },
)

plane('KWOK’s own agree with the stats proxy, of pods and of nodes with their system’s share', async ({ lab }) => {
  // KWOK asks an object or an annotation; the others are the stats proxy's alone.
  const isSaid = (namespace: string, name: string) => namespace === 'shop' || /^said-/.test(name)
  await waitFor(
    'agreement of KWOK and stats proxy',
    async () => {
      const series = async (expression: string, ...labels: string[]) =>
        new Map((await lab.query(expression)).map(one => [labels.map(name => one.labels[name]).join('/'), one.value]))
      const cpu = await series('rate(kwok_pod_cpu_usage_seconds_total[30s])', 'namespace', 'pod')
      const memory = await series('kwok_pod_memory_working_set_bytes', 'namespace', 'pod')
      const nodeCpu = await series('rate(kwok_node_cpu_usage_seconds_total[30s])', 'k8s_node_name')
      const nodeMemory = await series('kwok_node_memory_working_set_bytes', 'k8s_node_name')
      let compared = 0
      for (const { node, pods } of await Promise.all(nodeNames.map(each => summaryOf(lab, each)))) {
        let [cores, bytes] = [node.cpu.usageNanoCores / 1e9, node.memory.workingSetBytes]
        for (const pod of pods) {
          const { namespace, name } = pod.podRef
          if (isSaid(namespace, name)) {
            near(cpu.get(`${namespace}/${name}`), pod.cpu.usageNanoCores / 1e9, `CPU of ${name}`)
            near(memory.get(`${namespace}/${name}`), pod.memory.workingSetBytes, `memory of ${name}`)
            compared++
          } else {
            cores -= pod.cpu.usageNanoCores / 1e9
            bytes -= pod.memory.workingSetBytes
          }
        }
        near(nodeCpu.get(node.nodeName), cores, `CPU of ${node.nodeName}`)
        near(nodeMemory.get(node.nodeName), bytes, `memory of ${node.nodeName}`)
      }
      assert(compared >= 13, `${compared} pods`)
    },
    120_000,
  )
})

plane('a counter’s rate and a histogram’s quantile are what their expressions say', async ({ lab }) => {
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

plane('a metric that KWOK can’t make is refused in KWOK’s words, and nothing else is harmed', async ({ lab }) => {
  const before = names(await lab.query('group by (__name__) ({job="kwok-metrics"})'))
  const file = join(lab.tempDir, 'bad.yaml')
  for (const [value, label, why] of [
    ['node.NoSuchThing(', '"x"', /Syntax error/],
    ['1.0', 'node.metadata.labels["no-such-label"]', /no such key/],
  ] as const) {
    const good = { name: 'lab_good', kind: 'gauge', value: '1.0' }
    const bad = { name: 'lab_bad', kind: 'gauge', value, labels: [{ name: 'x', value: label }] }
    writeFileSync(file, JSON.stringify({ kind: 'Metric', spec: { metrics: [good, bad] } }))
    const ended = await lab.make(['kwok-metrics', `METRICS_FILE=${file}`])
    assertRefused(ended, 'kwok-metrics', 1, /^KWOK can't serve the metric lab_bad: /m)
    assertSays(ended.stderr, why)
  }
  const sinceMs = Date.now()
  await waitFor('scrape after that', async () => {
    const fresh = await lab.query(`timestamp(lab_node_temperature_celsius) > ${sinceMs / 1000}`)
    assertSameWords(fresh.map(nodeOf), nodeNames)
  })
  assertSameWords(
    names(await lab.query('group by (__name__) ({job="kwok-metrics",__name__!~"lab_good|lab_bad"})')),
    before,
  )
})

plane('a file that holds no metrics is refused before anything changes', async ({ lab }) => {
  const ended = await lab.make(['kwok-metrics', 'METRICS_FILE=/nowhere.yaml'])
  assertRefused(ended, 'kwok-metrics', 2, /^Cannot read \/nowhere\.yaml/m)
})

plane('another Metric object of nodes is refused by name, since two push out each other’s series', async ({ lab }) => {
  const metric = { apiVersion: 'kwok.x-k8s.io/v1alpha1', kind: 'Metric', metadata: { name: 'another' } }
  const metrics = [{ name: 'a', kind: 'gauge', value: '1.0' }]
  const spec = { path: '/metrics/nodes/{nodeName}/another', metrics }
  await lab.kubectl(['apply', '-f', '-'], JSON.stringify({ ...metric, spec }))
  assertRefused(
    await lab.make(['kwok-metrics']),
    'kwok-metrics',
    2,
    /^The cluster has other Metric objects: another: /m,
  )
  await lab.kubectl(['delete', 'metrics.kwok.x-k8s.io', 'another'])
})

plane('KWOK’s log does not fill with pods that nothing is said of', async ({ lab }) => {
  const log = readFileSync(join(lab.clusterDir, 'logs', 'kwok-controller.log'), 'utf8')
  const lines = log.split('\n').filter(line => line.includes('failed to get resource usage'))
  // Those between a namespace's first pod and the object that speaks of it.
  assert(lines.length < 200, `${lines.length} lines, the last: ${lines.at(-1)}`)
})

plane('Online Boutique runs with as many pods as asked for, each measured under its Deployment', async ({ lab }) => {
  const ended = await lab.make(['kwok-boutique', 'BOUTIQUE_REPLICAS=2'])
  assertDone(ended)
  assertSays(ended.stdout, /^Online Boutique runs in namespace online-boutique: 12 services, 24 pods$/m)
  const counts = 'count by (k8s_deployment_name) (k8s_pod_cpu_time_seconds_total{k8s_namespace_name="online-boutique"})'
  await waitFor('metrics of the boutique', async () => {
    const samples = await lab.query(counts)
    assert.equal(samples.length, 12)
    for (const { value, labels } of samples) assert.equal(value, 2, labels.k8s_deployment_name)
  })
})

plane('Online Boutique is refused where there is no room, and goes on as it was', async ({ lab }) => {
  const ended = await lab.make(['kwok-boutique', 'BOUTIQUE_REPLICAS=100'])
  assertRefused(ended, 'kwok-boutique', 2, /^BOUTIQUE_REPLICAS=100 is more than 5 nodes can hold: of 1200 pods/m)
  assert.equal((await pods(lab)).filter(pod => pod.namespace === 'online-boutique').length, 24)
})

plane('a service of the boutique is scaled to none and back', async ({ lab }) => {
  const scale = (replicas: number) =>
    lab.kubectl(['scale', 'deployment', 'adservice', '-n', 'online-boutique', `--replicas=${replicas}`])
  const ready = async () => {
    const path = 'jsonpath={.status.readyReplicas}'
    return await lab.kubectl(['get', 'deployment', 'adservice', '-n', 'online-boutique', '-o', path])
  }
  await scale(0)
  await waitFor('end of all pods', async () => assert.equal(await ready(), ''))
  await scale(2)
  await waitFor('two pods', async () => assert.equal(await ready(), '2'))
})

plane('kwok-boutique-down takes it away, and has nothing to do twice', async ({ lab }) => {
  assertSays((await lab.make(['kwok-boutique-down'])).stdout, /^Namespace online-boutique is gone$/m)
  assert.equal(await lab.kubectl(['get', 'namespace', 'online-boutique', '--ignore-not-found']), '')
  assertSays((await lab.make(['kwok-boutique-down'])).stdout, /^There is no Online Boutique$/m)
})

plane('a namespace of that name that another hand made is left alone', async ({ lab }) => {
  await lab.kubectl(['create', 'namespace', 'online-boutique'])
  for (const step of ['kwok-boutique', 'kwok-boutique-down']) {
    assertRefused(await lab.make([step]), step, 2, /^The lab did not create namespace online-boutique/m)
  }
  assertSays(await lab.kubectl(['get', 'namespace', 'online-boutique']), /Active/)
})

plane('kwok-down leaves nothing', async ({ lab, kubeconfigBefore }) => {
  assertDone(await lab.make(['kwok-down']))
  await lab.assertNothingLeft(kubeconfigBefore)
})

plane.run()

/** Pods of which something is said: by an annotation alone, and by a usage object. */
const container = { name: 'app', image: 'registry.example/test/app:1.0.0' }
const usage = { cpu: { value: '250m' }, memory: { value: '90Mi' } }
const saidPods = [
  {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...{ name: 'said-by-annotation', namespace: 'team-a' },
      annotations: { 'kwok.x-k8s.io/usage-cpu': '300m', 'kwok.x-k8s.io/usage-memory': '70Mi' },
    },
    spec: { containers: [container] },
  },
  {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'said-by-object', namespace: 'team-b' },
    spec: { containers: [container] },
  },
  {
    apiVersion: 'kwok.x-k8s.io/v1alpha1',
    kind: 'ResourceUsage',
    metadata: { name: 'said-by-object', namespace: 'team-b' },
    spec: { usages: [{ usage }] },
  },
]

function near(actual: unknown, expected: number, what: string): void {
  const value = typeof actual === 'number' ? actual : Number.NaN
  if (Math.abs(value - expected) <= expected * APART) return
  throw new Error(`${what} is ${String(actual)}, and not ${expected}`)
}

function firstWords(table: string): string[] {
  return table
    .trim()
    .split('\n')
    .map(line => line.split(/\s+/)[0] ?? '')
}

function nodeOf({ labels }: { labels: Readonly<Record<string, string>> }): string {
  return labels['k8s_node_name'] ?? ''
}

function names(samples: readonly { labels: Readonly<Record<string, string>> }[]): string[] {
  return samples.map(({ labels }) => labels['__name__'] ?? '')
}

async function summaryOf(lab: TestLab, node: string): Promise<Summary> {
  const answer = await fetch(`http://127.0.0.1:${lab.ports.statsProxyPort}/nodes/${node}/stats/summary`)
  return (await answer.json()) as Summary
}

/** What metrics-server says, in cores and bytes: by node's name, or by `<namespace>/<name>`. */
async function usages(
  lab: TestLab,
  kind: 'nodes' | 'pods',
): Promise<Map<string, { cpu: number; memoryBytes: number }>> {
  const list = JSON.parse(await lab.kubectl(['get', '--raw', `/apis/metrics.k8s.io/v1beta1/${kind}`]))
  const amount = (usage: unknown, resource: string) => parseQuantity(String(fields(usage)[resource])) ?? Number.NaN
  return new Map(
    items(list.items).map(item => {
      const { name, namespace } = fields(fields(item)['metadata'])
      const parts = kind === 'nodes' ? [item] : items(fields(item)['containers'])
      const sum = (resource: string) =>
        parts.reduce<number>((all, part) => all + amount(fields(part)['usage'], resource), 0)
      const key = kind === 'nodes' ? String(name) : `${namespace}/${name}`
      return [key, { cpu: sum('cpu'), memoryBytes: sum('memory') }]
    }),
  )
}

async function pods(lab: TestLab) {
  const list = JSON.parse(await lab.kubectl(['get', 'pods', '-A', '-o', 'json']))
  return items(list.items).map(item => {
    const { metadata, spec, status } = fields(item)
    const { namespace, name } = fields(metadata)
    return {
      key: `${namespace}/${name}`,
      namespace: String(namespace),
      node: text(fields(spec)['nodeName']) ?? '',
      phase: text(fields(status)['phase']) ?? '',
      containers: items(fields(spec)['containers']).map(each => String(fields(each)['name'])),
    }
  })
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
