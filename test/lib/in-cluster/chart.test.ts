import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse, parseAllDocuments } from 'yaml'
import { withoutDigest } from '../../../lib/docker/images.ts'
import { inClusterValues, requireSafeCluster } from '../../../lib/in-cluster/in-cluster.ts'
import { labImage } from '../../../lib/in-cluster/lab-image.ts'
import { clusterPrometheusConfig } from '../../../lib/k3d/k3d-prometheus.ts'
import { fields, items } from '../../../lib/kube/json.ts'
import { openLab, projectDir } from '../../../lib/lab/lab.ts'
import { ensurePrograms, programPath } from '../../../lib/programs/programs.ts'
import { versions } from '../../../lib/programs/versions.ts'
import { run } from '../../../lib/system/run.ts'
import { readYamlDocuments } from '../../../lib/system/yaml-files.ts'
import { suite } from '../../support/suite.ts'
import { tempDir } from '../../support/temp-lab.ts'

const chart = join(projectDir, 'charts', 'kube-otel-lab')
const tests = suite('charts/kube-otel-lab')
let helm = ''

tests.before(async () => {
  helm = (await ensurePrograms(['helm'])).helm.path
})

async function template(...sets: string[]) {
  const args = ['template', 'kube-otel-lab', chart, '-n', 'lab', '--kube-version', versions.kubernetes]
  return await run(helm, [...args, ...sets.flatMap(set => ['--set', set])], { nothrow: true })
}

async function objects(...sets: string[]): Promise<Record<string, unknown>[]> {
  const { exitCode, stdout, stderr } = await template(...sets)
  assert.equal(exitCode, 0, stderr)
  return parseAllDocuments(stdout)
    .map(document => fields(document.toJS()))
    .filter(({ kind }) => kind !== undefined)
}

const nameOf = (object: Record<string, unknown>) => String(fields(object['metadata'])['name'])
const specOf = (all: Record<string, unknown>[], kind: string, name: string) =>
  fields(all.find(each => each['kind'] === kind && nameOf(each) === name)?.['spec'])

tests('passes helm lint', async () => {
  const { exitCode, stdout } = await run(helm, ['lint', '--strict', chart, '--kube-version', versions.kubernetes], {
    nothrow: true,
  })
  assert.equal(exitCode, 0, stdout)
})

for (const [set, problem] of [
  ['shards=0', /shards/],
  ['shards=three', /shards/],
  ['nodePrefix=Sim_', /nodePrefix/],
  ['collectionIntervalMs=10', /collectionIntervalMs/],
  ['usagePreset=wild', /usagePreset/],
  ['otlp.endpoint=lgtm:4318', /otlp/],
  ['persistence.size=much', /persistence/],
  ['pods.namespaces={a,a}', /namespaces/],
  ['shard=3', /shard/],
] as const) {
  tests(`refuses ${set}`, async () => {
    const { exitCode, stderr } = await template(set)
    assert.notEqual(exitCode, 0)
    assert.match(stderr, problem)
  })
}

tests('refuses a cluster that is too old', async () => {
  const { exitCode, stderr } = await run(helm, ['template', 'x', chart, '--kube-version', '1.29.0'], { nothrow: true })
  assert.notEqual(exitCode, 0)
  assert.match(stderr, /kubeVersion: >=1\.30/)
})

tests('shares the pods among the namespaces', async () => {
  const all = await objects('pods.count=10', 'pods.namespaces={x,y,z}')
  const loads = all.filter(each => each['kind'] === 'Deployment' && nameOf(each) === 'load')
  assert.deepEqual(
    loads.map(({ spec }) => fields(spec)['replicas']),
    [4, 3, 3],
  )
})

tests('has as many stats proxies as collectors, with a volume or without', async () => {
  const kept = await objects('shards=5', 'persistence.storageClassName=fast')
  for (const name of ['stats-proxy', 'collector']) assert.equal(specOf(kept, 'StatefulSet', name)['replicas'], 5)
  const [claim] = items(specOf(kept, 'StatefulSet', 'stats-proxy')['volumeClaimTemplates']).map(fields)
  assert.equal(fields(claim?.['spec'])['storageClassName'], 'fast')
  const lost = await objects('persistence.enabled=false')
  assert.equal(specOf(lost, 'StatefulSet', 'stats-proxy')['volumeClaimTemplates'], undefined)
})

tests('takes headers from Secrets', async () => {
  const all = await objects(
    'otlp.headers[0].name=Authorization',
    'otlp.headers[0].secret.name=s',
    'otlp.headers[0].secret.key=k',
  )
  const map = all.find(each => each['kind'] === 'ConfigMap' && nameOf(each) === 'collector')
  const config = parse(String(fields(map?.['data'])['otelcol.yaml']))
  assert.deepEqual(config.exporters.otlp_http.headers, { Authorization: '${env:OTLP_HEADER_0}' })
  assert.doesNotMatch(JSON.stringify(map), /"s"/)
})

tests('uses components that the collector has which the lab builds, but for events', async () => {
  const all = await objects('events=false')
  const maps = all.filter(each => each['kind'] === 'ConfigMap' && nameOf(each).endsWith('collector'))
  const configs = maps.map(map => fields(parse(String(fields(map['data'])['otelcol.yaml']))))
  assert.equal(configs.length, 2)
  const pinned = parse(readFileSync(join(projectDir, 'kwok-config', 'go', 'otelcol', 'builder.yaml'), 'utf8'))
  for (const kind of ['extensions', 'receivers', 'processors', 'exporters']) {
    const modules = items(pinned[kind]).map(each => String(fields(each)['gomod']).split(' ')[0]?.split('/').at(-1))
    for (const key of configs.flatMap(config => Object.keys(fields(config[kind])))) {
      const word = key.split('/')[0]?.replaceAll('_', '') ?? ''
      assert(modules.includes(word) || modules.includes(`${word}${kind.slice(0, -1)}`), `${kind}: ${key}`)
    }
  }
})

tests('has the images that the lab pins, and accepts the values that the lab gives', async () => {
  const env = { IMAGE_PREFIX: 'mirror.example/lab' }
  const lab = openLab({
    flags: { kubeContext: 'c', otlpEndpoint: 'https://otlp.example', storageClass: 'none' },
    env,
    kind: 'context',
  })
  const values = parse(inClusterValues(lab, {}))
  const defaults = parse(readFileSync(join(chart, 'values.yaml'), 'utf8'))
  assert.deepEqual(
    Object.fromEntries(Object.entries(values.images).map(([name, image]) => [name, withoutDigest(String(image))])),
    defaults.images,
  )
  assert.equal(labImage(env), 'mirror.example/lab/kube-otel-lab/kube-otel-lab:0.1.0')
  assert.deepEqual(values.otlp, { endpoint: 'https://otlp.example' })
  assert.deepEqual(values.persistence, { enabled: false })
  assert.deepEqual(values.prometheus, { enabled: false, serviceAccounts: [] })
  const both = openLab({ flags: { kubeContext: 'c', metrics: 'both' }, env, kind: 'context' })
  const serviceAccounts = [{ name: 'lgtm', namespace: 'otel-lab' }]
  assert.deepEqual(parse(inClusterValues(both, {})).prometheus, { enabled: true, serviceAccounts })
  const single = openLab({ flags: { kubeContext: 'c', metrics: 'prometheus' }, env, kind: 'context' })
  await assert.rejects(requireSafeCluster(single), /^UsageError: METRICS=prometheus is invalid inside a cluster/)
  const { version, appVersion } = parse(readFileSync(join(chart, 'Chart.yaml'), 'utf8'))
  assert(labImage({}).endsWith(`:${version}`))
  assert.equal(appVersion, version)
})

tests('has valid scrape jobs of all nodes, and of those of each shard, and no other', async () => {
  const all = await objects(
    ...['prometheus.enabled=true', 'shards=2', 'nodePrefix=fake', 'pods.namespaces={a,b}', 'clusterName=a"b$c'],
  )
  const texts = new Map(
    all.flatMap(({ metadata, data }): [string, string][] => {
      const [, which] = /^scrape-configs-(.+)$/.exec(String(fields(metadata)['name'])) ?? []
      return which === undefined ? [] : [[which, String(fields(data)['scrape-configs.yaml'])]]
    }),
  )
  assert.deepEqual([...texts.keys()].sort(), ['0', '1', 'all'])
  for (const [which, shard] of [
    ['1', '1'],
    ['all', '[0-9]+'],
  ] as const) {
    const jobs = items(parse(texts.get(which) ?? '').scrape_configs).map(fields)
    const kept = jobs.map(({ job_name, relabel_configs, metric_relabel_configs }) => {
      const rules = [...items(relabel_configs), ...items(metric_relabel_configs)].map(fields)
      return [job_name, ...rules.filter(({ action }) => action === 'keep').map(({ regex }) => regex)]
    })
    const names = jobs.flatMap(({ relabel_configs }) =>
      items(relabel_configs)
        .map(fields)
        .filter(({ target_label }) => target_label === 'cluster'),
    )
    assert.deepEqual([...new Set(names.map(({ replacement }) => replacement))], ['a"b$$c'])
    const served = `stats-proxy-${shard}\\.stats-proxy\\.lab\\.svc`
    const state = `kube-state-metrics-${shard};(pods|nodes)`
    const named = (job: string, ...more: unknown[]) => [`kube-otel-lab/${which}/${job}`, ...more]
    assert.deepEqual(kept, [
      ...['', '-metrics-cadvisor', '-metrics-probes', '-metrics-slis'].map(path => named(`kubelet${path}`, served)),
      named('kube-state-metrics', state, '(a|b)?;(fake-.*)?'),
      named('kube-state-metrics-telemetry', `${state}-telemetry`),
      named('node-exporter', served),
    ])
    const base = readYamlDocuments(join(projectDir, 'kwok-config', 'prometheus.yaml'))[0]
    const given = { prometheusBase: base, clusterName: 'c', intervalMs: 5_000, insecureTls: false }
    const config = clusterPrometheusConfig({ ...given, simulatedCa: 'none', moreJobs: jobs })
    const folder = tempDir()
    writeFileSync(join(folder, 'prometheus.yaml'), config.replaceAll('ca: none', 'insecure_skip_verify: true'))
    await run(await programPath('promtool'), ['check', 'config', '--syntax-only', join(folder, 'prometheus.yaml')])
  }
  assert.doesNotMatch(JSON.stringify(await objects()), /kube-state-metrics|scrape-configs/)
})

tests('shares the objects among as many kube-state-metrics as there are shards, each once', async () => {
  const all = await objects('prometheus.enabled=true', 'shards=3', 'pods.namespaces={a,b}')
  const { replicas, template: pod } = specOf(all, 'StatefulSet', 'kube-state-metrics')
  assert.equal(replicas, 3)
  const containers = items(fields(fields(pod)['spec'])['containers']).map(fields)
  const [pods = [], nodes = []] = containers.map(({ args }) => items(args).map(String))
  for (const args of [pods, nodes]) assert(args.includes('--shard=$(POD_INDEX)') && args.includes('--total-shards=3'))
  assert(pods.includes('--namespaces=a,b'), String(pods))
  assert(nodes.includes('--resources=namespaces,nodes') && !nodes.some(each => each.startsWith('--namespaces')))
  const kinds = (args: string[]) => args[0]?.replace('--resources=', '').split(',') ?? []
  assert(kinds(pods).includes('pods') && !kinds(pods).some(kind => kinds(nodes).includes(kind)), String(pods))
})

tests('gives the components the rights that the documentation lists', async () => {
  const all = await objects('prometheus.enabled=true')
  const rows: string[] = []
  for (const { kind, metadata, rules } of all) {
    const { name, namespace } = fields(metadata)
    if (kind !== 'ClusterRole' && kind !== 'Role') continue
    // The same in each namespace of simulated pods.
    if (String(namespace).startsWith('sim-team-') && namespace !== 'sim-team-a') continue
    const where =
      namespace === undefined
        ? 'every namespace'
        : namespace === 'lab'
          ? 'its own'
          : namespace === 'sim-team-a'
            ? 'those of simulated pods'
            : `\`${namespace}\``
    const texts = items(rules)
      .map(fields)
      .map(({ verbs, resources, resourceNames, nonResourceURLs }) => {
        const only = resourceNames === undefined ? '' : ` (${items(resourceNames).join(', ')})`
        return `${items(verbs).join(', ')} ${items(resources ?? nonResourceURLs).join(', ')}${only}`
      })
    rows.push(`| ${String(name).replace('kube-otel-lab-', '')} | ${where} | ${texts.join('; ')} |`)
  }
  const page = readFileSync(join(projectDir, 'docs', 'in-cluster.md'), 'utf8')
  assert.deepEqual(
    page
      .split('\n')
      .filter(line =>
        /^\| (kwok|stats-proxy|collector|cluster-collector|kube-state-metrics|prometheus|scenarios) \| /.test(line),
      ),
    rows,
  )
})

tests('runs every container as Pod Security restricted demands', async () => {
  const all = await objects('pods.count=4', 'prometheus.enabled=true')
  const pods = all
    .filter(({ kind }) => kind === 'Deployment' || kind === 'StatefulSet')
    .map(({ spec }) => fields(fields(fields(spec)['template'])['spec']))
  assert.equal(pods.length, 9)
  for (const pod of pods) {
    const { runAsNonRoot, seccompProfile } = fields(pod['securityContext'])
    assert.deepEqual([runAsNonRoot, seccompProfile], [true, { type: 'RuntimeDefault' }])
    for (const container of [...items(pod['initContainers']), ...items(pod['containers'])].map(fields)) {
      const { allowPrivilegeEscalation, capabilities } = fields(container['securityContext'])
      assert.deepEqual([allowPrivilegeEscalation, capabilities], [false, { drop: ['ALL'] }])
    }
  }
})
tests.run()
