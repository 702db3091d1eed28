import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import { projectDir } from '../../../lib/lab/lab.ts'
import { oldestTools, versions } from '../../../lib/programs/versions.ts'

const pins = suite('versions')
const goMod = (module: string) => readFileSync(join(projectDir, 'kwok-config', 'go', module, 'go.mod'), 'utf8')

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
    'alertmanager',
    'jaeger',
    'metrics-server',
    'kube-state-metrics',
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
