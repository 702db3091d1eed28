import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fields, items, text } from '../../../lib/kube/json.ts'
import { parseQuantity } from '../../../lib/kube/quantity.ts'
import { readers } from '../../../lib/lab/kubeconfig.ts'
import { applyText } from '../../../lib/lab/kubectl.ts'
import { openLab } from '../../../lib/lab/lab.ts'
import { programPath } from '../../../lib/programs/programs.ts'
import type { Sample } from '../../../lib/prometheus/prometheus-client.ts'
import {
  assertCredentialsWeak,
  assertOnLoopback,
  assertSecretsPrivate,
  assertTargetsUp,
  nodeByHand,
  partCount,
  readAll,
  receivers,
} from '../../support/checks.ts'
import {
  assertDone,
  assertSameWords,
  assertSays,
  createTestLab,
  type TestLab,
  waitFor,
  waitForAutoscaler,
} from '../../support/lab.ts'
import { suite } from '../../support/suite.ts'

/** How often is collected; short, to be quick. */
const INTERVAL_MS = 5_000
/** Two collections, and what batching and sending take. */
const FRESH_MS = 2 * INTERVAL_MS + 3_000
/** The time in which the whole of a changed lab has to be measured. */
const SETTLED_MS = 60_000

const kwok = suite<{ lab: TestLab; kubeconfigBefore: unknown }>('make kwok')

kwok.before(async context => {
  context.lab = await createTestLab('kwok', { COLLECTION_INTERVAL: `${INTERVAL_MS / 1000}s` })
})
kwok.after(({ lab }) => lab?.cleanUp())

kwok('brings up 10 nodes and 50 pods, and says what there is', async context => {
  const { lab } = context
  const config = (...args: string[]) => lab.kubectl(['config', '--kubeconfig', lab.kubeconfig, ...args])
  const program = await programPath('kubectl')
  for (const args of [
    ['set-cluster', 'elsewhere', '--server=https://127.0.0.1:1'],
    ['set-credentials', 'somebody', '--token=secret'],
    ['set-context', 'elsewhere', '--cluster=elsewhere', '--user=somebody'],
    ['set-context', 'another', '--cluster=elsewhere', '--user=somebody'],
    ['use-context', 'elsewhere'],
  ]) {
    assert.equal(spawnSync(program, ['config', '--kubeconfig', lab.kubeconfig, ...args]).status, 0)
  }
  context.kubeconfigBefore = lab.kubeconfigContent()
  const ended = await lab.make(['kwok', 'NODE_COUNT=10', 'POD_COUNT=50'])
  assertDone(ended)
  assertSays(ended.stdout, /is ready: 10 nodes and \d+ running pods, each with fresh metrics/)
  assertSays(ended.stdout, new RegExp(`Prometheus +http://127\\.0\\.0\\.1:${lab.ports.prometheusPort}\\n`))
  assertSays(ended.stdout, /\n {2}sum by \(k8s_node_name\).*\n {2}topk.*\n {2}sum by/)
  assertSays(ended.stdout, /\nNext: make verify/)
  assert.equal((await config('current-context')).trim(), lab.context)
  await waitForAutoscaler(lab)
})

kwok('has a kubectl context that reaches the cluster', async ({ lab }) => {
  const args = [
    '--kubeconfig',
    lab.kubeconfig,
    '--cache-dir',
    join(lab.tempDir, 'test-cache'),
    'get',
    'nodes',
    '-o',
    'name',
  ]
  const { stdout } = spawnSync(await programPath('kubectl'), args, { encoding: 'utf8' })
  assert.equal(stdout.trim().split('\n').length, 10)
})

kwok('holds each node and each running pod once, under the right node', async ({ lab }) => {
  await assertMeasured(lab, { nodes: 10, labPods: 50 })
})

kwok('holds workload and node names on every pod and container series', async ({ lab }) => {
  await waitFor('agreement of workload names', async () => {
    const { pods } = await readCluster(lab)
    const expectedPods = pods.map(pod => `${pod.key} ${pod.names}`)
    const expectedContainers = pods.flatMap(pod => pod.containers.map(name => `${pod.key}/${name} ${pod.names}`))
    for (const series of ['k8s_pod_cpu_time_seconds_total', 'k8s_pod_memory_working_set_bytes']) {
      const found = (await fresh(lab, series)).map(one => `${podOf(one)} ${namesOf(one.labels)}`)
      assertSameWords(found, expectedPods, series)
    }
    for (const series of ['container_cpu_time_seconds_total', 'container_memory_working_set_bytes']) {
      const found = (await fresh(lab, series)).map(one => `${containerOf(one)} ${namesOf(one.labels)}`)
      assertSameWords(found, expectedContainers, series)
    }
  })
})

kwok(
  'has plausible rates: a pod within its limit, a node at least its pods and at most its capacity',
  async ({ lab }) => {
    await waitFor(
      'plausible rates',
      async () => {
        const { nodes, pods } = await readCluster(lab)
        const podRates = new Map(
          (await lab.query('rate(k8s_pod_cpu_time_seconds_total[30s])')).map(sample => [podOf(sample), sample.value]),
        )
        const sums = new Map<string, number>()
        for (const { key, node, cpuLimit } of pods) {
          const rate = podRates.get(key)
          assert.ok(rate !== undefined && rate > 0, `${key} has the rate ${rate}`)
          // Stamps are taken a moment after the values.
          assert.ok(rate <= cpuLimit * 1.05, `${key} has the rate ${rate} over its limit ${cpuLimit}`)
          sums.set(node, (sums.get(node) ?? 0) + rate)
        }
        const nodeRates = await lab.query('rate(k8s_node_cpu_time_seconds_total[30s])')
        assert.equal(nodeRates.length, nodes.length)
        for (const { labels, value } of nodeRates) {
          const node = labels['k8s_node_name'] ?? ''
          assert.ok(value >= (sums.get(node) ?? 0) * 0.9, `${node} has the rate ${value}, its pods ${sums.get(node)}`)
          assert.ok(value <= 8, `${node} has the rate ${value} with 8 CPUs`)
        }
      },
      SETTLED_MS,
    )
  },
)

kwok('uses what the annotations of the shop say', async ({ lab }) => {
  const expression =
    'avg by (k8s_deployment_name) (rate(k8s_pod_cpu_time_seconds_total{k8s_namespace_name="shop"}[30s]))'
  const annotated: Record<string, number> = { cart: 0.03, catalog: 0.08, checkout: 0.02, frontend: 0.05 }
  // Until the window is full the rate is lower.
  await waitFor('rates as annotated', async () => {
    const rates = (await lab.query(expression)).map(
      one => [one.labels['k8s_deployment_name'] ?? '', one.value] as const,
    )
    assertSameWords(
      rates.map(([name]) => name),
      Object.keys(annotated),
    )
    for (const [name, rate] of rates) {
      const expected = annotated[name] ?? 0
      assert.ok(Math.abs(rate - expected) <= expected * 0.1, `${name} uses ${rate}, its annotation says ${expected}`)
    }
  })
})

kwok('scrapes every part of the control plane: all targets are up', ({ lab }) => assertTargetsUp(lab, SETTLED_MS))

kwok('listens on 127.0.0.1 alone', async ({ lab }) => {
  assert.equal((await lab.partPids()).size, partCount(lab))
  await assertOnLoopback(lab)
})

kwok('keeps what is secret from others: keys in files of mode 0600, folders of mode 0700', ({ lab }) =>
  assertSecretsPrivate(lab),
)

kwok('holds no credential with which more can be done than to read what its parts measure', ({ lab }) =>
  assertCredentialsWeak(lab),
)

kwok('gives each reader the rights it needs and no more', async ({ lab }) => {
  const program = await programPath('kubectl')
  const may = (reader: string, verb: string, resource: string) => {
    // With a slash it would be the object of that name.
    const [kind = '', part] = resource.split('/')
    const what = part === undefined ? [kind] : [kind, '--subresource', part]
    const args = ['--kubeconfig', join(lab.dir, 'kubeconfig', `${reader}.yaml`), 'auth', 'can-i', verb, ...what, '-A']
    const cache = ['--cache-dir', join(lab.tempDir, 'test-cache')]
    return spawnSync(program, [...args, ...cache], { encoding: 'utf8' }).stdout.trim()
  }
  for (const reader of readers) {
    for (const [verb, resource] of [
      ['get', 'secrets'],
      ['create', 'pods'],
      ['delete', 'pods'],
      ['patch', 'nodes'],
      ['create', 'serviceaccounts/token'],
    ] as const) {
      assert.equal(may(reader, verb, resource), 'no', `${reader} ${verb} ${resource}`)
    }
  }
  for (const [reader, verb, resource, answer] of [
    ['collector', 'watch', 'pods', 'yes'],
    ['collector', 'list', 'deployments.apps', 'yes'],
    ['stats-proxy', 'watch', 'pods', 'yes'],
    ['metrics-server', 'watch', 'pods', 'yes'],
    ['metrics-server', 'list', 'services', 'no'],
    ['traces', 'watch', 'services', 'yes'],
    ['traces', 'list', 'configmaps', 'no'],
    ['page', 'list', 'resourcequotas', 'yes'],
    ['page', 'get', 'nodes/proxy', 'no'],
    ['prometheus', 'list', 'pods', 'no'],
  ] as const) {
    assert.equal(may(reader, verb, resource), answer, `${reader} ${verb} ${resource}`)
  }
})

kwok('kwok-status says that all parts are up, and counts what the API counts', async ({ lab }) => {
  await waitFor('agreement of status and API', async () => {
    const { exitCode, stdout, stderr } = await lab.make(['kwok-status'])
    assert.equal(exitCode, 0, stdout + stderr)
    assert.equal(stdout.match(/^\S+ +up +/gm)?.length, partCount(lab))
    assert.doesNotMatch(stdout, /\bdown\b/)
    const all = items(fields(JSON.parse(await lab.kubectl(['get', 'pods', '-A', '-o', 'json'])))['items']).map(fields)
    const phases = new Map<string, number>()
    for (const pod of all) {
      const phase = text(fields(pod['status'])['phase']) ?? ''
      phases.set(phase, (phases.get(phase) ?? 0) + 1)
    }
    const [, total, said = '', own, others] =
      /^Pods +(\d+): (.*); (\d+) by kwok-pods, (\d+) others$/m.exec(stdout) ?? []
    const saidPhases = said.split(', ').map(part => part.split(' '))
    assert.deepEqual(
      Object.fromEntries(saidPhases.map(([count, phase]) => [phase, Number(count)])),
      Object.fromEntries(phases),
    )
    assert.deepEqual([Number(total), Number(own), Number(others)], [all.length, 50, all.length - 50])
    assertSays(stdout, /^Nodes +10$/m)
    assertSays(stdout, /^Series +\d{4,}$/m)
  })
})

kwok('scales up to 15 nodes and 75 pods, the same parts going on', async ({ lab }) => {
  const before = await lab.partPids()
  const ended = await lab.make(['kwok', 'NODE_COUNT=15', 'POD_COUNT=75'])
  assertDone(ended)
  assertSays(ended.stdout, /is ready: 15 nodes/)
  assert.deepEqual(await lab.partPids(), before)
  await assertMeasured(lab, { nodes: 15, labPods: 75 })
})

kwok(
  'gives a node that kubectl adds its receiver, and takes it away, and no other series has a gap',
  async ({ lab }) => {
    const node = 'e2e-by-hand'
    const startedMs = Date.now()
    const unchanged = await readCluster(lab)
    await lab.kubectl(['create', '-f', '-'], JSON.stringify(nodeByHand(node)))
    await waitFor('receiver of the added node', () => assert.ok(receivers(lab).has(node), 'not in the file'), 10_000)
    const addedMs = Date.now() - startedMs
    await waitFor(
      'series of the added node',
      async () => {
        const samples = await fresh(lab, `k8s_node_cpu_time_seconds_total{k8s_node_name="${node}"}`)
        assert.equal(samples.length, 1)
      },
      // From the change itself it is 10 s and one interval; the receiver, its first collection and sending come on top.
      Math.max(0, 10_000 - addedMs) + INTERVAL_MS + 3_000,
    )
    await lab.kubectl(['delete', 'node', node, '--wait=false'])
    await lab.kubectl([
      'delete',
      'pods',
      '-A',
      '--field-selector',
      `spec.nodeName=${node}`,
      '--force',
      '--grace-period=0',
    ])
    await waitFor(
      'receivers without the removed node',
      () => assert.ok(!receivers(lab).has(node), 'still in the file'),
      10_000,
    )
    await assertMeasured(lab, { nodes: 15, labPods: 75 })

    const seconds = Math.ceil((Date.now() - startedMs) / 1000)
    for (const [series, keyOf, keys] of [
      ['k8s_node_cpu_time_seconds_total', nodeOf, unchanged.nodes],
      ['k8s_pod_cpu_time_seconds_total', podOf, unchanged.pods.map(pod => pod.key)],
    ] as const) {
      const gaps = new Map(
        (await samplesOf(lab, `${series}[${seconds}s]`)).map(one => [keyOf(one), longestGapMs(one.timesMs)]),
      )
      assert.deepEqual(
        keys.filter(key => !((gaps.get(key) ?? Number.POSITIVE_INFINITY) <= 2 * INTERVAL_MS + 500)),
        [],
        `${series}: the longest gap is ${Math.max(...keys.map(key => gaps.get(key) ?? Number.POSITIVE_INFINITY))} ms`,
      )
    }
  },
)

kwok('scales down to 10 nodes and 50 pods', async ({ lab }) => {
  const ended = await lab.make(['kwok', 'NODE_COUNT=10', 'POD_COUNT=50'])
  assertDone(ended)
  assertSays(ended.stdout, /is ready: 10 nodes/)
  await assertMeasured(lab, { nodes: 10, labPods: 50 })
})

kwok('counters never went down while their pod lived', async ({ lab }) => {
  for (const series of ['k8s_pod_cpu_time_seconds_total', 'k8s_node_cpu_time_seconds_total']) {
    assert.deepEqual(await lab.query(`resets(${series}[10m]) > 0`), [])
  }
})

kwok('refuses a manifest with a misspelt field', async ({ lab }) => {
  const metadata = { name: 'misspelt', namespace: 'default' }
  const manifest = JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata, daat: {} })
  const applied = applyText(openLab({ flags: {}, env: lab.env }), manifest)
  await assert.rejects(applied, /ConfigMap\): \.daat: field not declared in schema/)
})

kwok('changes nothing when it runs again', async ({ lab }) => {
  const before = await readAll(lab)
  const ended = await lab.make(['kwok', 'NODE_COUNT=10', 'POD_COUNT=50'])
  assertDone(ended)
  assert.doesNotMatch(ended.stderr, /Creat|Start|Delet/)
  assert.deepEqual(await readAll(lab), before)
})

kwok('kwok-down leaves nothing, and gives back the context from before', async ({ lab, kubeconfigBefore }) => {
  const ended = await lab.make(['kwok-down'])
  assertDone(ended)
  assertSays(ended.stdout, /is down; nothing of it is left/)
  assert.equal(fields(lab.kubeconfigContent())['current-context'], 'elsewhere')
  await lab.assertNothingLeft(kubeconfigBefore)
})

kwok.run()

interface RunningPod {
  /** `<namespace>/<name>` */
  key: string
  node: string
  containers: string[]
  /** In cores; no limit is as much as the node has. */
  cpuLimit: number
  /** What `namesOf` says of it. */
  names: string
}

/** The labels that say where a pod is and whose, as one word. One that a series lacks or has too much counts as well. */
function namesOf(labels: Readonly<Record<string, string>>): string {
  return ['node', 'deployment', 'replicaset', 'statefulset', 'daemonset', 'job']
    .flatMap(kind => (labels[`k8s_${kind}_name`] === undefined ? [] : [`${kind}=${labels[`k8s_${kind}_name`]}`]))
    .join(' ')
}

/** The truth, from the API. */
async function readCluster(lab: TestLab): Promise<{ nodes: string[]; pods: RunningPod[] }> {
  const list = async (...args: string[]) =>
    items(fields(JSON.parse(await lab.kubectl(['get', ...args, '-o', 'json'])))['items']).map(fields)
  const [nodes, replicaSets, pods] = await Promise.all([
    list('nodes'),
    list('replicasets', '-A'),
    list('pods', '-A', '--field-selector', 'status.phase=Running'),
  ])
  const deploymentOf = new Map(replicaSets.map(object => [keyOfObject(object), ownerOf(object).name]))
  return {
    nodes: nodes.map(node => text(fields(node['metadata'])['name']) ?? '').sort(),
    pods: pods.map(pod => {
      const spec = fields(pod['spec'])
      const node = text(spec['nodeName']) ?? ''
      const { kind, name } = ownerOf(pod)
      const namespace = text(fields(pod['metadata'])['namespace'])
      const names: Record<string, string> = { k8s_node_name: node }
      if (kind !== '') names[`k8s_${kind.toLowerCase()}_name`] = name
      if (kind === 'ReplicaSet') names['k8s_deployment_name'] = deploymentOf.get(`${namespace}/${name}`) ?? ''
      const containers = items(spec['containers']).map(fields)
      const limits = containers.map(container => fields(fields(container['resources'])['limits'])['cpu'])
      return {
        key: keyOfObject(pod),
        node,
        names: namesOf(names),
        containers: containers.map(container => text(container['name']) ?? ''),
        cpuLimit: limits.reduce<number>((sum, limit) => sum + (parseQuantity(String(limit ?? '8')) ?? 0), 0),
      }
    }),
  }
}

function keyOfObject(object: Record<string, unknown>): string {
  const { namespace, name } = fields(object['metadata'])
  return `${namespace}/${name}`
}

function ownerOf(object: Record<string, unknown>): { kind: string; name: string } {
  const [owner] = items(fields(object['metadata'])['ownerReferences'])
  return { kind: text(fields(owner)['kind']) ?? '', name: text(fields(owner)['name']) ?? '' }
}

/** Waits until Prometheus holds just the nodes and running pods that the API knows, each once and in its place. */
async function assertMeasured(lab: TestLab, counts: { nodes: number; labPods: number }): Promise<void> {
  await waitFor(
    'agreement of Prometheus and API',
    async () => {
      const { nodes, pods } = await readCluster(lab)
      assert.equal(nodes.length, counts.nodes)
      assert.equal(pods.filter(pod => pod.key.startsWith('team-')).length, counts.labPods)
      const measuredNodes = (await fresh(lab, 'k8s_node_cpu_time_seconds_total')).map(nodeOf)
      assertSameWords(measuredNodes, nodes, 'measured nodes')
      const places = (await fresh(lab, 'k8s_pod_cpu_time_seconds_total')).map(
        sample => `${podOf(sample)} on ${nodeOf(sample)}`,
      )
      const expected = pods.map(({ key, node }) => `${key} on ${node}`)
      assertSameWords(places, expected, 'measured pods')
    },
    SETTLED_MS,
  )
}

/** The series that still get samples; what has gone lingers in Prometheus for a while. */
async function fresh(lab: TestLab, series: string): Promise<Sample[]> {
  return await lab.query(`timestamp(${series}) > time() - ${FRESH_MS / 1000}`)
}

type Labelled = Pick<Sample, 'labels'>

function nodeOf({ labels }: Labelled): string {
  return labels['k8s_node_name'] ?? ''
}

function podOf({ labels }: Labelled): string {
  return `${labels['k8s_namespace_name']}/${labels['k8s_pod_name']}`
}

function containerOf(sample: Labelled): string {
  return `${podOf(sample)}/${sample.labels['k8s_container_name']}`
}

/** When the samples of each series of a range selector were taken. */
async function samplesOf(lab: TestLab, selector: string): Promise<(Labelled & { timesMs: number[] })[]> {
  const url = `http://127.0.0.1:${lab.ports.prometheusPort}/api/v1/query?${new URLSearchParams({ query: selector })}`
  return items(fields(fields(await (await fetch(url)).json())['data'])['result']).map(series => ({
    labels: fields(fields(series)['metric']) as Record<string, string>,
    timesMs: items(fields(series)['values']).map(value => Number(items(value)[0]) * 1000),
  }))
}

function longestGapMs(timesMs: readonly number[]): number {
  if (timesMs.length < 2) return Number.POSITIVE_INFINITY
  return Math.max(...timesMs.slice(1).map((time, index) => time - (timesMs[index] ?? 0)))
}
