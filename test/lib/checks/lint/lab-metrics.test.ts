import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { knownSeries, labelsOf, seriesNames } from '../../../../lib/checks/lint/lab-metrics.ts'
import { describeQuantity, quantityOf, quantityOfUnit } from '../../../../lib/checks/lint/measured-quantity.ts'
import type { CatalogMetric } from '../../../../lib/checks/lint/metric-catalog.ts'
import { nearestName } from '../../../../lib/cli/nearest-name.ts'
import { parsePromql } from '../../../../lib/promql/promql-parser.ts'

const metric = (name: string, type: CatalogMetric['type'], unit: string): CatalogMetric => {
  return { name, type, unit, labels: ['a', 'b'], source: 'test' }
}
const catalog = [
  metric('h', 'histogram', 'seconds'),
  metric('s', 'summary', 'bytes'),
  metric('c_total', 'counter', 'seconds'),
  metric('bytes_total', 'counter', 'bytes'),
  metric('g', 'gauge', 'bytes'),
  metric('n', 'gauge', '1'),
]

const known = suite('knownSeries()')
const find = knownSeries(catalog, [
  { record: 'r:of_c', expr: 'sum by (a) (rate(c_total[5m]))', labels: { added: 'x' } },
  { record: 'r:of_r', expr: 'max without (a) (r:of_c)' },
  { record: 'r:twice', expr: 'sum by (a) (g)' },
  { record: 'r:twice', expr: 'sum by (b) (g)' },
  { record: 'r:itself', expr: 'r:itself + r:other' },
  { record: 'r:other', expr: 'r:itself' },
  { record: 'r:broken', expr: 'sum(' },
])
for (const [name, type, labels, measured] of [
  ['g', 'gauge', 'a b', 'bytes'],
  ['h', 'histogram', 'a b', 'seconds'],
  ['h_bucket', 'counter', 'a b le', 'a plain count'],
  ['h_sum', 'counter', 'a b', 'seconds'],
  ['h_count', 'counter', 'a b', 'a plain count'],
  ['s', 'gauge', 'a b quantile', 'bytes'],
  ['s_sum', 'counter', 'a b', 'bytes'],
  ['r:of_c', 'recorded', 'a added', 'CPU cores'],
  ['r:of_r', 'recorded', 'added', 'CPU cores'],
  ['r:twice', 'recorded', 'a b', 'bytes'],
  ['r:itself', 'recorded', undefined, undefined],
  ['r:broken', 'recorded', undefined, undefined],
] as const) {
  known(`${name} is a ${type} with ${labels ?? 'unknown labels'}`, () => {
    const series = find(name)
    assert.equal(series?.type, type)
    const found = labelsOf(series)
    assert.equal(found && [...found].sort().join(' '), labels)
    assert.equal(series.quantity && describeQuantity(series.quantity), measured)
  })
}
known('finds no other name', () => {
  for (const name of ['h_total', 's_bucket', 'g_sum', 'x', '']) assert.equal(find(name), undefined, name)
})
known.run()

const names = suite('seriesNames()')
for (const [type, expected] of [
  ['gauge', 'm'],
  ['histogram', 'm_bucket m_sum m_count'],
  ['summary', 'm m_sum m_count'],
] as const) {
  names(`of a ${type}: ${expected}`, () => assert.equal(seriesNames(metric('m', type, '1')).join(' '), expected))
}
names.run()

const quantities = suite('quantityOf()')
for (const [text, expected] of [
  ['g', 'bytes'],
  ['rate(bytes_total[5m]) * 8', 'bits per second'],
  ['g * 8', 'bits'],
  ['g / 1024', 'bytes × 0.0009765625'],
  ['rate(c_total[5m])', 'CPU cores'],
  ['increase(c_total[5m])', 'seconds'],
  ['rate(n[5m])', 'a count per second'],
  ['1 - g / g', 'a ratio'],
  ['100 * g / g', 'a ratio × 100'],
  ['g / n', 'bytes'],
  ['n / n', 'a plain count'],
  ['n * g', 'bytes'],
  ['count(g)', 'a plain count'],
  ['g > bool 5', 'a plain count'],
  ['g > 5', 'bytes'],
  ['5 < g', 'bytes'],
  ['g or n', undefined],
  ['g or unknown', 'bytes'],
  ['g and n', 'bytes'],
  ['g + n', undefined],
  ['g + 1', 'bytes'],
  ['quantile(0.9, g)', 'bytes'],
  ['topk(3, g)', 'bytes'],
  ['max_over_time(g[5m])', 'bytes'],
  ['count_over_time(g[5m])', 'a plain count'],
  ['quantile_over_time(0.9, g[5m])', 'bytes'],
  ['histogram_quantile(0.9, sum by (le) (rate(h_bucket[5m])))', 'seconds'],
  ['rate(h_sum[5m]) / rate(h_count[5m])', 'seconds'],
  ['time() - timestamp(g)', undefined],
  ['label_replace(g, "x", "y", "", "")', 'bytes'],
  ['sqrt(g)', undefined],
  ['g ^ 2', undefined],
  ['$x * 8', undefined],
  ['unknown', undefined],
] as const) {
  quantities(`${text} is ${expected ?? 'unknown'}`, () => {
    const { expr } = parsePromql(text)
    const quantity = expr && quantityOf(expr, name => find(name)?.quantity)
    assert.equal(quantity && describeQuantity(quantity), expected)
  })
}
quantities('are known for the units of the catalog only', () => {
  const words = ['bytes', 'seconds', 'milliseconds', 'cores', 'ratio', '1', 'by resource'].map(unit => {
    const quantity = quantityOfUnit(unit)
    return quantity && describeQuantity(quantity)
  })
  assert.deepEqual(words, ['bytes', 'seconds', 'seconds × 1000', 'CPU cores', 'a ratio', 'a plain count', undefined])
})
quantities.run()

const nearest = suite('nearestName()')
for (const [name, expected] of [
  ['k8s_pod_phse', 'k8s_pod_phase'],
  ['k8s_pod_phase_', 'k8s_pod_phase'],
  ['k8s_cluster_phase', undefined],
  ['k8s.pod.phase', 'k8s_pod_phase'],
  ['k8s.pod.uptime', 'k8s_pod_uptime_seconds_total'],
  ['k8s_pod_uptime', 'k8s_pod_uptime_seconds_total'],
  ['k8s_job_phase', undefined],
  ['up', 'up'],
  ['us', 'up'],
  ['xy', undefined],
  ['', undefined],
] as const) {
  nearest(`${name || 'nothing'} is ${expected === undefined ? 'near none' : `near ${expected}`}`, () =>
    assert.equal(
      nearestName(name, ['up', 'k8s_pod_phase', 'k8s_namespace_phase', 'k8s_pod_uptime_seconds_total']),
      expected,
    ),
  )
}
for (const [name, other, expected] of [
  ['container_network_receive_bytes_total', 'container_network_receive_packets_total', false],
  ['container_cpu_throttled_periods_seconds', 'container_cpu_throttled_periods_ratio', false],
  ['container_network_transmit_errors_total', 'container_network_transmit_bytes_total', false],
  ['container_memory_usage_total_somewhere', 'container_memory_usage_ratio_somewhere', false],
  ['container_network_recieve_bytes_total', 'container_network_receive_bytes_total', true],
  ['container_network_receive_byte_total', 'container_network_receive_bytes_total', true],
  ['container_network_receive_bytes', 'container_network_receive_bytes_total', true],
] as const) {
  nearest(`${name} is ${expected ? '' : 'not '}near ${other}`, () =>
    assert.equal(nearestName(name, [other]), expected ? other : undefined),
  )
}
nearest.run()
