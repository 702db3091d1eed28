import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { compareWithTruth } from '../../../../lib/checks/verify/compare-values.ts'
import { truthKey } from '../../../../lib/checks/verify/expected-values.ts'
import type { Dimension } from '../../../../lib/checks/verify/query-expectations.ts'

const compares = suite('compareWithTruth()')
const by: Dimension[] = ['namespace', 'pod']
const exact = (entries: Record<string, number>) =>
  new Map(Object.entries(entries).map(([pod, value]) => [truthKey(['shop', pod]), { least: value, most: value }]))
const sample = (pod: string, value: number) => ({ labels: { k8s_namespace_name: 'shop', k8s_pod_name: pod }, value })
const count = { by, scale: 1, isUsage: false }

compares('finds nothing in correct values, with or without zeros', () => {
  assert.deepEqual(compareWithTruth([sample('a', 1), sample('z', 0)], exact({ a: 1, b: 0 }), count), [])
})

compares('reports wrong, missing, unexpected and duplicate series', () => {
  const samples = [sample('a', 2), sample('c', 3), sample('a', 1)]
  assert.deepEqual(compareWithTruth(samples, exact({ a: 1, b: 0.5 }), count), [
    { where: 'k8s_namespace_name=shop, k8s_pod_name=a', got: '2', expected: '1' },
    { where: 'k8s_namespace_name=shop, k8s_pod_name=c', got: '3', expected: 'nothing: there is no such thing' },
    { where: 'k8s_namespace_name=shop, k8s_pod_name=a', got: 'another series, 1', expected: 'one series' },
    { where: 'k8s_namespace_name=shop, k8s_pod_name=b', got: 'nothing', expected: '0.5' },
  ])
})

for (const [value, isUsage, isRight] of [
  [100, true, true],
  [104.9, true, true],
  [95.1, true, true],
  [105.1, true, false],
  [94.9, true, false],
  [100.00001, false, true],
  [100.1, false, false],
  [-100, true, false],
] as const) {
  compares(`${isRight ? 'accepts' : 'rejects'} ${value} for ${isUsage ? 'a usage' : 'a count'} of 100`, () => {
    const found = compareWithTruth([sample('a', value)], exact({ a: 100 }), { by, scale: 1, isUsage })
    assert.equal(found.length, isRight ? 0 : 1)
  })
}

compares('accepts values within the bounds only', () => {
  const bounds = new Map([[truthKey([]), { least: 10, most: 20 }]])
  const given = { by: [], scale: 8, isUsage: true }
  assert.deepEqual(compareWithTruth([{ labels: {}, value: 8 * 15 }], bounds, given), [])
  assert.deepEqual(compareWithTruth([{ labels: {}, value: 15 }], bounds, given), [
    { where: 'in all', got: '15', expected: '80 to 160' },
  ])
})

compares('rejects a value below the lower bound when the upper bound is infinite', () => {
  const open = new Map([[truthKey([]), { least: 10, most: Number.POSITIVE_INFINITY }]])
  const given = { by: [], scale: 1, isUsage: true }
  assert.deepEqual(compareWithTruth([{ labels: {}, value: 1e6 }], open, given), [])
  assert.equal(compareWithTruth([{ labels: {}, value: 1 }], open, given).length, 1)
})
compares.run()
