import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { parsePromql } from '../../../lib/promql/promql-parser.ts'
import { traceLabels } from '../../../lib/promql/trace-labels.ts'

const metrics: Readonly<Record<string, readonly string[]>> = {
  x: ['ns', 'pod', 'node'],
  y: ['ns', 'pod', 'owner'],
  b_bucket: ['job', 'le'],
}

function traced(text: string): { labels: string[] | undefined; faults: string[] } {
  const { expr } = parsePromql(text)
  assert(expr !== undefined, text)
  const { labels, faults } = traceLabels(expr, name => metrics[name] && new Set(metrics[name]))
  return { labels: labels && [...labels].sort(), faults: faults.map(({ label }) => label) }
}

const gives = suite('traceLabels() gives')
for (const [text, labels] of [
  ['x', 'node ns pod'],
  ['rate(x[5m])', 'node ns pod'],
  ['sum by (ns) (x)', 'ns'],
  ['sum without (pod) (x)', 'node ns'],
  ['sum(x)', ''],
  ['topk(5, x)', 'node ns pod'],
  ['count_values("v", x)', 'v'],
  ['x * on (ns, pod) group_left (owner) y', 'node ns owner pod'],
  ['y * on (ns, pod) group_right (owner) x', 'node ns owner pod'],
  ['x / on (ns) y', 'ns'],
  ['x / ignoring (node) y', 'ns pod'],
  ['x / y', 'node ns pod'],
  ['x or y', 'node ns owner pod'],
  ['x and on (pod) y', 'node ns pod'],
  ['2 * x', 'node ns pod'],
  ['label_replace(x, "w", "$1", "pod", "(.*)")', 'node ns pod w'],
  ['histogram_quantile(0.9, sum by (le, job) (rate(b_bucket[5m])))', 'job'],
  ['absent(x{ns="a", pod=~"b"})', 'ns'],
  ['vector(1)', ''],
  ['unknown', undefined],
  ['sum by (ns) (unknown)', 'ns'],
  ['sum by ($g) (x)', undefined],
  ['x or unknown', undefined],
] as const) {
  gives(`${text}: ${labels === undefined ? 'unknown' : labels || 'none'}`, () => {
    assert.deepEqual(traced(text), { labels: labels?.split(' ').filter(Boolean), faults: [] })
  })
}
gives.run()

const misses = suite('traceLabels() misses')
for (const [text, label] of [
  ['x{owner="a"}', 'owner'],
  ['sum by (owner) (x)', 'owner'],
  ['sum by (pod) (sum by (ns) (x))', 'pod'],
  ['sum by (ns) (x) / on (pod) sum by (pod) (y)', 'pod'],
  ['x * on (ns) group_left (nothing) y', 'nothing'],
  ['label_replace(x, "w", "$1", "owner", "(.*)")', 'owner'],
  ['histogram_quantile(0.9, sum by (job) (rate(b_bucket[5m])))', 'le'],
] as const) {
  misses(`${label} in ${text}`, () => assert.deepEqual(traced(text).faults, [label]))
}

misses('nothing for an unknown metric or label', () => {
  assert.deepEqual(traced('sum by (a) (unknown{b="c"}) + on ($d) group_left sum(x)').faults, [])
})
misses.run()
