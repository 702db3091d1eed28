import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import { projectDir } from '../../lib/lab.ts'
import { oldestTools, versions } from '../../lib/versions.ts'

const pins = suite('versions')
const goMod = (module: string) => readFileSync(join(projectDir, 'kwok-config', 'go', module, 'go.mod'), 'utf8')

// Prometheus 3.8.1 is v0.308.1 as a Go module, and Kubernetes' staging modules go by v0.x too.
for (const [module, path, version] of [
  ['kwok', 'sigs.k8s.io/kwok', `v${versions.kwok}`],
  ['kubernetes', 'k8s.io/kubernetes', `v${versions.kubernetes}`],
  ['etcd', 'go.etcd.io/etcd/server/v3', `v${versions.etcd}`],
  ['prometheus', 'github.com/prometheus/prometheus', versions.prometheus.replace(/^3\.(\d)\./, 'v0.30$1.')],
  ['metrics-server', 'sigs.k8s.io/metrics-server', `v${versions.metricsServer}`],
  ['otelcol', 'go.opentelemetry.io/collector/cmd/builder', `v${versions.otelcol}`],
  ['helm', 'helm.sh/helm/v3', `v${versions.helm}`],
  ['k3d', 'github.com/k3d-io/k3d/v5', `v${versions.k3d}`],
  ['jaeger', 'github.com/jaegertracing/jaeger', versions.jaeger.replace('2.0.0-rc2', 'v1.62.0')],
] as const) {
  pins(`are those of the Go pins: ${module}`, () => {
    const pinned = new RegExp(`^(?:require )?\\s*${path.replaceAll('.', '\\.')} (\\S+)`, 'm').exec(goMod(module))?.[1]
    assert.equal(pinned, version)
  })
}

pins('are whole', () => {
  for (const version of Object.values(versions)) assert.match(version, /^\d+\.\d+\.\d+(-rc\d+)?$/)
})
pins.run()

const oldest = suite('oldestTools')

oldest('has the Node.js of package.json', () => {
  const { engines } = JSON.parse(readFileSync(join(projectDir, 'package.json'), 'utf8'))
  assert.equal(engines.node, `>=${oldestTools.node}`)
})

oldest('has a Go that no pin is above', () => {
  const number = (version: string) => version.split('.').reduce((sum, part) => sum * 1_000 + Number(part), 0)
  for (const module of [
    'kwok',
    'kubernetes',
    'etcd',
    'prometheus',
    'otelcol',
    'jaeger',
    'metrics-server',
    'helm',
    'k3d',
  ]) {
    const [, version = ''] = /^go (\d+\.\d+)/m.exec(goMod(module)) ?? []
    assert(version !== '' && number(version) <= number(oldestTools.go), `${module} ${version}`)
  }
})
oldest.run()

const packages = suite('package.json')
packages('names exact versions', () => {
  const { dependencies, devDependencies } = JSON.parse(readFileSync(join(projectDir, 'package.json'), 'utf8'))
  for (const version of Object.values<string>({ ...dependencies, ...devDependencies })) {
    assert.match(version, /^\d+\.\d+\.\d+$/)
  }
})
packages.run()
