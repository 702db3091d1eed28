import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import { parse } from 'yaml'
import { readMetrics } from '../../../lib/kwok/metric-objects.ts'
import { missingSeries, nameInPrometheus } from '../../../lib/kwok/metrics-arrival.ts'
import { projectDir } from '../../../lib/lab/lab.ts'

const configDir = join(projectDir, 'kwok-config')

const names = suite('nameInPrometheus()')

for (const [name, kind, expected] of [
  ['container_memory_working_set_bytes', 'gauge', 'kwok_container_memory_working_set_bytes'],
  ['k8s_pod_cpu_time_seconds_total', 'counter', 'kwok_k8s_pod_cpu_time_seconds_total'],
  ['scrape_error', 'gauge', 'kwok_scrape_error'],
  ['node', 'gauge', 'node'],
  ['podium_height', 'gauge', 'podium_height'],
  ['lab_pod_requests_total', 'counter', 'lab_pod_requests_total'],
  ['lab_latency', 'histogram', 'lab_latency_count'],
  ['pod_latency', 'histogram', 'kwok_pod_latency_count'],
] as const) {
  names(`calls the ${kind} ${name} ${expected}`, () => assert.equal(nameInPrometheus(name, kind), expected))
}

names('are those of the rule in kwok-config/prometheus.yaml', () => {
  const { scrape_configs } = parse(readFileSync(join(configDir, 'prometheus.yaml'), 'utf8'))
  const job = scrape_configs.find((each: { job_name: string }) => each.job_name === 'kwok-metrics')
  const [rule] = job.metric_relabel_configs
  assert.deepEqual([rule.source_labels, rule.target_label, rule.replacement], [['__name__'], '__name__', 'kwok_$1'])
  const whole = new RegExp(`^(?:${rule.regex})$`)
  const metrics = ['kwok-resource-metrics.yaml', 'kwok-metrics.yaml'].flatMap(file =>
    readMetrics(join(configDir, file)),
  )
  const others = ['node', 'podium_height', 'k8s_x', 'system_x', 'machine_x', 'kubelet_x', 'xnode_a', 'scrape_error_x']
  for (const name of [...metrics.map(each => each.name), ...others]) {
    assert.equal(nameInPrometheus(name, 'gauge'), whole.test(name) ? `kwok_${name}` : name)
  }
})

names('leaves no name of a kubelet to KWOK’s resource metrics', () => {
  for (const { name, kind } of readMetrics(join(configDir, 'kwok-resource-metrics.yaml'))) {
    assert.match(nameInPrometheus(name, kind), /^kwok_/)
  }
})
names.run()

const missing = suite('missingSeries()')
missing('names what a node lacks, whatever another has', () => {
  const expected = new Map([
    ['n1', new Set(['a', 'b'])],
    ['n2', new Set(['a'])],
  ])
  const sample = (name: string, node: string) => ({ labels: { __name__: name, k8s_node_name: node }, value: 1 })
  assert.deepEqual(missingSeries(expected, [sample('a', 'n1'), sample('b', 'n2')]), ['b of n1', 'a of n2'])
  assert.deepEqual(missingSeries(expected, [sample('a', 'n1'), sample('b', 'n1'), sample('a', 'n2')]), [])
})
missing.run()
