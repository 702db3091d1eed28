/** The autoscaler, kwok-metrics and Online Boutique of a lab that they change, and what they refuse. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { allPods, near, nodeOf } from '../../../support/control-plane.ts'
import { assertRefused, assertSameWords, assertSays, type TestLab, waitFor } from '../../../support/lab.ts'
import { nodeNames, openSharedLab } from '../../../support/shared-lab.ts'
import { summaries } from '../../../support/stats-proxy.ts'
import { suite } from '../../../support/suite.ts'

const plane = suite<{ lab: TestLab }>('a changing control plane')
plane.before(async context => {
  context.lab = (await openSharedLab()).lab
  const list = { apiVersion: 'v1', kind: 'List', items: podsWithUsage }
  await context.lab.kubectl(['apply', '-f', '-'], JSON.stringify(list))
})

/** Waits for the replicas of the shop's frontend and the mean usage of their requests. */
async function waitForReplicas({ kubectl }: TestLab, replicas: number, utilization: number): Promise<void> {
  await waitFor(
    `${replicas} replicas`,
    async () => {
      const hpa = JSON.parse(await kubectl(['get', 'hpa', 'frontend', '-n', 'shop', '-o', 'json']))
      near(hpa.status.currentMetrics?.[0]?.resource?.current?.averageUtilization, utilization, 'utilization')
      assert.equal(hpa.status.currentReplicas, replicas)
    },
    180_000,
  )
}

// The autoscaler takes a minute, in which the next tests run.
plane('the shop has its least replicas, until its pods are busy', async ({ lab }) => {
  // Each pod uses 50m of its request of 100m; the target is 70 %.
  await waitForReplicas(lab, 4, 50)
  const busy = ['--selector', 'app.kubernetes.io/name=frontend', 'kwok.x-k8s.io/usage-cpu=190m', '--overwrite']
  await lab.kubectl(['annotate', 'pod', '-n', 'shop', ...busy])
})

plane('a metric that KWOK cannot compute is refused with the message of KWOK; the others stay', async ({ lab }) => {
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

plane('a metrics file that cannot be read is refused before anything changes', async ({ lab }) => {
  const ended = await lab.make(['kwok-metrics', 'METRICS_FILE=/nowhere.yaml'])
  assertRefused(ended, 'kwok-metrics', 2, /^Cannot read \/nowhere\.yaml/m)
})

plane(
  'another Metric object for nodes is refused by name, because two replace each other’s series',
  async ({ lab }) => {
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
  },
)

plane('more replicas of Online Boutique than fit are refused, and nothing changes', async ({ lab }) => {
  const ended = await lab.make(['kwok-boutique', 'BOUTIQUE_REPLICAS=100'])
  assertRefused(
    ended,
    'kwok-boutique',
    2,
    /^BOUTIQUE_REPLICAS=100 is more than the nodes can hold: it needs [\d.]+ CPUs, and [\d.]+ can be used$/m,
  )
  assert.equal((await allPods(lab)).filter(pod => pod.namespace === 'online-boutique').length, 24)
})

plane('a service of Online Boutique can be scaled to zero and back', async ({ lab }) => {
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

plane('kwok-boutique-down removes it, and has nothing to do the second time', async ({ lab }) => {
  assertSays((await lab.make(['kwok-boutique-down'])).stdout, /^Namespace online-boutique is gone$/m)
  assert.equal(await lab.kubectl(['get', 'namespace', 'online-boutique', '--ignore-not-found']), '')
  assertSays((await lab.make(['kwok-boutique-down'])).stdout, /^There is no Online Boutique$/m)
})

plane('a namespace of that name that the lab did not create is left unchanged', async ({ lab }) => {
  await lab.kubectl(['create', 'namespace', 'online-boutique'])
  for (const step of ['kwok-boutique', 'kwok-boutique-down']) {
    assertRefused(await lab.make([step]), step, 2, /^The lab did not create namespace online-boutique/m)
  }
  assertSays(await lab.kubectl(['get', 'namespace', 'online-boutique']), /Active/)
})

plane('the autoscaler of the shop scales by the usage of its pods', async ({ lab }) => {
  // Four use 190m, and the eight new ones 50m: still above the target.
  await waitForReplicas(lab, 12, 97)
})

plane(
  'the metrics of KWOK agree with the stats proxy, for pods and for nodes with their system usage',
  async ({ lab }) => {
    // KWOK knows the usage of pods with an object or an annotation; the stats proxy alone knows that of the others.
    const isSaid = (namespace: string, name: string) => namespace === 'shop' || /^by-/.test(name)
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
        for (const { node, pods } of await summaries(lab)) {
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
  },
)

plane.run()

/** Pods with known usage: one by an annotation alone, one by an object of its own. */
const namespace = 'default'
const spec = { containers: [{ name: 'app', image: 'registry.example/test/app:1.0.0' }] }
const annotations = { 'kwok.x-k8s.io/usage-cpu': '300m', 'kwok.x-k8s.io/usage-memory': '70Mi' }
const usage = { cpu: { value: '250m' }, memory: { value: '90Mi' } }
const podsWithUsage = [
  { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'by-annotation', namespace, annotations }, spec },
  { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'by-object', namespace }, spec },
  {
    apiVersion: 'kwok.x-k8s.io/v1alpha1',
    kind: 'ResourceUsage',
    metadata: { name: 'by-object', namespace },
    spec: { usages: [{ usage }] },
  },
]

function names(samples: readonly { labels: Readonly<Record<string, string>> }[]): string[] {
  return samples.map(({ labels }) => labels['__name__'] ?? '')
}
