import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { suite } from 'uvu'
import { parse, stringify } from 'yaml'
import { resolveSettings } from '../../../lib/cli/settings.ts'
import { pinnedImages, withoutDigest } from '../../../lib/docker/images.ts'
import { chartArgs, installArgs, recoveryOf, uninstallArgs } from '../../../lib/k3d/helm.ts'
import { applyCollectors, collectorValues, imageValues, releases } from '../../../lib/k3d/helm-collectors.ts'
import { k3dConfig, k3dImageEnv, mappedPorts } from '../../../lib/k3d/k3d-cluster.ts'
import { demoObjects } from '../../../lib/k3d/k3d-demo.ts'
import { lgtmObjects } from '../../../lib/k3d/k3d-lgtm.ts'
import { clusterPrometheusConfig } from '../../../lib/k3d/k3d-prometheus.ts'
import { forwardArgs } from '../../../lib/k3d/port-forward.ts'
import { rolloutOf } from '../../../lib/k3d/rollout.ts'
import { fields, items } from '../../../lib/kube/json.ts'
import { openLab, projectDir, removeLabDir } from '../../../lib/lab/lab.ts'
import { programPath } from '../../../lib/programs/programs.ts'
import { versions } from '../../../lib/programs/versions.ts'
import { run } from '../../../lib/system/run.ts'
import { readYamlDocuments } from '../../../lib/system/yaml-files.ts'
import { assertSays } from '../../support/lab.ts'
import { importTask } from '../../support/task.ts'
import { tempDir } from '../../support/temp-lab.ts'

// biome-ignore lint/suspicious/noExplicitAny: files of the project, in which the tests look up fields
const read = (path: string): any[] => readYamlDocuments(join(projectDir, path))
const valuesOf = (release: string) => read(`k3d-config/${release.replace('otel-lab', 'otel-collector')}.values.yaml`)[0]
const given = {
  image: pinnedImages.otelcol,
  clusterName: 'one',
  intervalMs: 20_000,
  insecureTls: false,
  podsReadable: true,
}

const config = suite('k3dConfig()')
config("sets name, ports and the dashboards' folder, and keeps a user's additions", () => {
  const settings = resolveSettings({ flags: { grafanaPort: '3100', prometheusPort: '9190' }, env: {} })
  const [base] = read('k3d-config/k3d.yaml')
  base.ports.push({ port: '127.0.0.1:8080:80', nodeFilters: ['loadbalancer'] })
  const made = parse(k3dConfig(base, { name: 'small', settings, dashboardsDir: '/d' }))
  assert.equal(made.metadata.name, 'small')
  assert.deepEqual(
    made.ports.map(({ port }: { port: string }) => port),
    [
      '127.0.0.1:3100:30300',
      '127.0.0.1:9190:30909',
      '127.0.0.1:4317:30317',
      '127.0.0.1:4318:30318',
      '127.0.0.1:8080:80',
    ],
  )
  assert.deepEqual(made.volumes, [{ volume: '/d:/var/lib/kube-otel-lab/dashboards:ro', nodeFilters: ['all'] }])
  assert.deepEqual([made.image, made.options], [base.image, base.options])
})
config('takes the nodes’ images from the mirror in IMAGE_PREFIX, and keeps a user’s registries', () => {
  const settings = resolveSettings({ flags: {}, env: {} })
  const [base] = read('k3d-config/k3d.yaml')
  const { image } = base
  const given = { name: 'small', settings, dashboardsDir: '/d', imagePrefix: 'mirror.example/lab' }
  const made = parse(k3dConfig(base, given))
  assert.equal(made.image, image.replace('docker.io/', 'mirror.example/lab/'))
  assert.deepEqual(parse(made.registries.config), {
    mirrors: { 'docker.io': { endpoint: ['https://mirror.example'], rewrite: { '^(.*)$': 'lab/$1' } } },
  })
  const bare = parse(k3dConfig(base, { ...given, imagePrefix: 'mirror.example' }))
  assert.deepEqual(parse(bare.registries.config), {
    mirrors: { 'docker.io': { endpoint: ['https://mirror.example'] } },
  })
  const registries = { use: ['mine'] }
  assert.deepEqual(parse(k3dConfig({ ...base, registries }, given)).registries, registries)
})
config('names k3d’s own images at the mirror', () => {
  assert.deepEqual(k3dImageEnv(''), {})
  assert.deepEqual(k3dImageEnv('mirror.example/lab'), {
    K3D_IMAGE_LOADBALANCER: `mirror.example/lab/k3d-io/k3d-proxy:${versions.k3d}`,
    K3D_IMAGE_TOOLS: `mirror.example/lab/k3d-io/k3d-tools:${versions.k3d}`,
  })
})
config('sets only the image of the demo', () => {
  const base = read('k3d-config/demo.yaml')
  const made = demoObjects(base, 'mirror.example/node:1')
  assert.deepEqual(JSON.parse(JSON.stringify(made).replaceAll('mirror.example/node:1', pinnedImages.node)), base)
  assert.equal(JSON.stringify(made).split('mirror.example/node:1').length - 1, 2)
})
config('maps each port to one of the Service on the nodes', () => {
  const [{ spec }] = read('k3d-config/lgtm-host.yaml')
  assert.deepEqual(
    spec.ports.map(({ nodePort }: { nodePort: number }) => nodePort),
    mappedPorts.map(([, nodePort]) => nodePort),
  )
})
config.run()

const args = suite('arguments')
args('of Helm name the chart by repository, registry or path, and always the cluster', () => {
  const chart = 'https://charts.example'
  const named = ['opentelemetry-collector', '--repo', chart, '--version', '0.170.0']
  assert.deepEqual(chartArgs(chart), named)
  assert.deepEqual(chartArgs('oci://r.example/c'), ['oci://r.example/c', '--version', '0.170.0'])
  assert.deepEqual(chartArgs('/charts/c.tgz'), ['/charts/c.tgz'])
  assert.deepEqual(installArgs('r', { context: 'c', chart, valuesPath: '/v.yaml', mark: 'm 1' }), [
    ...['upgrade', 'r', ...named, '--install', '--kube-context', 'c', '--namespace', 'otel-lab'],
    ...['--values', '/v.yaml', '--description', 'm 1', '--history-max', '2', '--timeout', '2m'],
  ])
  const at = ['--kube-context', 'c', '--namespace', 'otel-lab']
  assert.deepEqual(uninstallArgs('r', 'c'), ['uninstall', 'r', ...at, '--wait', '--timeout', '2m'])
})
args('of Helm go on from the revision that was deployed, and uninstall a release without one', () => {
  for (const [statuses, recovery] of [
    [[], 'nothing'],
    [['superseded', 'deployed'], 'nothing'],
    [['deployed', 'failed'], 'nothing'],
    [['deployed', 'pending-upgrade'], 1],
    // A failed upgrade, then one that was interrupted; and one that was interrupted between its last two writes.
    [['deployed', 'failed', 'pending-upgrade'], 1],
    [['superseded', 'pending-upgrade'], 1],
    [['superseded', 'deployed', 'pending-rollback'], 2],
    [['superseded', 'failed'], 1],
    [['pending-install'], 'uninstall'],
    [['failed'], 'uninstall'],
    [['superseded', 'uninstalling'], 'uninstall'],
  ] as const) {
    const revisions = statuses.map((status, index) => ({ revision: index + 1, status }))
    assert.equal(recoveryOf(revisions), recovery, statuses.join())
  }
})
args('of kubectl open ports only on 127.0.0.1', () => {
  assert.deepEqual(
    forwardArgs([
      [0, 9090],
      [3100, 3000],
    ]),
    [...['port-forward', '--namespace', 'otel-lab', '--address', '127.0.0.1', 'service/lgtm', ':9090', '3100:3000']],
  )
})
args.run()

const tasks = suite('k3d')
const runTask = (task: string, env: NodeJS.ProcessEnv) => importTask(`${task}.ts`, [], { env })
const name = `unit-${process.pid}`
const dir = openLab({ flags: { clusterName: name }, env: {}, kind: 'context' }).dir

/** A k3d that writes down what it was called with, and says what it is told to. */
function recordingK3d(list: string): { env: NodeJS.ProcessEnv; calls: () => string[] } {
  const folder = tempDir()
  const program = join(folder, 'k3d')
  const log = join(folder, 'calls')
  writeFileSync(program, `#!/bin/sh\necho "$*" >> ${log}\ncase "$2" in list) ${list};; esac\n`)
  chmodSync(program, 0o755)
  const ports = Object.fromEntries(
    ['GRAFANA', 'PROMETHEUS', 'OTLP_GRPC', 'OTLP_HTTP'].map((each, index) => [`${each}_PORT`, String(28_471 + index)]),
  )
  const env = {
    ...process.env,
    ...ports,
    K3D_BINARY: program,
    CLUSTER_NAME: name,
    KUBECONFIG: join(folder, 'config'),
    NO_COLOR: '1',
  }
  return { env, calls: () => (existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : []) }
}
tasks.after(() => rmSync(dir, { recursive: true, force: true }))

/** What `k3d cluster list` prints (v5.9.0) of a cluster whose nodes run, or not. */
function clusterList(isRunning: Readonly<Record<'server' | 'agent' | 'loadbalancer', boolean>>): string {
  const nodes = Object.entries(isRunning).map(([role, Running]) => ({
    ...{ name: `k3d-${name}-${role}`, role },
    State: { Running, Status: Running ? 'running' : 'exited', Started: '' },
  }))
  return JSON.stringify([{ name, nodes, serversCount: 1, serversRunning: Number(isRunning.server) }])
}

tasks('creates a cluster by its configuration, keeps an existing one, and deletes it', async () => {
  const first = recordingK3d("echo '[]'")
  const made = await runTask('k3d-create-cluster', first.env)
  assert.equal(made.status, 0, made.stderr)
  const list = 'cluster list --output json'
  assert.deepEqual(first.calls(), [list, `cluster create --config ${join(dir, 'config', 'k3d.yaml')}`])
  const there = recordingK3d(`echo '${clusterList({ server: true, agent: true, loadbalancer: true })}'`)
  const again = await runTask('k3d-create-cluster', there.env)
  assert.deepEqual([again.status, again.stdout], [0, `k3d cluster "${name}" exists, context k3d-${name}\n`])
  assert.deepEqual(there.calls(), [list])
  const other = await runTask('k3d-create-cluster', { ...there.env, GRAFANA_PORT: '28499' })
  assert.deepEqual([other.status, other.stdout], [2, ''])
  assert.match(
    other.stderr,
    /^GRAFANA_PORT=28499 differs from what the cluster was created with: it is 28471 until it is taken down\n {2}Next: make k3d-down CLUSTER_NAME=/,
  )
  const down = await runTask('k3d-down', there.env)
  assert.equal(down.status, 0, down.stderr)
  assert.equal(there.calls().at(-1), `cluster delete ${name}`)
  assert(!existsSync(dir))
})

tasks('starts a cluster with a stopped node', async () => {
  const settings = { grafanaPort: '28471' }
  const record = JSON.stringify({ settings, kwokWorkdir: '', k3dCluster: name, created: true })
  mkdirSync(dir, { recursive: true })
  writeFileSync(join(dir, 'lab.json'), record)
  const all = { server: true, agent: true, loadbalancer: true }
  for (const stopped of ['server', 'agent', 'loadbalancer']) {
    const { env, calls } = recordingK3d(`echo '${clusterList({ ...all, [stopped]: false })}'`)
    const again = await runTask('k3d-create-cluster', env)
    assert.equal(again.status, 0, again.stderr)
    assert.equal(calls().at(-1), `cluster start ${name}`, stopped)
  }
  rmSync(dir, { recursive: true, force: true })
})

tasks('deletes an incomplete cluster and creates it again', async () => {
  const failing = recordingK3d("echo '[]';; create) echo 'FATA[0001] no space left on device' >&2; exit 1")
  const failed = await runTask('k3d-create-cluster', failing.env)
  assert.deepEqual([failed.status, failed.stdout], [1, ''])
  assertSays(
    failed.stderr,
    new RegExp(
      `^k3d could not create cluster "${name}": .*no space left on device\n {2}Next: make k3d-down CLUSTER_NAME=`,
      'm',
    ),
  )
  const half = recordingK3d(`echo '[{"name":"${name}"}]'`)
  const [list, remove] = ['cluster list --output json', `cluster delete ${name}`]
  assert.equal((await runTask('k3d-create-cluster', half.env)).status, 0)
  assert.deepEqual(half.calls(), [list, remove, `cluster create --config ${join(dir, 'config', 'k3d.yaml')}`])
  writeFileSync(
    join(dir, 'lab.json'),
    JSON.stringify({ settings: {}, kwokWorkdir: '', k3dCluster: name, created: false }),
  )
  const down = await runTask('k3d-down', half.env)
  assert.equal(down.status, 0, down.stderr)
  assert.deepEqual(half.calls().slice(3), [list, remove])
  assert(!existsSync(dir))
})

tasks('refuses an unwritable kubeconfig and a used port before anything changes', async () => {
  const { env, calls } = recordingK3d("echo '[]'")
  const unwritable = await runTask('k3d-create-cluster', {
    ...env,
    KUBECONFIG: join(env['K3D_BINARY'] ?? '', 'config'),
  })
  assert.deepEqual([unwritable.status, unwritable.stdout], [1, ''])
  assertSays(unwritable.stderr, /^Cannot write the kubeconfig .*is not a folder\n {2}Next: set KUBECONFIG to a file/)

  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const taken = await runTask('k3d-create-cluster', { ...env, PROMETHEUS_PORT: String(port) })
  server.close()
  assert.deepEqual([taken.status, taken.stdout], [1, ''])
  assertSays(
    taken.stderr,
    new RegExp(
      `^Cannot use port ${port}: it is in use by .*\n {2}Next: set PROMETHEUS_PORT to a free port, or stop that program\n`,
    ),
  )
  assert.deepEqual(new Set(calls()), new Set(['cluster list --output json']))
  assert(!existsSync(dir))
})

tasks('refuses an unknown context, and a cluster that does not answer', async () => {
  const folder = tempDir()
  const kubeconfig = join(folder, 'config')
  const server = { name: 'gone', cluster: { server: 'https://127.0.0.1:9' } }
  // Without any, kubectl would ask for a name and a password.
  const user = { name: 'gone', user: { token: 'none' } }
  const context = { name: 'gone', context: { cluster: 'gone', user: 'gone' } }
  writeFileSync(
    kubeconfig,
    stringify({ apiVersion: 'v1', kind: 'Config', clusters: [server], contexts: [context], users: [user] }),
  )
  for (const task of ['k3d-lgtm', 'k3d-down', 'report', 'view']) {
    const env = { ...process.env, KUBECONFIG: kubeconfig, YES: '1', NO_COLOR: '1' }
    const wrong = await runTask(task, { ...env, KUBE_CONTEXT: 'nowhere' })
    assert.deepEqual([wrong.status, wrong.stdout], [2, ''], task)
    assertSays(
      wrong.stderr,
      /^KUBE_CONTEXT=nowhere is invalid: your kubeconfig has no such context; it has gone\n {2}Next: set KUBE_CONTEXT to one of them/,
    )
    const silent = await runTask(task, { ...env, KUBE_CONTEXT: 'gone' })
    assert.deepEqual([silent.status, silent.stdout], [1, ''], task)
    assertSays(
      silent.stderr,
      /^The cluster of context "gone" does not answer: .*127\.0\.0\.1:9.*\n {2}Next: .*kubectl --context gone version/,
    )
  }
  for (const each of ['nowhere', 'gone'])
    assert(!existsSync(openLab({ flags: { kubeContext: each }, env: {}, kind: 'context' }).dir))
})

tasks('refuses a cluster that the lab did not create, and a machine without Docker, and leaves nothing', async () => {
  const foreign = recordingK3d(`echo '[{"name":"${name}"}]'`)
  const refused = await runTask('k3d-create-cluster', foreign.env)
  assert.deepEqual([refused.status, refused.stdout], [1, ''])
  assert.match(refused.stderr, new RegExp(`^The lab did not create k3d cluster "${name}"\n {2}Next: `))
  const dead = recordingK3d('echo "Cannot connect to the Docker daemon" >&2; exit 1')
  const without = await runTask('k3d-create-cluster', dead.env)
  assert.deepEqual([without.status, without.stdout], [1, ''])
  assert.match(
    without.stderr,
    /^Cannot list the k3d clusters of the Docker engine: Cannot connect to the Docker daemon\n {2}Next: start Docker/,
  )
  assert(!existsSync(dir))
})
tasks.run()

const lgtm = suite('lgtmObjects()')
const lgtmInput = {
  base: read('k3d-config/lgtm.yaml'),
  prometheusBase: read('kwok-config/prometheus.yaml')[0],
  ...given,
  image: 'mirror.example/otel-lgtm:1',
  files: new Map([
    ['json-tempo/pod.json', '{}'],
    ['rules/a.yaml', 'groups: []'],
    ['provisioning/datasources/kube-otel-lab.yaml', 'd'],
    ['provisioning/dashboards/kube-otel-lab.yaml', 'p'],
  ]),
  simulatedPods: 0,
  fromFolder: false,
}
const podOf = (input: typeof lgtmInput) => {
  const { spec } = lgtmObjects(input).find(({ kind }) => kind === 'Deployment') as {
    spec: { template: { metadata: object; spec: Record<string, unknown> } }
  }
  return spec.template
}
lgtm('has the namespace first, a ConfigMap for each dashboard, and the lab’s label on every object', () => {
  const objects = lgtmObjects(lgtmInput)
  assert.equal(objects[0]?.['kind'], 'Namespace')
  for (const object of objects) {
    assert.equal(fields(fields(object['metadata'])['labels'])['app.kubernetes.io/managed-by'], 'kube-otel-lab')
  }
  const names = objects.filter(({ kind }) => kind === 'ConfigMap').map(({ metadata }) => fields(metadata)['name'])
  assert.deepEqual(names, ['lgtm-prometheus', 'lgtm-rules', 'lgtm-provisioning', 'lgtm-dashboard-pod'])
  const dashboards = items(podOf(lgtmInput).spec['volumes'])
    .map(fields)
    .find(volume => volume['name'] === 'dashboards')
  assert.deepEqual(dashboards, {
    name: 'dashboards',
    projected: { sources: [{ configMap: { name: 'lgtm-dashboard-pod' } }] },
  })
})
lgtm('reads the dashboards from the folder of the nodes', () => {
  const volumes = items(podOf({ ...lgtmInput, fromFolder: true }).spec['volumes']).map(fields)
  assert.deepEqual(
    volumes.find(volume => volume['name'] === 'dashboards'),
    {
      name: 'dashboards',
      hostPath: { path: '/var/lib/kube-otel-lab/dashboards', type: 'Directory' },
    },
  )
})
lgtm('runs the given image, looks back three intervals, and gets a new pod when its configuration changes', () => {
  const pod = podOf(lgtmInput)
  const [container] = items(pod.spec['containers']).map(fields)
  assert.equal(container?.['image'], 'mirror.example/otel-lgtm:1')
  // Prometheus reloads rules: verify-alerts adds some while the pod runs.
  const flags = '--query.lookback-delta=60s --enable-feature=auto-reload-config --config.auto-reload-interval=2s'
  assert(items(container?.['env']).some(each => fields(each)['value'] === flags))
  const logged = items(container?.['env']).filter(each => /^ENABLE_LOGS_/.test(String(fields(each)['name'])))
  assert.deepEqual(new Set(logged.map(each => fields(each)['value'])), new Set(['true']))
  assert.deepEqual(pod.metadata, podOf(lgtmInput).metadata)
  assert.notDeepEqual(pod.metadata, podOf({ ...lgtmInput, clusterName: 'two' }).metadata)
})
lgtm('has a ConfigMap for each of the user’s own dashboards, at its path in that folder', () => {
  const files = new Map([...lgtmInput.files, ['own/Team A/über.json', '{"own":1}']])
  for (const fromFolder of [false, true]) {
    const input = { ...lgtmInput, files, fromFolder }
    const own = lgtmObjects(input).find(({ metadata }) => /^lgtm-dashboard-own-/.test(String(fields(metadata)['name'])))
    assert.deepEqual(own?.['data'], { 'dashboard.json': '{"own":1}' })
    const volume = items(podOf(input).spec['volumes'])
      .map(fields)
      .find(each => each['name'] === 'own')
    const configMap = {
      name: fields(own?.['metadata'])['name'],
      items: [{ key: 'dashboard.json', path: 'Team A/über.json' }],
    }
    assert.deepEqual(volume, { name: 'own', projected: { sources: [{ configMap }] } })
  }
  const large = new Map([['own/a/large.json', 'x'.repeat(2 ** 20 + 1)]])
  assert.throws(() => lgtmObjects({ ...lgtmInput, files: large }), /^LabError: a\/large\.json is too large/)
})
lgtm('has more memory with thousands of simulated pods', () => {
  for (const [simulatedPods, memory] of [
    [0, '2Gi'],
    [24, '2Gi'],
    [3_000, '7Gi'],
  ] as const) {
    const [container] = items(podOf({ ...lgtmInput, simulatedPods }).spec['containers']).map(fields)
    assert.deepEqual(container?.['resources'], { requests: { cpu: '250m', memory: '768Mi' }, limits: { memory } })
  }
})
lgtm('refuses a dashboard that is too large for a ConfigMap', () => {
  const files = new Map([...lgtmInput.files, ['json-tempo/large.json', 'x'.repeat(2 ** 20 + 1)]])
  assert.throws(() => lgtmObjects({ ...lgtmInput, files }), /^LabError: large\.json is too large for a ConfigMap/)
})
lgtm('names the pinned image in its manifest', () => {
  const deployment = lgtmInput.base.find(({ kind }) => kind === 'Deployment')
  assert(JSON.stringify(deployment).includes(withoutDigest(pinnedImages.lgtm)))
})
lgtm('has a valid Prometheus configuration that checks the kubelets’ certificates', async () => {
  const made = parse(clusterPrometheusConfig(lgtmInput))
  const [, cadvisor] = made.scrape_configs
  assert.equal(cadvisor.tls_config.insecure_skip_verify, false)
  const { proxy_url: proxy, scheme, metrics_path: path } = cadvisor
  assert.deepEqual([proxy, scheme, path], [undefined, 'https', '/metrics/cadvisor'])
  // Those are files of the pod.
  const folder = tempDir()
  const local = JSON.stringify(made).replaceAll('/var/run/secrets/kubernetes.io/serviceaccount', folder)
  for (const file of ['token', 'ca.crt', 'prometheus.yaml'])
    writeFileSync(join(folder, file), file === 'prometheus.yaml' ? local : '')
  await run(await programPath('promtool'), ['check', 'config', '--syntax-only', join(folder, 'prometheus.yaml')])
})
lgtm.run()

const images = suite('imageValues()')
for (const [reference, ...parts] of [
  ['docker.io/otel/collector:1.2', 'docker.io/otel/collector', '1.2', undefined],
  ['localhost:5000/collector', 'localhost:5000/collector', undefined, undefined],
  ['localhost:5000/collector:1', 'localhost:5000/collector', '1', undefined],
  ['collector@sha256:0f', 'collector', undefined, 'sha256:0f'],
  ['localhost:5000/collector:1@sha256:0f', 'localhost:5000/collector', '1', 'sha256:0f'],
] as const) {
  images(`splits ${reference}`, () => {
    const { repository, tag, digest } = imageValues(reference)
    assert.deepEqual([repository, tag, digest], parts)
  })
}
images.run()

const values = suite('collectorValues()')
/** What the collector that is built here does not have. */
const lacking = { extensions: 'health_check', receivers: 'k8s_events', pipelines: 'logs' }
for (const release of releases) {
  values(`${release} has a valid collector configuration`, async () => {
    const config = parse(collectorValues(valuesOf(release), given)).alternateConfig
    delete config.extensions[lacking.extensions]
    delete config.receivers[lacking.receivers]
    delete config.service.pipelines[lacking.pipelines]
    config.service.extensions = []
    // On a node it is the node's.
    if (config.receivers.host_metrics !== undefined) config.receivers.host_metrics.root_path = '/'
    // As it starts it reads the files of the pod's service account.
    if (config.receivers.kubelet_stats !== undefined) config.receivers.kubelet_stats.auth_type = 'none'
    const file = join(tempDir(), 'config.yaml')
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, stringify(config))
    const env = { ...process.env, MY_POD_IP: '127.0.0.1', K8S_NODE_NAME: 'node', K8S_NODE_IP: '127.0.0.1' }
    await run(await programPath('otelcol'), ['validate', '--config', file], { env })
  })
  values(`${release} has the cluster's name and the interval everywhere, and the pinned image`, () => {
    const made = parse(collectorValues(valuesOf(release), given))
    const { receivers, processors, service } = made.alternateConfig
    for (const receiver of Object.values(receivers).map(fields)) {
      if ('collection_interval' in receiver) assert.equal(receiver['collection_interval'], '20s')
    }
    assert.equal(processors['resource/cluster'].attributes[0].value, 'one')
    assert.equal(service.telemetry.resource['k8s.cluster.name'], 'one')
    assert.equal(service.telemetry.metrics.readers[0].periodic.interval, 20_000)
    assert.equal(`${made.image.repository}:${made.image.tag}`, pinnedImages.otelcol)
    const base = valuesOf(release).image
    assert.equal(`${base.repository}:${base.tag}`, pinnedImages.otelcol)
  })
  values(`${release} waits for metadata of pods as long as the collector of the KWOK lab`, () => {
    const [kwok] = read('kwok-config/kwok-otel-collector.yaml')
    const { wait_for_metadata, wait_for_metadata_timeout } = kwok.processors.k8s_attributes
    const ours = parse(collectorValues(valuesOf(release), given)).alternateConfig.processors.k8s_attributes
    assert.equal(ours.wait_for_metadata, wait_for_metadata)
    assert.equal(ours.wait_for_metadata_timeout, wait_for_metadata_timeout)
    assert.equal(wait_for_metadata_timeout, '10m')
  })
  values(`${release} only reads, and cannot run commands in pods`, () => {
    for (const { resources, verbs } of valuesOf(release).clusterRole.rules) {
      assert(!resources.includes('nodes/proxy'))
      for (const verb of verbs) assert(['get', 'list', 'watch'].includes(verb), verb)
    }
  })
}
values('leaves out the volume type for older kubelets, and checks certificates by default', () => {
  const receiver = (more: object) =>
    parse(collectorValues(valuesOf('otel-lab-daemonset'), { ...given, ...more })).alternateConfig.receivers
      .kubelet_stats
  assert.deepEqual(receiver({}).extra_metadata_labels, ['k8s.volume.type'])
  assert.equal(receiver({}).insecure_skip_verify, false)
  assert(!('extra_metadata_labels' in receiver({ podsReadable: false })))
  assert.equal(receiver({ insecureTls: true }).insecure_skip_verify, true)
})

values('leave out PVC names on a cluster before 1.33, and report it', async () => {
  const folder = tempDir()
  const program = (file: string, script: string) => {
    writeFileSync(join(folder, file), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
    return join(folder, file)
  }
  const log = join(folder, 'helm-calls')
  const lab = openLab({ flags: { kubeContext: `${name}-old` }, env: {}, kind: 'context' })
  const before = { ...process.env }
  process.env['KUBECTL_BINARY'] = program('kubectl', `echo '{"serverVersion":{"major":"1","minor":"32+"}}'`)
  process.env['HELM_BINARY'] = program(
    'helm',
    `echo "$*" >> ${log}; case "$1" in status) echo 'Error: release: not found' >&2; exit 1;; esac`,
  )
  try {
    const said: string[] = []
    assert.deepEqual(await applyCollectors(lab, text => said.push(text)), [...releases])
    assertSays(
      said.join('\n'),
      /^Kubernetes before 1\.33 requires nodes\/proxy to read a kubelet's \/pods, and this is 1\.32: PVC names are missing$/,
    )
    const written = parse(readFileSync(join(lab.configDir, 'otel-lab-daemonset.values.yaml'), 'utf8'))
    assert(!('extra_metadata_labels' in written.alternateConfig.receivers.kubelet_stats))
    assert.equal(
      readFileSync(log, 'utf8')
        .split('\n')
        .filter(call => call.startsWith('upgrade ')).length,
      2,
    )
  } finally {
    process.env = before
    removeLabDir(lab)
  }
})
values.run()

const rollout = suite('rolloutOf()')
const deployment = (status: object) => ({
  kind: 'Deployment',
  metadata: { generation: 2 },
  spec: { replicas: 1 },
  status,
})
const whole = { observedGeneration: 2, replicas: 1, updatedReplicas: 1, availableReplicas: 1 }
rollout('is current when every wanted pod has the newest template', () => {
  assert.deepEqual(rolloutOf([deployment(whole)], []), { wanted: 1, ready: 1, isCurrent: true, waiting: [] })
  for (const other of [{ observedGeneration: 1 }, { updatedReplicas: 0 }, { replicas: 2 }]) {
    assert.equal(rolloutOf([deployment({ ...whole, ...other })], []).isCurrent, false)
  }
  assert.equal(rolloutOf([], []).isCurrent, false)
  assert.equal(
    rolloutOf([{ kind: 'DaemonSet', metadata: { generation: 1 }, status: { observedGeneration: 1 } }], []).isCurrent,
    false,
  )
})
rollout('gives the reason that a pod waits: its image, or a node', () => {
  const waiting = { state: { waiting: { reason: 'ImagePullBackOff', message: 'no such image' } } }
  const unscheduled = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: 'no room' }
  const pods = [
    { metadata: { name: 'a' }, status: { containerStatuses: [waiting] } },
    { metadata: { name: 'b' }, status: { conditions: [unscheduled] } },
  ]
  assert.deepEqual(rolloutOf([deployment(whole)], pods).waiting, [
    { pod: 'a', reason: 'ImagePullBackOff', message: 'no such image' },
    { pod: 'b', reason: 'Unschedulable', message: 'no room' },
  ])
})
rollout.run()
