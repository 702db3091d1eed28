/** The stats proxy of the shared lab, as Prometheus and the collector read it. */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { programPath } from '../../../lib/programs/programs.ts'
import { assertSameWords, type TestLab, waitFor } from '../../support/lab.ts'
import { nodeNames, openSharedLab } from '../../support/shared-lab.ts'
import { kubeletUrl, runningPods } from '../../support/stats-proxy.ts'
import { suite } from '../../support/suite.ts'

const proxy = suite<{ lab: TestLab }>('stats proxy')
proxy.before(async context => {
  context.lab = (await openSharedLab()).lab
})

proxy(
  'serves the cAdvisor series of every node to Prometheus, with OpenTelemetry labels and no working set',
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
          JSON.stringify(labels),
        )
        assert.equal(labels['container'] ?? labels['pod'] ?? labels['id'], undefined)
      }
      const periods = await lab.query('container_cpu_cfs_periods_total{k8s_container_name="app"}')
      assert(periods.length >= 20, `${periods.length} series`)
    })
    assert.deepEqual(await lab.query('container_memory_working_set_bytes{job="kubelet-cadvisor"}'), [])
  },
)

proxy('serves metrics that promtool accepts', async ({ lab }) => {
  const promtool = await programPath('promtool')
  for (const path of ['metrics', 'metrics/cadvisor', 'metrics/resource', 'metrics/probes', 'metrics/slis']) {
    const input = await (await fetch(kubeletUrl(lab, `/nodes/kwok-node-0000/${path}`))).text()
    const { stderr } = spawnSync(promtool, ['check', 'metrics'], { input, encoding: 'utf8' })
    // What it finds fault with are names of cAdvisor and of the kubelet.
    const faults = stderr
      .split('\n')
      .filter(
        line =>
          line !== '' &&
          !/^(container_memory_failcnt counter|kubelet_\w+_renew_errors counter|cadvisor_version_info label|container_fs_inodes_total non)/.test(
            line,
          ),
      )
    assert.deepEqual(faults, [], path)
  }
})

proxy('serves the log of a pod', async ({ lab }) => {
  const node = kubeletUrl(lab, '/nodes/kwok-node-0000')
  const { items } = (await (await fetch(`${node}/runningpods/`)).json()) as {
    items: { metadata: { namespace: string; name: string }; spec: { containers: { name: string }[] } }[]
  }
  const { metadata, spec } = items[0] ?? assert.fail('no pods')
  const log = `${node}/containerLogs/${metadata.namespace}/${metadata.name}/${spec.containers[0]?.name}`
  const lines = (await (await fetch(log)).text()).split('\n')
  assert.match(lines[0] ?? '', /msg=starting /)
  assert(lines.length > 4, lines.join('\n'))
})

proxy('serves host metrics of every node that agree with its summary', async ({ lab }) => {
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
  'works with the kubelet_stats receiver with all groups, optional metrics and labels, without a warning',
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
          endpoint: kubeletUrl(lab, '/nodes/kwok-node-0000'),
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
      await waitFor('all metrics', () => {
        for (const name of wanted) assert(said.includes(`-> Name: ${name}\n`), name)
        assert.match(said, /-> container\.id: Str\([0-9a-f]{64}\)/)
      })
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

proxy.run()
