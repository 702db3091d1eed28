import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import { parse } from 'yaml'
import { platformName, readKnownSums } from '../../../lib/programs/checksums.ts'
import { binaryVariable } from '../../../lib/programs/find-program.ts'
import { buildArgs } from '../../../lib/programs/go-pins.ts'
import { catalog, k3dPrograms, kwokPrograms } from '../../../lib/programs/program-catalog.ts'
import { assetName, downloadHosts, platforms } from '../../../lib/programs/releases.ts'
import { grafanaBuild, oldestTools, versions } from '../../../lib/programs/versions.ts'

const projectDir = join(import.meta.dirname, '..', '..', '..')
const read = (path: string) => readFileSync(join(projectDir, path), 'utf8')
const source = (name: string) => {
  const found = catalog.find(candidate => candidate.name === name)
  assert.ok(found, name)
  return found
}

const goPins = suite('Go pins')

for (const { name, version, go } of catalog) {
  if (go?.module === undefined) continue
  const wanted = (go.moduleVersion ?? (same => same))(version)
  goPins(`kwok-config/go/${name} pins ${go.module} at ${wanted}`, () => {
    const pinned = read(`kwok-config/go/${name}/go.mod`)
      .split('\n')
      .map(line =>
        line
          .trim()
          .replace(/^require /, '')
          .split(/\s+/),
      )
      .find(([path]) => path === go.module)
    assert.equal(pinned?.[1], `v${wanted}`)
  })
}

for (const [name, version, module] of [
  ['prometheus', '3.8.1', '0.308.1'],
  ['prometheus', '3.16.0', '0.316.0'],
  ['jaeger', '2.0.0', '1.63.0'],
  ['jaeger', '2.13.0', '1.76.0'],
  ['jaeger', '2.14.1', '2.14.1'],
] as const) {
  goPins(`${name} ${version} is version ${module} of its module`, () =>
    assert.equal(source(name).go?.moduleVersion?.(version), module),
  )
}

goPins('the collector’s builder writes the pinned version', () => {
  const manifest: unknown = parse(read('kwok-config/go/otelcol/builder.yaml'))
  assert.equal((manifest as { dist: { version: string } }).dist.version, versions.otelcol)
})

goPins('each module of the catalogue exists with its sums, and needs no newer Go than the lab', () => {
  for (const { name, go } of catalog) {
    if (go === undefined) continue
    assert.ok(go.module, name)
    assert.ok(existsSync(join(projectDir, 'kwok-config/go', name, 'go.sum')), name)
    const [, minor = ''] = /^go 1\.(\d+)/m.exec(read(`kwok-config/go/${name}/go.mod`)) ?? []
    assert.ok(Number(minor) <= Number(oldestTools.go.split('.')[1]), name)
  }
})

goPins('Node.js: package.json requires the same version as lib/programs/versions.ts', () => {
  const { engines } = JSON.parse(read('package.json')) as { engines: { node: string } }
  assert.equal(engines.node, `>=${oldestTools.node}`)
})
goPins.run()

const programs = suite('catalog')

programs('has each program of both paths once, and the optional ones', () => {
  const names = catalog.flatMap(({ programs }) => programs.map(({ name }) => name))
  assert.deepEqual(
    [...names].sort(),
    [...new Set([...kwokPrograms, ...k3dPrograms, 'alertmanager', 'kube-state-metrics', 'grafana'])].sort(),
  )
  assert.equal(new Set(names).size, names.length)
})

for (const [name, said] of [
  ['kwok', `kwok version v${versions.kwok} go1.26.8 (linux/amd64)`],
  ['kwokctl', `kwokctl version v${versions.kwok} go1.26.8 (linux/amd64)`],
  [
    'etcd',
    `etcd Version: ${versions.etcd}\nGit SHA: Not provided (use ./build instead of go build)\nGo Version: go1.26.8`,
  ],
  ['kube-apiserver', `Kubernetes v${versions.kubernetes}`],
  ['kube-controller-manager', `Kubernetes v${versions.kubernetes}`],
  ['kube-scheduler', `Kubernetes v${versions.kubernetes}`],
  ['kubectl', `Client Version: v${versions.kubernetes}\nKustomize Version: v5.8.1`],
  ['prometheus', `prometheus, version ${versions.prometheus} (branch: , revision: unknown)\n  build user:`],
  ['promtool', `promtool, version ${versions.prometheus} (branch: , revision: unknown)`],
  ['alertmanager', `alertmanager, version ${versions.alertmanager} (branch: , revision: unknown)\n  build user:`],
  ['otelcol', `otelcol-contrib version ${versions.otelcol}`],
  ['otelcol', `otelcol version ${versions.otelcol}`],
  ['jaeger', `{"gitCommit":"","gitVersion":"v${versions.jaeger}","buildDate":""}`],
  ['metrics-server', `v${versions.metricsServer}\n`],
  [
    'kube-state-metrics',
    `kube-state-metrics, version v${versions.kubeStateMetrics} (branch: , revision: unknown)\n  build user:`,
  ],
  ['helm', `v${versions.helm}+g1234567`],
  ['helm', `v${versions.helm}\n`],
  ['k3d', `k3d version v${versions.k3d}\nk3s version v1.35.5-k3s1 (default)`],
  ['grafana', `grafana version ${versions.grafana}`],
] as const) {
  programs(`reads the version out of what ${name} prints: ${said.split('\n')[0]}`, () => {
    const entry = catalog.find(({ programs }) => programs.some(program => program.name === name))
    const program = entry?.programs.find(candidate => candidate.name === name)
    assert.equal(program?.versionPattern.exec(said)?.[1], entry?.version)
  })
}

programs('names the variable of a program', () => {
  assert.equal(binaryVariable('kube-apiserver'), 'KUBE_APISERVER_BINARY')
})

programs('builds Prometheus with the service discoveries of kwok-config/prometheus.yaml alone', () => {
  assert.deepEqual(buildArgs(source('prometheus'), '/out/').slice(5, 7), [
    '-tags',
    'remove_all_sd,enable_kubernetes_sd',
  ])
})

programs('builds Kubernetes with its version inside', () => {
  const { kubernetes } = versions
  const git = 'k8s.io/component-base/version.git'
  assert.deepEqual(buildArgs(source('kubernetes'), '/out/'), [
    ...['build', '-v', '-mod=readonly', '-trimpath', '-gcflags=all=-dwarf=false', '-ldflags'],
    `-s -w -X ${git}Version=v${kubernetes} -X ${git}Major=1 -X ${git}Minor=${kubernetes.split('.')[1]}`,
    ...['-o', '/out/', 'tool'],
  ])
})
programs.run()

const releases = suite('assets()')

for (const [name, os, urls, checksum] of [
  [
    'kwok',
    'darwin',
    ['kwok-darwin-arm64', 'kwokctl-darwin-arm64'].map(
      file => `https://github.com/kubernetes-sigs/kwok/releases/download/v1.2.3/${file}`,
    ),
    'https://api.github.com/repos/kubernetes-sigs/kwok/releases/tags/v1.2.3',
  ],
  [
    'kubernetes',
    'darwin',
    ['https://dl.k8s.io/v1.2.3/bin/darwin/arm64/kubectl'],
    'https://dl.k8s.io/v1.2.3/bin/darwin/arm64/kubectl.sha256',
  ],
  [
    'kubernetes',
    'linux',
    ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kubectl'].map(
      file => `https://dl.k8s.io/v1.2.3/bin/linux/arm64/${file}`,
    ),
    'https://dl.k8s.io/v1.2.3/bin/linux/arm64/kube-apiserver.sha256',
  ],
  [
    'etcd',
    'linux',
    ['https://github.com/etcd-io/etcd/releases/download/v1.2.3/etcd-v1.2.3-linux-arm64.tar.gz'],
    'https://github.com/etcd-io/etcd/releases/download/v1.2.3/SHA256SUMS',
  ],
  [
    'etcd',
    'darwin',
    ['https://github.com/etcd-io/etcd/releases/download/v1.2.3/etcd-v1.2.3-darwin-arm64.zip'],
    'https://github.com/etcd-io/etcd/releases/download/v1.2.3/SHA256SUMS',
  ],
  [
    'prometheus',
    'linux',
    ['https://github.com/prometheus/prometheus/releases/download/v1.2.3/prometheus-1.2.3.linux-arm64.tar.gz'],
    'https://github.com/prometheus/prometheus/releases/download/v1.2.3/sha256sums.txt',
  ],
  [
    'alertmanager',
    'linux',
    ['https://github.com/prometheus/alertmanager/releases/download/v1.2.3/alertmanager-1.2.3.linux-arm64.tar.gz'],
    'https://github.com/prometheus/alertmanager/releases/download/v1.2.3/sha256sums.txt',
  ],
  [
    'jaeger',
    'darwin',
    ['https://github.com/jaegertracing/jaeger/releases/download/v1.2.3/jaeger-1.2.3-darwin-arm64.tar.gz'],
    'https://github.com/jaegertracing/jaeger/releases/download/v1.2.3/jaeger-1.2.3.sha256sum.txt',
  ],
  [
    'otelcol',
    'linux',
    [
      'https://github.com/open-telemetry/opentelemetry-collector-releases/releases/download/v1.2.3/otelcol-contrib_1.2.3_linux_arm64.tar.gz',
    ],
    'https://github.com/open-telemetry/opentelemetry-collector-releases/releases/download/v1.2.3/opentelemetry-collector-releases_otelcol-contrib_checksums.txt',
  ],
  [
    'metrics-server',
    'darwin',
    ['https://github.com/kubernetes-sigs/metrics-server/releases/download/v1.2.3/metrics-server-darwin-arm64'],
    'https://api.github.com/repos/kubernetes-sigs/metrics-server/releases/tags/v1.2.3',
  ],
  [
    'helm',
    'darwin',
    ['https://get.helm.sh/helm-v1.2.3-darwin-arm64.tar.gz'],
    'https://get.helm.sh/helm-v1.2.3-darwin-arm64.tar.gz.sha256sum',
  ],
  [
    'k3d',
    'linux',
    ['https://github.com/k3d-io/k3d/releases/download/v1.2.3/k3d-linux-arm64'],
    'https://github.com/k3d-io/k3d/releases/download/v1.2.3/checksums.txt',
  ],
  [
    'grafana',
    'linux',
    [`https://dl.grafana.com/grafana/release/1.2.3/grafana_1.2.3_${grafanaBuild}_linux_arm64.tar.gz`],
    `https://dl.grafana.com/grafana/release/1.2.3/grafana_1.2.3_${grafanaBuild}_linux_arm64.tar.gz.sha256`,
  ],
] as const) {
  releases(`knows the files of ${name} for ${os}`, () => {
    const assets = source(name).assets('1.2.3', { os, arch: 'arm64' })
    assert.deepEqual(
      assets.map(asset => asset.url),
      urls,
    )
    assert.equal(assets[0]?.checksum.url, checksum)
  })
}

releases('has nothing for a platform without a release', () => {
  for (const { assets, name } of catalog)
    assert.deepEqual(assets('1.2.3', { os: 'freebsd', arch: 'riscv64' }), [], name)
})

releases('names the file inside a checksum list', () => {
  const [asset] = source('etcd').assets('1.2.3', { os: 'linux', arch: 'amd64' })
  assert.equal(asset && assetName(asset), 'etcd-v1.2.3-linux-amd64.tar.gz')
})
releases('has its hosts, those of redirects included', () => {
  const linux = { os: 'linux', arch: 'amd64' }
  const hosts = (name: string) => downloadHosts(source(name).assets('1.2.3', linux))
  assert.deepEqual(hosts('kwok'), ['github.com', 'release-assets.githubusercontent.com', 'api.github.com'])
  assert.deepEqual(hosts('kubernetes'), ['dl.k8s.io', 'cdn.dl.k8s.io'])
  assert.deepEqual(hosts('helm'), ['get.helm.sh'])
})
releases.run()

const sums = suite('sums.json')

sums('has sums of pinned versions alone, each from the release’s own file or from two sources', () => {
  for (const [program, byVersion] of Object.entries(readKnownSums())) {
    const entry = catalog.find(({ programs }) => programs.some(({ name }) => name === program))
    assert.ok(entry, program)
    assert.deepEqual(Object.keys(byVersion), [entry.version], program)
    for (const [platform, { sha256, sources }] of Object.entries(byVersion[entry.version] ?? {})) {
      const known = platforms.find(each => platformName(each) === platform)
      assert.ok(known, `${program} ${platform}`)
      const asset = entry.assets(entry.version, known).find(({ members }) => Object.keys(members)[0] === program)
      assert.ok(asset, `${program} ${platform}`)
      assert.match(sha256, /^[0-9a-f]{64}$/)
      assert.ok(sources.includes(asset.checksum.url) || new Set(sources).size >= 2, `${program} ${platform}`)
    }
  }
})
sums.run()
