import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { failuresIn, familiesOf, uncoveredNamespaces } from '../../../lib/kwok/metrics-served.ts'

const usage = (name: string, matchNamespaces?: string[]) => ({
  metadata: { name },
  spec: { selector: { ...(matchNamespaces === undefined ? {} : { matchNamespaces }) } },
})

const uncovered = suite('uncoveredNamespaces()')

uncovered('gives each namespace that no other object covers once', () => {
  const usages = [usage('shop', ['shop']), usage('own', ['a'])]
  assert.deepEqual(uncoveredNamespaces(usages, ['shop', 'b', 'a', 'b'], 'own'), ['a', 'b'])
})

uncovered('gives none when an object covers all', () => {
  assert.deepEqual(uncoveredNamespaces([usage('all')], ['a', 'b'], 'own'), [])
})
uncovered.run()

const failures = suite('failuresIn()')

failures('gives KWOK’s message in one line, once for each metric and node', () => {
  const line = (metric: string, node: string) =>
    JSON.stringify({
      level: 'ERROR',
      msg: 'failed to update metrics',
      err: 'failed to compile:\n ERROR: <input>:1:1\n | nodee',
      metric,
      node,
    })
  const log = [line('a', 'n1'), line('a', 'n1'), '{"msg":"another"}', line('a', 'n2'), line('b', 'n1').slice(0, 60)]
  const why = 'failed to compile: ERROR: <input>:1:1 | nodee'
  assert.deepEqual(failuresIn(log.join('\n')), [
    { metric: 'a', node: 'n1', why },
    { metric: 'a', node: 'n2', why },
  ])
})
failures.run()

const families = suite('familiesOf()')
families('gives the names of metric families', () => {
  const page = '# HELP a x\n# TYPE a gauge\na 1\n# TYPE h histogram\nh_bucket{le="1"} 1\nh_sum 1\nh_count 1\n'
  assert.deepEqual([...familiesOf(page)], ['a', 'h'])
})
families.run()
