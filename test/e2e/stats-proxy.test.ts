import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { stringify } from 'yaml'
import { fields, items, text } from '../../lib/kube/json.ts'
import type { Summary } from '../../lib/kubelet/summary-types.ts'
import { programPath } from '../../lib/programs/programs.ts'
import { assertDone, assertSameWords, createTestLab, killHard, type TestLab, waitFor } from '../support/lab.ts'
import { suite } from '../support/suite.ts'

const NODES = 3
const nodeNames = Array.from({ length: NODES }, (_, at) => `kwok-node-000${at}`)

const proxy = suite<{ lab: TestLab }>('stats proxy')

proxy.before(async context => {
  context.lab = await createTestLab('stats-proxy', { COLLECTION_INTERVAL: '5s' })
  assertDone(await context.lab.make(['kwok', `NODE_COUNT=${NODES}`, 'POD_COUNT=20']))
})
proxy.after(({ lab }) => lab?.cleanUp())

const url = (lab: TestLab, path: string) => `http://127.0.0.1:${lab.ports.statsProxyPort}${path}`

async function summaries(lab: TestLab): Promise<Summary[]> {
  return await Promise.all(
    nodeNames.map(async node => (await (await fetch(url(lab, `/nodes/${node}/stats/summary`))).json()) as Summary),
  )
}

/** CPU time of each node and pod now, by name and UID. */
async function counters(lab: TestLab): Promise<Map<string, number>> {
  const found = new Map<string, number>()
  for (const { node, pods } of await summaries(lab)) {
    found.set(node.nodeName, node.cpu.usageCoreNanoSeconds)
    for (const { podRef, cpu } of pods) found.set(podRef.uid, cpu.usageCoreNanoSeconds)
  }
  return found
}

/** UID and node of each running pod, as the API has it. */
async function runningPods(lab: TestLab): Promise<string[]> {
  const list = await lab.kubectl(['get', 'pods', '-A', '--field-selector', 'status.phase=Running', '-o', 'json'])
  return items(fields(JSON.parse(list)).items).map(
    pod => `${text(fields(fields(pod).metadata).uid)} ${text(fields(fields(pod).spec).nodeName)}`,
  )
}

async function servedPods(lab: TestLab): Promise<string[]> {
  return (await summaries(lab)).flatMap(({ node, pods }) => pods.map(({ podRef }) => `${podRef.uid} ${node.nodeName}`))
}

proxy(
  'gives Prometheus the cAdvisor series of every node, with OpenTelemetry names, and no working set',
  async ({ lab }) => {
    await waitFor('cAdvisor series', async () => {
      const up = await lab.query('up{job="kubelet-cadvisor"} == 1')
      assertSameWords(
        up.map(({ labels }) => labels['k8s_node_name'] ?? ''),
        nodeNames,
      )
      const packets = await lab.query('container_network_receive_packets_total{job="kubelet-cadvisor"}')
      assert.equal(packets.length, (await runningPods(lab)).length)
      for (const { labels } of packets) {
        assert.equal(labels['k8s_cluster_name'], lab.name)
        assert(
          labels['k8s_namespace_name'] && labels['k8s_pod_name'] && nodeNames.includes(labels['k8s_node_name'] ?? ''),
        )
        assert.equal(labels['container'] ?? labels['pod'] ?? labels['id'], undefined)
      }
      assert((await lab.query('container_cpu_cfs_periods_total{k8s_container_name="app"}')).length >= 20)
    })
    assert.deepEqual(await lab.query('container_memory_working_set_bytes{job="kubelet-cadvisor"}'), [])
  },
)

proxy('serves texts that promtool takes', async ({ lab }) => {
  const promtool = await programPath('promtool')
  for (const path of ['metrics/cadvisor', 'metrics/resource', 'metrics/probes']) {
    const input = await (await fetch(url(lab, `/nodes/kwok-node-0000/${path}`))).text()
    const { stderr } = spawnSync(promtool, ['check', 'metrics'], { input, encoding: 'utf8' })
    // The one thing it finds fault with is cAdvisor's own name.
    const faults = stderr
      .split('\n')
      .filter(line => line !== '' && !line.startsWith('container_memory_failcnt counter'))
    assert.deepEqual(faults, [], path)
  }
})

proxy('has host metrics of every node in Prometheus, that agree with its summary', async ({ lab }) => {
  await waitFor('host metrics', async () => {
    for (const metric of ['system_cpu_time_seconds_total', 'system_memory_usage_bytes', 'system_cpu_load_average_1m']) {
      const nodes = await lab.query(
        `count by (k8s_node_name, host_name, k8s_cluster_name) (${metric}{k8s_node_name!=""})`,
      )
      assertSameWords(
        nodes.map(({ labels }) => labels['k8s_node_name'] ?? ''),
        nodeNames,
        metric,
      )
      for (const { labels } of nodes) {
        assert.deepEqual([labels['host_name'], labels['k8s_cluster_name']], [labels['k8s_node_name'], lab.name])
      }
    }
    const busy = 'sum by (k8s_node_name) (system_cpu_time_seconds_total{k8s_node_name!="",state!~"idle|wait"})'
    for (const { value } of await lab.query(`${busy} / on (k8s_node_name) k8s_node_cpu_time_seconds_total`)) {
      assert(value > 0.95 && value < 1.05, String(value))
    }
  })
})

proxy(
  'is taken by the kubelet_stats receiver with all groups, optional metrics and labels, without a warning',
  async ({ lab }) => {
    const optional = ['container', 'k8s.pod'].flatMap(kind => [
      ...['cpu_limit', 'cpu_request', 'memory_limit', 'memory_request'].map(
        each => `${kind === 'container' ? 'k8s.container' : kind}.${each}_utilization`,
      ),
      `${kind}.uptime`,
    ])
    const disabled = [
      'aws.volume.id',
      'fs.type',
      'gce.pd.name',
      'glusterfs.endpoints.name',
      'glusterfs.path',
      'partition',
    ]
    const switchAll = (names: string[], enabled: boolean) => Object.fromEntries(names.map(name => [name, { enabled }]))
    const config = {
      receivers: {
        kubelet_stats: {
          endpoint: url(lab, '/nodes/kwok-node-0000'),
          auth_type: 'none',
          collection_interval: '1s',
          metric_groups: ['node', 'pod', 'container', 'volume'],
          extra_metadata_labels: ['container.id', 'k8s.volume.type'],
          metrics: switchAll([...optional, 'k8s.node.uptime', 'k8s.pod.volume.usage'], true),
          resource_attributes: switchAll(disabled, false),
        },
      },
      exporters: { debug: { verbosity: 'detailed' } },
      service: {
        pipelines: { metrics: { receivers: ['kubelet_stats'], exporters: ['debug'] } },
        telemetry: { metrics: { level: 'none' } },
      },
    }
    const file = join(lab.tempDir, 'optional.yaml')
    writeFileSync(file, stringify(config, { aliasDuplicateObjects: false }))
    const child = spawn(await programPath('otelcol'), [`--config=${file}`])
    let said = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', chunk => {
        said += chunk
      })
    }
    try {
      const wanted = [...optional, 'k8s.node.uptime', 'k8s.volume.capacity', 'k8s.node.cpu.time', 'container.cpu.time']
      await waitFor(
        'all metrics',
        () => {
          for (const name of wanted) assert(said.includes(`-> Name: ${name}\n`), name)
          assert.match(said, /-> container\.id: Str\([0-9a-f]{64}\)/)
        },
        20_000,
      )
      assert.deepEqual(
        said.split('\n').filter(line => /\t(warn|error)\t/.test(line)),
        [],
      )
    } finally {
      child.kill('SIGTERM')
      await new Promise(resolve => child.once('close', resolve))
    }
  },
)

proxy('prints one summary with --once', async ({ lab }) => {
  const { stdout, exitCode } = await lab.task('kwok-stats-proxy', ['--once', 'kwok-node-0001'])
  assert.equal(exitCode, 0)
  assert.equal(JSON.parse(stdout).node.nodeName, 'kwok-node-0001')
  assert.equal((await lab.task('kwok-stats-proxy', ['--once'])).exitCode, 2)
})

proxy(
  'under churn, with proxy and kube-apiserver killed: no counter falls, and after 30 s no pod lacks or is misplaced',
  async ({ lab }) => {
    await lab.kubectl(['apply', '-f', '-'], randomUsage)
    const pids = await lab.partPids()
    let before = new Map<string, number>()
    let reads = 0
    let stopped = false
    const watching = (async () => {
      while (!stopped) {
        // While the proxy is away there is nothing to compare.
        const now = await counters(lab).catch(() => undefined)
        for (const [name, value] of now ?? []) {
          assert(value >= (before.get(name) ?? 0), `${name} fell from ${before.get(name)} to ${value}`)
        }
        if (now !== undefined) {
          before = new Map([...before, ...now])
          reads++
        }
        await sleep(150)
      }
    })()
    const churning = (async () => {
      for (let round = 0; !stopped; round++) {
        const replicas = round % 2 === 0 ? '1' : '6'
        await lab
          .kubectl(['-n', 'shop', 'scale', 'deployment', '--all', `--replicas=${replicas}`])
          .catch(() => undefined)
        await sleep(1_000)
      }
    })()
    try {
      await sleep(4_000)
      killHard(there(pids.get('stats-proxy')))
      assertDone(await lab.task('kwok-stats-proxy'))
      await sleep(3_000)
      killHard(there(pids.get('kube-apiserver')))
      await sleep(2_000)
      assert.equal((await fetch(url(lab, '/nodes/kwok-node-0000/stats/summary'))).status, 200)
      assertDone(await lab.task('kwok-create-cluster'))
      await sleep(3_000)
      killHard(there((await lab.partPids()).get('stats-proxy')))
      assertDone(await lab.task('kwok-stats-proxy'))
      await sleep(3_000)
    } finally {
      stopped = true
      await churning
    }
    await watching
    assert(reads > 20, `${reads} reads`)
    await waitFor(
      'the same pods as the API has',
      async () => assertSameWords(await servedPods(lab), await runningPods(lab)),
      30_000,
    )
    const log = readFileSync(join(lab.dir, 'logs', 'stats-proxy.log'), 'utf8')
    assert.doesNotMatch(log, /bug:|Cannot write/)
  },
)

/** Usage that chance decides, for the pods that come and go. */
const randomUsage = `
apiVersion: kwok.x-k8s.io/v1alpha1
kind: ClusterResourceUsage
metadata: { name: a-random }
spec:
  selector: { matchNamespaces: [shop] }
  usages:
    - usage:
        cpu: { expression: 'Rand() * Quantity("300m")' }
`

function there<T>(value: T | undefined): T {
  assert(value !== undefined)
  return value
}

proxy.run()
