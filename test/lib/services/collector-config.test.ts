import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import { parse } from 'yaml'
import { kubeconfigText } from '../../../lib/lab/kubeconfig.ts'
import { projectDir } from '../../../lib/lab/lab.ts'
import { signCertificate } from '../../../lib/lab/lab-certificates.ts'
import { programPath } from '../../../lib/programs/ensure-programs.ts'
import { type CollectorInput, collectorConfig } from '../../../lib/services/collector-config.ts'
import { run } from '../../../lib/system/run.ts'
import { tempDir } from '../../support/temp-lab.ts'
import { testCa } from '../kube/ca.ts'
import { CERTIFICATE } from '../kube/tls.ts'

const base = readFileSync(join(projectDir, 'kwok-config', 'kwok-otel-collector.yaml'), 'utf8')
/** Nodes with their addresses, the first 198.18.0.1. */
const at = (names: readonly string[]) =>
  new Map(names.map((name, index) => [name, `198.18.${index >> 8}.${(index & 255) + 1}`]))
const kubeletTls = { ca_file: '/ca.crt', cert_file: '/client.crt', key_file: '/client.key' }
const given: CollectorInput = {
  clusterName: 'unit',
  hostName: 'machine',
  intervalMs: 15_000,
  measuresCluster: true,
  nodes: at(['node-b', 'node-a', 'node-c']),
  kubeletTls,
  otlpGrpcEndpoint: '127.0.0.1:2',
  otlpHttpEndpoint: '127.0.0.1:3',
  metricsUrl: 'http://127.0.0.1:4/api/v1/otlp/v1/metrics',
  tracesEndpoints: { jaeger: '127.0.0.1:5' },
}
const rendered = (input: Partial<CollectorInput> = {}) => parse(collectorConfig(base, { ...given, ...input }))

const configs = suite('collectorConfig()')

configs('gives each node its receiver, and removes the template', () => {
  const { receivers, service } = rendered()
  const { kubelet_stats: kubeletStats } = parse(base).receivers
  const kubelets = ['node-a', 'node-b', 'node-c']
  assert.deepEqual(Object.keys(receivers), [
    'k8s_cluster',
    'host_metrics',
    'otlp',
    ...kubelets.map(node => `kubelet_stats/${node}`),
  ])
  for (const [index, node] of kubelets.entries()) {
    assert.deepEqual(receivers[`kubelet_stats/${node}`], {
      ...kubeletStats,
      ...kubeletTls,
      endpoint: ['https://198.18.0.2:10250', 'https://198.18.0.1:10250', 'https://198.18.0.3:10250'][index],
      collection_interval: '15s',
      initial_delay: ['1s', '1020ms', '1040ms'][index],
    })
  }
  assert.deepEqual(service.pipelines['metrics/kubernetes'].receivers, [
    'k8s_cluster',
    ...kubelets.map(node => `kubelet_stats/${node}`),
  ])
})

configs('spreads the scrapes of many nodes over the interval', () => {
  const nodes = Array.from({ length: 3_000 }, (_, index) => `node-${String(index).padStart(4, '0')}`)
  const { receivers } = rendered({ nodes: at(nodes) })
  const delays = nodes.map(node => receivers[`kubelet_stats/${node}`].initial_delay)
  assert.deepEqual([delays[0], delays[1], delays[1_500], delays[2_999]], ['1s', '1004ms', '7s', '12996ms'])
})

configs('gives the same text for the same nodes in any order, and does not change the list', () => {
  const nodes = at(['c', 'a', 'b'])
  const text = (from: ReadonlyMap<string, string>) => collectorConfig(base, { ...given, nodes: from })
  const first = text(nodes)
  assert.equal(first, text(new Map([...nodes].reverse())))
  assert.notEqual(first, text(new Map([...nodes].slice(1))))
  assert.notEqual(first, text(new Map([...nodes, ['b', '198.18.0.9']])), 'another address')
  assert.deepEqual([...nodes.keys()], ['c', 'a', 'b'])
})

configs('verifies the kubelets’ certificates', () =>
  assert.doesNotMatch(collectorConfig(base, given), /insecure_skip_verify|auth_type: none/),
)

configs('has no YAML aliases', () => assert.doesNotMatch(collectorConfig(base, given), /[&*]a\d/))

configs('collects everything at the interval', () => {
  const { receivers, service } = rendered({ intervalMs: 1_500 })
  for (const name of ['k8s_cluster', 'host_metrics', 'kubelet_stats/node-a']) {
    assert.equal(receivers[name].collection_interval, '1500ms', name)
  }
  assert.equal(service.telemetry.metrics.readers[0].periodic.interval, 1_500)
})

configs('adds the cluster to all metrics, and the host to those of the machine', () => {
  const { processors, service } = rendered()
  const upsert = (key: string, value: string) => ({ attributes: [{ key, value, action: 'upsert' }] })
  assert.deepEqual(processors['resource/cluster'], upsert('k8s.cluster.name', 'unit'))
  assert.deepEqual(processors['resource/host'], upsert('host.name', 'machine'))
  for (const [name, pipeline] of Object.entries<{ processors: string[] }>(service.pipelines)) {
    assert(pipeline.processors.includes('resource/cluster'), name)
    assert.equal(pipeline.processors.includes('resource/host'), name === 'metrics/host', name)
  }
  assert.deepEqual(service.telemetry.resource, { 'k8s.cluster.name': 'unit' })
})

configs('never overwrites the node’s name on all resources', () => {
  assert.doesNotMatch(JSON.stringify(rendered().processors), /"key":"k8s\.node\.name"/)
})

configs('adds workload and node names by the pod’s UID to kubelet metrics', () => {
  const { processors, service } = rendered()
  assert.deepEqual(processors.k8s_attributes.pod_association, [
    { sources: [{ from: 'resource_attribute', name: 'k8s.pod.uid' }] },
  ])
  for (const name of ['k8s.node.name', 'k8s.deployment.name', 'k8s.statefulset.name', 'k8s.daemonset.name']) {
    assert(processors.k8s_attributes.extract.metadata.includes(name), name)
  }
  assert(service.pipelines['metrics/kubernetes'].processors.includes('k8s_attributes'))
})

configs('listens and sends only on the given addresses', () => {
  const config = rendered()
  assert.deepEqual(config.receivers.otlp.protocols, {
    grpc: { endpoint: '127.0.0.1:2' },
    http: { endpoint: '127.0.0.1:3' },
  })
  assert.equal(config.exporters.otlp_http.metrics_endpoint, given.metricsUrl)
  assert.equal(config.service.telemetry.metrics.readers[0].periodic.exporter.otlp.endpoint, given.metricsUrl)
  assert.doesNotMatch(collectorConfig(base, given), /0\.0\.0\.0|:9090|:4317|:4318/)
})

configs('has no receiver for no nodes', () => {
  const { receivers, service } = rendered({ nodes: at([]) })
  assert.deepEqual(Object.keys(receivers), ['k8s_cluster', 'host_metrics', 'otlp'])
  assert.deepEqual(service.pipelines['metrics/kubernetes'].receivers, ['k8s_cluster'])
})

const odd = ['ip-10-0-0-1.eu-west-1.compute.internal', '10.0.0.1', '007', 'null', '1e3', 'true', 'a/b c?d#e:f{g}', 'ü']
configs('keeps node names with unusual characters', () => {
  const { receivers, service } = rendered({ nodes: at(odd) })
  for (const [node, address] of at(odd)) {
    assert.equal(receivers[`kubelet_stats/${node}`].endpoint, `https://${address}:10250`)
    assert(service.pipelines['metrics/kubernetes'].receivers.includes(`kubelet_stats/${node}`))
  }
})

const validates = async (nodes: string[]) => {
  const dir = tempDir()
  const [file, kubeconfig] = [join(dir, 'otelcol.yaml'), join(dir, 'kubeconfig')] as const
  const { certificate, key } = await signCertificate({ name: 'client', groups: [], ...(await testCa()) })
  const tls = { ca_file: join(dir, 'ca'), cert_file: join(dir, 'cert'), key_file: join(dir, 'key') }
  for (const [path, text] of [
    [tls.ca_file, CERTIFICATE],
    [tls.cert_file, certificate],
    [tls.key_file, key],
  ] as const) {
    writeFileSync(path, text)
  }
  writeFileSync(file, collectorConfig(base, { ...given, nodes: at(nodes), kubeletTls: tls }))
  const cluster = { context: 'unit', server: 'https://127.0.0.1:1', caPem: CERTIFICATE, user: 'u', token: 't' }
  writeFileSync(kubeconfig, kubeconfigText(cluster))
  return await run(await programPath('otelcol'), ['validate', `--config=${file}`], {
    env: { ...process.env, KUBECONFIG: kubeconfig },
    nothrow: true,
  })
}

configs('is accepted by the collector, also with unusual names', async () => {
  const { exitCode, stderr } = await validates(['kwok-node-0000', ...odd.slice(0, 6)])
  assert.equal(exitCode, 0, stderr)
})

configs('is accepted by the collector without a node', async () => {
  const { exitCode, stderr } = await validates([])
  assert.equal(exitCode, 0, stderr)
})
configs('sends traces to the given endpoints only', () => {
  const { exporters, service } = rendered({ tracesEndpoints: { jaeger: 'jaeger:4317', lgtm: 'lgtm:4317' } })
  const template = parse(base).exporters['otlp_grpc/jaeger']
  assert.deepEqual(exporters['otlp_grpc/jaeger'], { ...template, endpoint: 'jaeger:4317' })
  assert.deepEqual(exporters['otlp_grpc/lgtm'], { ...template, endpoint: 'lgtm:4317' })
  assert.deepEqual(service.pipelines.traces.exporters, ['otlp_grpc/jaeger', 'otlp_grpc/lgtm'])
  const lgtmAlone = rendered({ tracesEndpoints: { lgtm: 'lgtm:4317' } })
  assert.equal(lgtmAlone.exporters['otlp_grpc/jaeger'], undefined)
  assert.deepEqual(lgtmAlone.service.pipelines.traces.exporters, ['otlp_grpc/lgtm'])
})

configs('in a container reads the machine’s mounted files, and sends events to the given endpoint', () => {
  const processes = rendered()
  assert.equal(processes.receivers.host_metrics.root_path, undefined)
  assert.equal(processes.receivers.k8s_events, undefined)
  assert.equal(processes.service.pipelines['logs/events'], undefined)
  assert.equal(processes.receivers.host_metrics.scrapers.filesystem.include_mount_points, undefined)
  const host = { rootPath: '/hostfs', mountPoint: '/home' }
  const { receivers, exporters, service } = rendered({ host, eventsUrl: 'http://lgtm:4318/v1/logs' })
  assert.equal(receivers.host_metrics.root_path, '/hostfs')
  assert.deepEqual(Object.keys(receivers.host_metrics.scrapers), Object.keys(processes.receivers.host_metrics.scrapers))
  const { include_mount_points: included, ...others } = receivers.host_metrics.scrapers.filesystem
  assert.deepEqual(included, { match_type: 'strict', mount_points: ['/home'] })
  assert.deepEqual(others, processes.receivers.host_metrics.scrapers.filesystem)
  assert.deepEqual(receivers.k8s_events, { auth_type: 'kubeConfig' })
  assert.equal(exporters.otlp_http.logs_endpoint, 'http://lgtm:4318/v1/logs')
  assert.deepEqual(service.pipelines['logs/events'], {
    receivers: ['k8s_events'],
    processors: ['memory_limiter', 'resource/cluster', 'batch'],
    exporters: ['otlp_http'],
  })
})

configs.run()
