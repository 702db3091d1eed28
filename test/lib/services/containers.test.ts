import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { suite } from 'uvu'
import { parse } from 'yaml'
import type { SettingTexts } from '../../../lib/cli/settings.ts'
import { memoryBytes } from '../../../lib/docker/containers.ts'
import { docker } from '../../../lib/docker/engine.ts'
import { atPrefix, chosenImages, pinnedImages } from '../../../lib/docker/images.ts'
import { ensureImages } from '../../../lib/docker/pull-images.ts'
import { generatedDir } from '../../../lib/grafana/generated-files.ts'
import {
  apiserverVolumes,
  createNetworkArgs,
  kwokctlDockerEnv,
  removeCluster,
  requireOwnNetwork,
} from '../../../lib/kwok/component-containers.ts'
import { createClusterArgs } from '../../../lib/kwok/kwok-cluster.ts'
import { addressesOf } from '../../../lib/lab/addresses.ts'
import { containerKubeconfigPath, prometheusTokenPath, readers } from '../../../lib/lab/kubeconfig.ts'
import { type Lab, writeRecord } from '../../../lib/lab/lab.ts'
import { imageOf } from '../../../lib/lab/lab-images.ts'
import { runtimeOf } from '../../../lib/lab/runtime.ts'
import { versions } from '../../../lib/programs/versions.ts'
import { alertmanager } from '../../../lib/services/alertmanager.ts'
import { collector } from '../../../lib/services/collector.ts'
import { daemonContainer } from '../../../lib/services/container-bundle.ts'
import { containerServices, errorLines } from '../../../lib/services/container-services.ts'
import { type ContainerSpec, createVolumeArgs, runArgs, specDigest } from '../../../lib/services/container-spec.ts'
import { writeForContainer } from '../../../lib/services/container-user.ts'
import { grafanaPassword } from '../../../lib/services/grafana-password.ts'
import { jaeger } from '../../../lib/services/jaeger.ts'
import { kubeStateMetrics } from '../../../lib/services/kube-state-metrics.ts'
import { kubeletGateway } from '../../../lib/services/kubelet-gateway.ts'
import { lgtm } from '../../../lib/services/lgtm.ts'
import { metricsServer } from '../../../lib/services/metrics-server.ts'
import { neededImages } from '../../../lib/services/service-list.ts'
import { statsProxy } from '../../../lib/services/stats-proxy.ts'
import { traceSimulator } from '../../../lib/services/trace-simulator.ts'
import { proxyVariables } from '../../../lib/system/environment.ts'
import { filesBelow } from '../../support/lab.ts'
import { tempDir, tempLab } from '../../support/temp-lab.ts'
import { writeTestCa } from '../kube/ca.ts'

/** A lab of the Docker runtime with kubeconfigs and keys. */
function dockerLab(flags: SettingTexts = {}): Lab {
  const lab = tempLab({ runtime: 'docker', ...flags })
  for (const reader of readers) writeFileSync(containerKubeconfigPath(lab, reader), `${reader}'s kubeconfig`)
  writeFileSync(prometheusTokenPath(lab), 'token')
  mkdirSync(join(lab.clusterDir, 'pki'), { recursive: true })
  writeFileSync(join(lab.clusterDir, 'pki', 'ca.crt'), 'ca.crt')
  return lab
}

/** The whole command line of a service; LAB, GENERATED and DIGEST replace what differs between labs. */
function commandLine(lab: Lab, spec: unknown): string[] {
  const container = spec as ContainerSpec
  const args = runArgs(lab, container, { image: pinnedImages[container.image], user: '1000:1000' })
  return args.map(arg =>
    arg
      .replaceAll(lab.dir, 'LAB')
      .replaceAll(generatedDir, 'GENERATED')
      .replace(/(\.spec=)[0-9a-f]{64}$/, '$1DIGEST'),
  )
}

const noProxies = proxyVariables.map(name => `--env=${name}=`)
const shared = (service: string) => [
  'run',
  '--detach',
  '--pull=never',
  `--name=kube-otel-lab-unit-${service}`,
  '--network=kwok-unit',
  '--label=kube-otel-lab.cluster=unit',
  '--label=kube-otel-lab.dir=LAB',
  `--label=kube-otel-lab.service=${service}`,
  '--restart=unless-stopped',
  ...noProxies,
]
const locked = ['--user=1000:1000', '--read-only', '--cap-drop=ALL', '--security-opt=no-new-privileges']
const digest = '--label=kube-otel-lab.spec=DIGEST'
const seen = (service: string) =>
  `--mount=type=bind,source=LAB/containers/${service},target=/etc/kube-otel-lab,readonly`

const lines = suite('runArgs()')

lines('of LGTM: four ports on loopback, the lab’s files mounted, anonymous users as viewers', async () => {
  const own = tempDir()
  writeFileSync(join(own, 'a.json'), '{"title": "A", "panels": []}')
  const lab = dockerLab({ grafanaPort: '3100', prometheusPort: '9191', dashboardsDir: own })
  assert.deepEqual(commandLine(lab, await lgtm.container.spec(lab)), [
    ...shared('lgtm'),
    '--publish=127.0.0.1:3100:3000',
    '--publish=127.0.0.1:9191:9090',
    '--publish=127.0.0.1:4317:4317',
    '--publish=127.0.0.1:4318:4318',
    seen('lgtm'),
    '--mount=type=bind,source=LAB/containers/lgtm/prometheus.yaml,target=/otel-lgtm/prometheus.yaml,readonly',
    '--mount=type=bind,source=LAB/containers/lgtm/datasources.yaml,target=/otel-lgtm/grafana/conf/provisioning/datasources/grafana-datasources.yaml,readonly',
    '--mount=type=bind,source=LAB/containers/lgtm/providers.yaml,target=/otel-lgtm/grafana/conf/provisioning/dashboards/kube-otel-lab.yaml,readonly',
    '--mount=type=bind,source=GENERATED/rules,target=/otel-lgtm/kube-otel-lab/rules,readonly',
    '--mount=type=bind,source=LAB/config/rules,target=/otel-lgtm/kube-otel-lab/own-rules,readonly',
    '--mount=type=bind,source=GENERATED/json-tempo,target=/otel-lgtm/kube-otel-lab/json,readonly',
    `--mount=type=bind,source=${own},target=/otel-lgtm/kube-otel-lab/own,readonly`,
    '--mount=type=volume,source=kube-otel-lab-unit-lgtm,target=/data',
    '--env=GF_AUTH_ANONYMOUS_ORG_ROLE=Viewer',
    '--env=GF_SECURITY_ADMIN_PASSWORD=$__file{/etc/kube-otel-lab/grafana.password}',
    '--env=ENABLE_LOGS_PROMETHEUS=true',
    '--env=ENABLE_LOGS_GRAFANA=true',
    '--env=ENABLE_LOGS_OTELCOL=true',
    '--env=GF_LOG_LEVEL=warn',
    '--env=PROMETHEUS_EXTRA_ARGS=--query.lookback-delta=45s --storage.tsdb.retention.size=2GB --enable-feature=auto-reload-config --config.auto-reload-interval=2s --log.level=warn',
    digest,
    pinnedImages.lgtm,
  ])
  const seenByLgtm = (file: string) => join(lab.dir, 'containers', 'lgtm', file)
  assert.equal(readFileSync(seenByLgtm('grafana.password'), 'utf8'), grafanaPassword(lab))
  assert.equal(statSync(seenByLgtm('grafana.password')).mode & 0o777, 0o600)
  const config = parse(readFileSync(seenByLgtm('prometheus.yaml'), 'utf8'))
  const targets = config.scrape_configs.flatMap((job: Record<string, unknown>) => job['static_configs'])
  assert.deepEqual(
    targets.flatMap((each: { targets: string[] } | undefined) => each?.targets ?? []),
    [
      '127.0.0.1:9090',
      'kwok-unit-etcd:2379',
      'kwok-unit-kube-apiserver:6443',
      'kwok-unit-kube-controller-manager:10257',
      'kwok-unit-kube-scheduler:10259',
      'kwok-unit-kwok-controller:10247',
      'kube-otel-lab-unit-metrics-server:4443',
      'kube-otel-lab-unit-stats-proxy:10250',
    ],
  )
  const ruleFolders = ['rules', 'own-rules'].map(folder => `/otel-lgtm/kube-otel-lab/${folder}/*.yaml`)
  assert.deepEqual(config.rule_files, ruleFolders)
})

lines(
  'of the stats proxy: Node.js with a bundle, a port on loopback, an unprivileged user, a read-only file system',
  async () => {
    const lab = dockerLab()
    await writeTestCa(lab.clusterDir)
    assert.deepEqual(commandLine(lab, await statsProxy.container.spec(lab)), [
      ...shared('stats-proxy'),
      '--publish=127.0.0.1:10250:10250',
      seen('stats-proxy'),
      '--mount=type=bind,source=LAB/data/stats-proxy,target=/data',
      '--mount=type=bind,source=LAB/data/sockets,target=/run/kube-otel-lab',
      ...locked,
      '--entrypoint=node',
      `--health-cmd=node -e 'fetch("http://127.0.0.1:10250/healthz").then(a => process.exit(a.ok ? 0 : 1), () => process.exit(1))'`,
      '--health-interval=30s',
      '--health-timeout=5s',
      '--health-retries=3',
      digest,
      'docker.io/library/node:24.21.0-bookworm-slim',
      '--max-semi-space-size=16',
      '/etc/kube-otel-lab/stats-proxy.mjs',
      '--address',
      '0.0.0.0',
      '--port',
      '10250',
      '--host-name',
      'kube-otel-lab-unit-stats-proxy',
      '--kubeconfig',
      '/etc/kube-otel-lab/kubeconfig.yaml',
      '--usage-preset',
      'steady',
      '--state-file',
      '/data/counters.jsonl',
      '--kubelets-socket',
      '/run/kube-otel-lab/kubelets.sock',
      '--node-range',
      '198.18.0.0/16',
      '--kubelet-ca',
      '/etc/kube-otel-lab/kubelet-ca.pem',
      '--client-ca',
      '/etc/kube-otel-lab/ca.crt',
      '--otlp-url',
      'http://kube-otel-lab-unit-collector:4318',
      '--interval-ms',
      '10000',
    ])
  },
)

lines(
  'of the collector: no port, kubelets through the gateway, and of the machine only the files of /proc with metrics',
  async () => {
    const lab = dockerLab()
    await writeTestCa(lab.clusterDir)
    const mountPoint = spawnSync('stat', ['--format=%m', lab.dataDir], { encoding: 'utf8' }).stdout.trim()
    const ofProc = [
      '1/mountinfo',
      'diskstats',
      'filesystems',
      'loadavg',
      'meminfo',
      '1/net/dev',
      '1/net/tcp',
      'stat',
      'uptime',
    ]
    assert.deepEqual(commandLine(lab, await collector.container.spec(lab)), [
      ...shared('collector').filter(arg => !/^--env=(HTTPS|NO)_PROXY=/.test(arg)),
      seen('collector'),
      `--mount=type=bind,source=LAB/data/collector,target=/hostfs${mountPoint === '/' ? '' : mountPoint},readonly`,
      ...ofProc.map(
        file => `--mount=type=bind,source=/proc/${file},target=/hostfs/proc/${file.replace('1/net', 'net')},readonly`,
      ),
      '--env=KUBECONFIG=/etc/kube-otel-lab/kubeconfig.yaml',
      '--env=HTTPS_PROXY=http://kube-otel-lab-unit-kubelet-gateway:10251',
      '--env=NO_PROXY=kwok-unit-kube-apiserver,kube-otel-lab-unit-lgtm',
      ...locked,
      digest,
      'docker.io/otel/opentelemetry-collector-contrib:0.161.0',
      '--config=/etc/kube-otel-lab/otelcol.yaml',
    ])
    const files = filesBelow(join(lab.dataDir, 'collector'))
    assert.equal(files.length, ofProc.length)
    for (const file of files) assert.equal(statSync(file).size, 0, file)
  },
)

lines('of metrics-server: kubelets through the gateway, a serving certificate of its own', async () => {
  const lab = dockerLab()
  await writeTestCa(lab.clusterDir)
  assert.deepEqual(commandLine(lab, await metricsServer.container.spec(lab)), [
    ...shared('metrics-server').filter(arg => !/^--env=(HTTPS|NO)_PROXY=/.test(arg)),
    seen('metrics-server'),
    '--env=HTTPS_PROXY=http://kube-otel-lab-unit-kubelet-gateway:10251',
    '--env=NO_PROXY=kwok-unit-kube-apiserver',
    ...locked,
    digest,
    'registry.k8s.io/metrics-server/metrics-server:v0.9.0',
    '--kubeconfig=/etc/kube-otel-lab/kubeconfig.yaml',
    '--authentication-kubeconfig=/etc/kube-otel-lab/kubeconfig.yaml',
    '--authorization-kubeconfig=/etc/kube-otel-lab/kubeconfig.yaml',
    '--bind-address=0.0.0.0',
    '--secure-port=4443',
    '--tls-cert-file=/etc/kube-otel-lab/serving.crt',
    '--tls-private-key-file=/etc/kube-otel-lab/serving.key',
    '--kubelet-preferred-address-types=InternalIP',
    '--kubelet-use-node-status-port',
    '--kubelet-certificate-authority=/etc/kube-otel-lab/ca.crt',
    '--kubelet-request-timeout=9s',
    '--metric-resolution=10s',
  ])
  const files = readdirSync(join(lab.dir, 'containers', 'metrics-server')).sort()
  assert.deepEqual(files, ['ca.crt', 'kubeconfig.yaml', 'serving.crt', 'serving.key'])
})

lines('of kube-state-metrics: no published port, and its address for the other containers', async () => {
  const lab = dockerLab({ metrics: 'both' })
  writeFileSync(containerKubeconfigPath(lab, 'kube-state-metrics'), 'a kubeconfig')
  const args = commandLine(lab, await kubeStateMetrics.container.spec(lab))
  assert.deepEqual(args.slice(0, args.indexOf('--port=8080')), [
    ...shared('kube-state-metrics'),
    seen('kube-state-metrics'),
    ...locked,
    digest,
    pinnedImages['kube-state-metrics'],
    '--kubeconfig=/etc/kube-otel-lab/kubeconfig.yaml',
    '--host=0.0.0.0',
  ])
  const { ports, inside } = kubeStateMetrics.container
  assert.deepEqual([ports, inside?.(lab)], [[], addressesOf(lab).kubeStateMetrics])
})

lines('of the gateway: the folder of the sockets, which kube-apiserver mounts too', async () => {
  const lab = dockerLab()
  assert.deepEqual(commandLine(lab, await kubeletGateway.container.spec(lab)), [
    ...shared('kubelet-gateway'),
    '--publish=127.0.0.1:10251:10251',
    seen('kubelet-gateway'),
    '--mount=type=bind,source=LAB/data/sockets,target=/run/kube-otel-lab',
    ...locked,
    '--entrypoint=node',
    digest,
    'docker.io/library/node:24.21.0-bookworm-slim',
    '/etc/kube-otel-lab/kubelet-gateway.mjs',
    ...['--address', '0.0.0.0', '--port', '10251', '--kubeconfig', '/etc/kube-otel-lab/kubeconfig.yaml'],
    ...['--socket', '/run/kube-otel-lab/apiserver.sock', '--kubelets-socket', '/run/kube-otel-lab/kubelets.sock'],
    ...['--node-range', '198.18.0.0/16'],
  ])
  assert.equal(statSync(join(lab.dataDir, 'sockets')).mode & 0o777, 0o700)
  const { extraVolumes = [] } = apiserverVolumes(lab, ['/c/apiserver-egress.yaml'])
  assert.deepEqual(
    extraVolumes.map(({ hostPath, mountPath, readOnly }) => [hostPath, mountPath, readOnly]),
    [
      ['/c/apiserver-egress.yaml', '/etc/kubernetes/apiserver-egress.yaml', true],
      [join(lab.dataDir, 'sockets'), '/run/kube-otel-lab', true],
    ],
  )
})

lines('of the trace simulator and of Jaeger', async () => {
  const lab = dockerLab({ jaeger: 'true' })
  assert.deepEqual(commandLine(lab, await traceSimulator.container.spec(lab)), [
    ...shared('traces'),
    seen('traces'),
    ...locked,
    '--entrypoint=node',
    digest,
    'docker.io/library/node:24.21.0-bookworm-slim',
    '--max-semi-space-size=16',
    '/etc/kube-otel-lab/traces.mjs',
    '--kubeconfig',
    '/etc/kube-otel-lab/kubeconfig.yaml',
    '--otlp-url',
    'http://kube-otel-lab-unit-collector:4318',
    '--rate',
    '5',
    '--usage-preset',
    'steady',
    '--interval-ms',
    '10000',
  ])
  assert.deepEqual(commandLine(lab, await jaeger.container.spec(lab)), [
    ...shared('jaeger'),
    '--publish=127.0.0.1:16686:16686',
    seen('jaeger'),
    '--env=OTEL_TRACES_SAMPLER=always_off',
    ...locked,
    digest,
    'docker.io/jaegertracing/jaeger:2.13.0',
    '--config=/etc/kube-otel-lab/jaeger.yaml',
  ])
})

lines('of Alertmanager', async () => {
  const lab = dockerLab({ alertmanager: 'true', alertmanagerPort: '9193' })
  assert.deepEqual(commandLine(lab, await alertmanager.container.spec(lab)), [
    ...shared('alertmanager'),
    '--publish=127.0.0.1:9193:9093',
    seen('alertmanager'),
    '--mount=type=bind,source=LAB/data/alertmanager,target=/alertmanager',
    ...locked,
    digest,
    `quay.io/prometheus/alertmanager:v${versions.alertmanager}`,
    '--config.file=/etc/kube-otel-lab/alertmanager.yaml',
    '--storage.path=/alertmanager',
    '--web.listen-address=0.0.0.0:9093',
    '--web.external-url=http://127.0.0.1:9193',
    '--cluster.listen-address=',
    '--log.level=warn',
  ])
})

lines('changes the digest with an argument, a mount or a content, and nothing else', () => {
  const lab = dockerLab()
  const spec: ContainerSpec = { name: 'traces', image: 'node', args: ['a'], ready: async () => true }
  const of = (change: Partial<ContainerSpec>) =>
    specDigest(runArgs(lab, { ...spec, ...change }, { image: 'node:1', user: '1:1' }))
  assert.match(of({}), /^[0-9a-f]{64}$/)
  assert.equal(of({}), of({ ready: async () => false }))
  const others = [{ args: ['b'] }, { contents: 'x' }, { mounts: [{ from: '/a', to: '/b' }] }, { env: { A: 'b' } }]
  assert.equal(new Set([of({}), ...others.map(of)]).size, 5)
})

lines('quotes a folder with a comma', () => {
  const spec: ContainerSpec = {
    name: 'traces',
    image: 'node',
    args: [],
    mounts: [{ from: '/a, "b"', to: '/c' }],
    ready: async () => true,
  }
  const args = runArgs(dockerLab(), spec, { image: 'node:1', user: '1:1' })
  assert.ok(args.includes('--mount=type=bind,"source=/a, ""b""",target=/c,readonly'), args.join('\n'))
})
lines.run()

const network = suite('createNetworkArgs()')
network('binds published ports to loopback, and has the lab’s labels', () => {
  const lab = tempLab({ runtime: 'docker' })
  assert.deepEqual(createNetworkArgs(lab), [
    'network',
    'create',
    '--driver=bridge',
    '--opt=com.docker.network.bridge.host_binding_ipv4=127.0.0.1',
    '--label=kube-otel-lab.cluster=unit',
    `--label=kube-otel-lab.dir=${lab.dir}`,
    'kwok-unit',
  ])
  assert.equal(
    createClusterArgs('unit', '/c/kwok.yaml', 'docker').join('|'),
    'create|cluster|--name|unit|--runtime|docker|--config|/c/kwok.yaml|--kubeconfig||--wait|2m',
  )
})
network.run()

const volumes = suite('createVolumeArgs()')
volumes('has the lab’s name and labels', () => {
  const lab = tempLab({ runtime: 'docker' })
  assert.deepEqual(createVolumeArgs(lab, 'lgtm'), [
    'volume',
    'create',
    '--label=kube-otel-lab.cluster=unit',
    `--label=kube-otel-lab.dir=${lab.dir}`,
    'kube-otel-lab-unit-lgtm',
  ])
})
volumes.run()

const forKwokctl = suite('kwokctlDockerEnv()')
forKwokctl('makes kwokctl publish on loopback only, without links and proxies, with the lab’s labels', () => {
  const lab = tempLab({ runtime: 'docker' })
  const dir = tempDir()
  writeFileSync(join(dir, 'docker'), `#!/bin/sh\nprintf '%s|' "$PATH" "$@"\n`)
  chmodSync(join(dir, 'docker'), 0o755)
  const asked = (...args: string[]) => {
    const before = `${dir}${delimiter}${process.env['PATH']}`
    const env = kwokctlDockerEnv(lab, { PATH: before })
    const { stdout } = spawnSync('docker', args, { env, encoding: 'utf8' })
    assert.equal(stdout.slice(0, before.length + 1), `${before}|`)
    return stdout.slice(before.length + 1)
  }
  const given = ['create', '--link=etcd', '--publish=32766:6443/tcp', '--publish=127.0.0.1:1:2', 'image', `a "b" $HOME`]
  const labels = `--label=kube-otel-lab.cluster=unit|--label=kube-otel-lab.dir=${lab.dir}`
  assert.equal(
    asked(...given),
    `create|${labels}|${noProxies.toReversed().join('|')}|--publish=127.0.0.1:32766:6443/tcp|--publish=127.0.0.1:1:2|image|a "b" $HOME|`,
  )
  assert.equal(asked('version'), 'version|')
})
forKwokctl.run()

const images = suite('chosenImages()')

images('are the pinned ones, at a mirror with a prefix, or those of variables', () => {
  assert.deepEqual(chosenImages({}), pinnedImages)
  const mirrored = chosenImages({ IMAGE_PREFIX: 'mirror.example:5000/lab/', KUBE_APISERVER_IMAGE: 'local/api:1' })
  assert.equal(mirrored.lgtm, `mirror.example:5000/lab/${pinnedImages.lgtm.replace('docker.io/', '')}`)
  assert.equal(mirrored.etcd, `mirror.example:5000/lab/coreos/etcd:v${versions.etcd}`)
  assert.equal(mirrored['kube-apiserver'], 'local/api:1')
})

for (const [variable, value] of [
  ['LGTM_IMAGE', '--privileged'],
  ['IMAGE_PREFIX', 'a b'],
  ['NODE_IMAGE', '$(id)'],
] as const) {
  images(`refuses ${variable}=${value}`, () => {
    assert.throws(() => chosenImages({ [variable]: value }), {
      name: 'UsageError',
      message: `${variable}=${value} is invalid: it must be the name of an image, such as mirror.example/otel-lgtm:0.34.0`,
    })
  })
}

for (const [reference, expected] of [
  ['quay.io/coreos/etcd:v1', 'mirror.example/lab/coreos/etcd:v1'],
  ['docker.io/library/node:20', 'mirror.example/lab/library/node:20'],
  ['rancher/k3s:v1', 'mirror.example/lab/rancher/k3s:v1'],
  ['localhost:5000/a:1', 'mirror.example/lab/a:1'],
  ['localhost/a:1', 'mirror.example/lab/a:1'],
] as const) {
  images(`replaces the registry of ${reference}: ${expected}`, () => {
    assert.equal(atPrefix(reference, 'mirror.example/lab'), expected)
    assert.equal(atPrefix(reference, ''), reference)
  })
}

images('are those of the lab’s creation', () => {
  const lab = tempLab({ runtime: 'docker' })
  const all = { ...pinnedImages, lgtm: 'kept:1' }
  writeRecord(lab, { settings: {}, kwokWorkdir: lab.kwokWorkdir, images: all })
  assert.equal(imageOf(lab, 'lgtm'), 'kept:1')
})
images.run()

const files = suite('writeForContainer()')
files('writes files of mode 0600 in a folder of mode 0700', () => {
  const lab = tempLab({ runtime: 'docker' })
  const path = writeForContainer(lab, 'collector', 'kubeconfig.yaml', 'secret')
  assert.equal(statSync(path).mode & 0o777, 0o600)
  assert.equal(statSync(join(lab.dir, 'containers', 'collector')).mode & 0o777, 0o700)
  assert.equal(statSync(join(lab.dir, 'containers')).mode & 0o777, 0o700)
  const isRoot = process.getuid?.() === 0
  assert.equal(statSync(path).uid, isRoot ? 65_532 : process.getuid?.())
})

files('does not write a file that has the text', () => {
  const lab = tempLab({ runtime: 'docker' })
  const path = writeForContainer(lab, 'collector', 'a', 'text')
  const { ino } = statSync(path)
  writeForContainer(lab, 'collector', 'a', 'text')
  assert.equal(statSync(path).ino, ino)
  writeForContainer(lab, 'collector', 'a', 'other')
  assert.notEqual(statSync(path).ino, ino)
})
files.run()

const bundles = suite('daemonContainer()')
bundles('writes the current program, which needs no other file', async () => {
  const lab = tempLab({ runtime: 'docker' })
  const kubeconfig = containerKubeconfigPath(lab, 'traces')
  mkdirSync(dirname(kubeconfig), { recursive: true })
  writeFileSync(kubeconfig, 'a kubeconfig')
  const main = join('lib', 'traces', 'trace-simulator-process.ts')
  const make = async () => await daemonContainer(lab, 'traces', main, { args: ['--rate', '1'] })
  const first = await make()
  assert.deepEqual(first.args, ['/etc/kube-otel-lab/traces.mjs', '--rate', '1'])
  const dir = join(lab.dir, 'containers', 'traces')
  assert.deepEqual(readdirSync(dir).sort(), ['kubeconfig.yaml', 'traces.mjs'])
  const program = readFileSync(join(dir, 'traces.mjs'), 'utf8')
  writeFileSync(join(dir, 'traces.mjs'), 'not kept')
  assert.equal((await make()).contents, first.contents)
  assert.equal(readFileSync(join(dir, 'traces.mjs'), 'utf8'), program)
  writeFileSync(kubeconfig, 'another')
  assert.notEqual((await make()).contents, first.contents)
})
bundles.run()

const memory = suite('memoryBytes()')
for (const [text, bytes] of [
  ['123.5MiB ', 129_499_136],
  ['1.5GiB', 1_610_612_736],
  ['12kB', 12_000],
  ['512B', 512],
  ['--', undefined],
] as const) {
  memory(`${JSON.stringify(text)} is ${bytes}`, () => assert.equal(memoryBytes(text), bytes))
}
memory.run()

const addresses = suite('addressesOf()')
addresses('are container names in the Docker runtime', () => {
  const { component, ...others } = addressesOf(tempLab({ runtime: 'docker' }))
  assert.equal(component('kube-apiserver'), 'kwok-unit-kube-apiserver:6443')
  assert.deepEqual(others, {
    prometheus: '127.0.0.1:9090',
    statsProxy: 'kube-otel-lab-unit-stats-proxy:10250',
    metricsServer: 'kube-otel-lab-unit-metrics-server:4443',
    kubeStateMetrics: 'kube-otel-lab-unit-kube-state-metrics:8080',
    kubeStateMetricsTelemetry: 'kube-otel-lab-unit-kube-state-metrics:8081',
    collectorGrpc: 'kube-otel-lab-unit-collector:4317',
    collectorHttp: 'kube-otel-lab-unit-collector:4318',
    metricsUrl: 'http://kube-otel-lab-unit-lgtm:4318/v1/metrics',
    jaegerOtlp: 'kube-otel-lab-unit-jaeger:4317',
    alertmanager: 'kube-otel-lab-unit-alertmanager:9093',
    kubeletProxy: 'kube-otel-lab-unit-kubelet-gateway:10251',
  })
})
addresses.run()

const faults = suite('a docker command that fails')
const path = process.env['PATH']
faults.after.each(() => {
  process.env['PATH'] = path
})
/** A docker command with a fault that cannot be caused at an engine. */
function fakeDocker(script: string): void {
  const dir = tempDir()
  writeFileSync(join(dir, 'docker'), `#!/bin/sh\n${script}\n`)
  chmodSync(join(dir, 'docker'), 0o755)
  process.env['PATH'] = `${dir}${delimiter}${path}`
}

faults('reports that no engine answers', async () => {
  fakeDocker('echo "Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?" >&2; exit 1')
  const expected = {
    name: 'LabError',
    message: /^No Docker engine answers: Cannot connect to the Docker daemon at unix:\/\/\/x/,
    next: 'start it, or select another with DOCKER_HOST or docker context use; RUNTIME=binary needs none',
  }
  await assert.rejects(docker(['info']), expected)
  const lab = tempLab({ runtime: 'docker' })
  await assert.rejects(containerServices(lab).state('lgtm'), expected)
  await assert.rejects(
    ensureImages(neededImages(lab), () => undefined),
    expected,
  )
})

faults('names the image that cannot be pulled, after the engine’s output for the others', async () => {
  fakeDocker(
    '[ "$1" = pull ] && { echo "a1: Pulling fs layer"; echo "no such host" >&2; exit 1; }\n' +
      'case "$*" in *etcd*) echo "No such image" >&2; exit 1;; esac',
  )
  const said: string[] = []
  await assert.rejects(
    ensureImages(neededImages(tempLab({ runtime: 'docker' })), line => said.push(line)),
    {
      name: 'LabError',
      message: `Cannot pull the image ${pinnedImages.etcd}: no such host`,
      next:
        `on a machine with a network, docker pull ${pinnedImages.etcd} && docker save -o image.tar ${pinnedImages.etcd}; ` +
        'on this one, docker load -i image.tar; or set IMAGE_PREFIX to a mirror that has it; RUNTIME=binary needs no image',
    },
  )
  assert.deepEqual(said, [`Pulling ${pinnedImages.etcd}`, '  a1: Pulling fs layer'])
})

faults('advises to load an image that is pinned by digest by its tag, and to set its variable', async () => {
  const digest = `sha256:${'a'.repeat(64)}`
  fakeDocker('case "$*" in *etcd*) echo "No such image" >&2; exit 1;; esac')
  const lab = tempLab({ runtime: 'docker' })
  const images = { ...pinnedImages, etcd: `quay.io/coreos/etcd:v1@${digest}` }
  writeRecord(lab, { settings: {}, kwokWorkdir: lab.kwokWorkdir, images })
  await assert.rejects(
    ensureImages(neededImages(lab), () => undefined),
    {
      name: 'LabError',
      next:
        `on a machine with a network, docker pull quay.io/coreos/etcd:v1@${digest} && ` +
        `docker tag quay.io/coreos/etcd:v1@${digest} quay.io/coreos/etcd:v1 && docker save -o image.tar quay.io/coreos/etcd:v1; ` +
        'on this one, docker load -i image.tar and set ETCD_IMAGE=quay.io/coreos/etcd:v1; ' +
        'or set IMAGE_PREFIX to a mirror that has it; RUNTIME=binary needs no image',
    },
  )
})

faults('finds the errors in a log of several programs', () => {
  const talk = Array.from({ length: 20 }, (_, at) => `level=info msg="request ${at}"`)
  const fault = 'level=ERROR msg="Error loading config" err="yaml: line 3"'
  assert.deepEqual(errorLines([fault, ...talk], 8), [fault])
  assert.deepEqual(errorLines(talk, 2), talk.slice(-2))
})

faults('refuses a container that the lab did not create', async () => {
  fakeDocker(`echo '{"State":{"Running":true,"Pid":1},"Config":{"Labels":{"kube-otel-lab.dir":"/other"}}}'`)
  await assert.rejects(containerServices(tempLab({ runtime: 'docker' })).stop('lgtm'), {
    name: 'LabError',
    message: 'Container kube-otel-lab-unit-lgtm was not created by this lab: it belongs to /other',
  })
})

faults('does not change network and containers of another cluster of the same name', async () => {
  const calls = join(tempDir(), 'calls')
  fakeDocker(
    `echo "$1 $2" >> ${calls}; case "$*" in *label=*) ;; "network ls"*) echo '{"Name":"kwok-unit"}';; "network inspect"*) echo /other;; esac`,
  )
  const lab = tempLab({ runtime: 'docker' })
  await assert.rejects(requireOwnNetwork(lab), {
    name: 'LabError',
    message: 'Docker network kwok-unit was not created by this lab: it belongs to /other',
    next: 'set CLUSTER_NAME to another name, or run docker network rm kwok-unit',
  })
  writeFileSync(calls, '')
  await removeCluster(lab)
  assert.equal(readFileSync(calls, 'utf8'), 'container ls\nvolume ls\nnetwork ls\n')
})
faults.run()

const runtimes = suite('runtimeOf()')
runtimes('is the setting’s value', () => {
  assert.equal(runtimeOf(tempLab({ runtime: 'docker' })), 'docker')
  assert.equal(runtimeOf(tempLab({ runtime: 'binary' })), 'binary')
})
runtimes.run()
