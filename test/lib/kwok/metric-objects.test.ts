import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import { systemUsage } from '../../../lib/kubelet/endpoints/node-measurement.ts'
import { type MetricConfig, metricManifest, readMetrics, trialManifest } from '../../../lib/kwok/metric-objects.ts'
import { projectDir } from '../../../lib/lab/lab.ts'
import { tempDir } from '../../support/temp-lab.ts'

const configFile = (name: string) => join(projectDir, 'kwok-config', name)
const fileOf = (text: string) => {
  const file = join(tempDir(), 'metrics.yaml')
  writeFileSync(file, text)
  return file
}
const metric = (name: string, kind: MetricConfig['kind'] = 'gauge', more = {}): MetricConfig => ({
  name,
  kind,
  value: '1',
  ...more,
})
const written = (name: string, kind = 'gauge') =>
  `kind: Metric\nmetadata: { name: m }\nspec:\n  path: /metrics/m\n  metrics:\n    - { name: "${name}", kind: ${kind}, value: "1" }\n`

const reads = suite('readMetrics()')

reads('gives the metrics of all objects, in order', () => {
  const file = fileOf(`${written('a')}---\n${written('b', 'counter')}`)
  assert.deepEqual(readMetrics(file), [metric('a'), metric('b', 'counter')])
})

for (const [fact, file, message] of [
  ['a missing file', '/nowhere/metrics.yaml', /^Cannot read \/nowhere\/metrics\.yaml: ENOENT/],
  ['a device', '/dev/zero', /^Cannot read \/dev\/zero: it is not a regular file$/],
  ['invalid YAML', fileOf('kind: [Metric'), /^Cannot read .*:1:14: /],
  ['an undefined alias', fileOf('kind: *metric'), /^Cannot read .*: Unresolved alias/],
  ['no metrics', fileOf('kind: Metric\nspec: {}\n'), /holds no metrics$/],
  ['an empty file', fileOf('# later\n'), /holds no metrics$/],
  ['another kind', fileOf('kind: Stage\n'), /holds another object than a Metric: its kind is Stage$/],
  ['an invalid name of a metric', fileOf(written('1-a')), /"1-a" is not a valid name of a metric$/],
  ['an unknown kind of metric', fileOf(written('a', 'summary')), /the kind of a is summary$/],
] as const) {
  reads(`refuses ${fact}`, () => {
    assert.throws(() => readMetrics(file), { name: 'UsageError', message, next: /\S/ })
  })
}

reads('reads the lab’s own: a gauge, a counter and a histogram, and each on nodes, pods or containers', () => {
  const metrics = readMetrics(configFile('kwok-metrics.yaml'))
  assert.deepEqual([...new Set(metrics.map(({ kind }) => kind))].sort(), ['counter', 'gauge', 'histogram'])
  const places = new Set(metrics.map(each => each['dimension']))
  assert.deepEqual([...places].sort(), ['container', 'node', 'pod'])
  for (const { name } of metrics) assert.match(name, /^lab_(node|pod|container)_/)
})

reads('reads for a node what kubelet and container runtime use at the stats proxy', () => {
  const metrics = readMetrics(configFile('kwok-resource-metrics.yaml'))
  const expressionOf = (name: string) => String(metrics.find(each => each.name === name)?.['value'])
  const [kubelet, runtime] = [systemUsage.kubelet, systemUsage.runtime]
  const [, cores] = / \+ ([\d.]+) \* node\.SinceSecond\(\)$/.exec(expressionOf('node_cpu_usage_seconds_total')) ?? []
  assert.equal(Number(cores) * 1e9, kubelet.nanoCores + runtime.nanoCores)
  const [, count, unit] = / \+ ([\d.]+) \* ([\d.]+)$/.exec(expressionOf('node_memory_working_set_bytes')) ?? []
  assert.equal(Number(count) * Number(unit), kubelet.bytes + runtime.bytes)
})
reads.run()

const manifests = suite('metricManifest()')

manifests('puts all into one object, with a mark of what they are', () => {
  const { spec } = metricManifest([metric('a'), metric('b')])
  assert.match(spec.path, /^\/metrics\/nodes\/\{nodeName\}\/metrics\/[0-9a-f]{12}$/)
  assert.deepEqual(
    spec.metrics.map(({ name }) => name),
    ['a', 'b', 'lab_metrics_info'],
  )
  const markOf = (...metrics: MetricConfig[]) => JSON.stringify(metricManifest(metrics).spec.metrics.at(-1))
  assert.equal(markOf(metric('a')), markOf(metric('a')))
  assert.notEqual(markOf(metric('a')), markOf(metric('a', 'gauge', { value: '2' })))
})

manifests('takes another path for other metrics, since KWOK keeps to what a path served first', () => {
  const pathOf = (value: string) => metricManifest([metric('a', 'gauge', { value })]).spec.path
  assert.equal(pathOf('1'), pathOf('1'))
  assert.notEqual(pathOf('1'), pathOf('2'))
})

manifests('serves a histogram of pods, or with labels, as counters', () => {
  const zone = { name: 'zone', value: 'z' }
  const buckets = [
    { le: 2, value: 'c', hidden: true },
    { le: 0.5, value: 'a' },
    { le: 1, value: 'b' },
  ]
  const le = (text: string) => ({ name: 'le', value: JSON.stringify(text) })
  const counter = (suffix: string, value: string, labels: unknown) => ({
    ...{ name: `h_${suffix}`, kind: 'counter', help: 'x', dimension: 'pod', labels, value },
  })
  const histogram = metric('h', 'histogram', { help: 'x', dimension: 'pod', labels: [zone], buckets })
  assert.deepEqual(metricManifest([histogram]).spec.metrics.slice(0, -1), [
    counter('bucket', '(a)', [zone, le('0.5')]),
    counter('bucket', '(a) + (b)', [zone, le('1')]),
    counter('bucket', '(a) + (b) + (c)', [zone, le('+Inf')]),
    counter('sum', '0.5 * (a) + 1.0 * (b) + 2.0 * (c)', [zone]),
    counter('count', '(a) + (b) + (c)', [zone]),
  ])
  const ofPods = metricManifest([metric('h', 'histogram', { dimension: 'pod', buckets })]).spec.metrics
  assert(!ofPods.some(({ kind }) => kind === 'histogram'))
})

manifests('refuses a name twice, its own included', () => {
  for (const name of ['a', 'lab_metrics_info']) {
    const metrics = [metric('a'), metric(name)]
    assert.throws(() => metricManifest(metrics), {
      name: 'UsageError',
      message: new RegExp(`Two metrics have the name ${name}:`),
    })
  }
})

manifests('gives a histogram a hidden bucket above all others, if it has none', () => {
  const bucketsOf = (buckets: unknown) =>
    metricManifest([metric('h', 'histogram', { buckets })]).spec.metrics[0]?.['buckets']
  const visible = { le: 2, value: '5' }
  const hidden = { le: 3, value: '5', hidden: true }
  assert.deepEqual(bucketsOf([visible]), [visible, { le: 4, value: '0.0', hidden: true }])
  assert.deepEqual(bucketsOf([hidden, visible]), [hidden, visible])
  assert.deepEqual(bucketsOf([{ le: 1, value: '1', hidden: true }, visible]), [
    { le: 1, value: '1', hidden: true },
    visible,
    { le: 4, value: '0.0', hidden: true },
  ])
})
manifests.run()

const trials = suite('trialManifest()')
trials('has the same metrics under a name and a path that no discovery takes for every node’s', () => {
  const manifest = metricManifest([metric('a')])
  const trial = trialManifest(manifest)
  assert.deepEqual(trial.spec.metrics, manifest.spec.metrics)
  assert.notEqual(trial.metadata.name, manifest.metadata.name)
  assert(!trial.spec.path.includes('{nodeName}'))
  assert.match(trial.spec.path, /^\/metrics\/trial\/\{nodeName:\.\+\}\/[0-9a-f]{12}$/)
})
trials.run()
