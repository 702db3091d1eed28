import assert from 'node:assert/strict'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import { parse } from 'yaml'
import { apiserverTracingConfig, tracingPatches, writeTracingConfig } from '../../../lib/kwok/control-plane-tracing.ts'
import { kwokctlConfig } from '../../../lib/kwok/kwokctl-config.ts'
import { projectDir } from '../../../lib/lab/lab.ts'
import { tempLab } from '../../support/temp-lab.ts'

const target = { endpoint: '127.0.0.1:1', perMillion: 500, apiserverConfigPath: '/c/tracing.yaml' }
const traced = suite('control-plane tracing')

traced('gives each component its tracing flags', () => {
  const flags = tracingPatches(target).map(
    ({ name, extraArgs }) => `${name} ${extraArgs.map(({ key, value }) => `--${key}=${value}`).join(' ')}`,
  )
  assert.deepEqual(flags, [
    'etcd --enable-distributed-tracing=true --distributed-tracing-address=127.0.0.1:1 --distributed-tracing-sampling-rate=500',
    'kube-apiserver --tracing-config-file=/c/tracing.yaml',
    'kwok-controller --tracing-endpoint=127.0.0.1:1 --tracing-sampling-rate-per-million=500',
  ])
})

traced('is in kwokctl’s configuration only with a target, beside the other patches', () => {
  const base = readFileSync(join(projectDir, 'kwok-config', 'kwok.yaml'), 'utf8')
  const named = (patches: { name: string; extraArgs: { key: string }[] }[]) =>
    patches.filter(({ extraArgs }) => extraArgs.some(({ key }) => key.includes('tracing'))).map(({ name }) => name)
  const patchesWith = (tracing: typeof target | undefined) =>
    parse(kwokctlConfig(base, { pki: '/c/pki', options: {}, tracing, egressConfigPath: '/c/egress.yaml' }))
      .componentsPatches
  const without = patchesWith(undefined)
  const withTracing = patchesWith(target)
  assert.deepEqual(named(without), [])
  assert.deepEqual(named(withTracing), ['etcd', 'kube-apiserver', 'kwok-controller'])
  assert.deepEqual(withTracing.slice(0, without.length), without)
})

traced('gives kube-apiserver address and rate', () => {
  const base = readFileSync(join(projectDir, 'kwok-config', 'apiserver-tracing.yaml'), 'utf8')
  assert.deepEqual(parse(apiserverTracingConfig(base, target)), {
    ...parse(base),
    endpoint: '127.0.0.1:1',
    samplingRatePerMillion: 500,
  })
})

for (const [percent, perMillion] of [
  ['100', 1_000_000],
  ['1', 10_000],
  ['0.0001', 1],
] as const) {
  traced(`writes a file for ${percent} of 100 requests`, () => {
    const lab = tempLab({ traceSampling: percent, otlpGrpcPort: '4444' })
    const written = writeTracingConfig(lab, path => path)
    assert.deepEqual([written.endpoint, written.perMillion], ['127.0.0.1:4444', perMillion])
    assert.equal(parse(readFileSync(written.apiserverConfigPath, 'utf8')).samplingRatePerMillion, perMillion)
    assert.equal(statSync(written.apiserverConfigPath).mode & 0o777, 0o600)
  })
}
traced.run()
