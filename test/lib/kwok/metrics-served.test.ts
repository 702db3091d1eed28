import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { familiesOf, faultsIn, uncoveredNamespaces } from '../../../lib/kwok/metrics-served.ts'

const usage = (name: string, matchNamespaces?: string[]) => ({
  metadata: { name },
  spec: { selector: { ...(matchNamespaces === undefined ? {} : { matchNamespaces }) } },
})

const unsaid = suite('namespacesUnsaid()')

unsaid('gives those that no other object names, each once', () => {
  const said = [usage('shop', ['shop']), usage('own', ['a'])]
  assert.deepEqual(uncoveredNamespaces(said, ['shop', 'b', 'a', 'b'], 'own'), ['a', 'b'])
})

unsaid('gives none where an object speaks of all', () => {
  assert.deepEqual(uncoveredNamespaces([usage('all')], ['a', 'b'], 'own'), [])
})
unsaid.run()

const faults = suite('faultsIn()')

faults('finds what KWOK says of a metric, on one line, and each but once a node', () => {
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
  assert.deepEqual(faultsIn(log.join('\n')), [
    { metric: 'a', node: 'n1', why },
    { metric: 'a', node: 'n2', why },
  ])
})
faults.run()

const families = suite('familiesOf()')
families('gives the names, of a histogram the base', () => {
  const page = '# HELP a x\n# TYPE a gauge\na 1\n# TYPE h histogram\nh_bucket{le="1"} 1\nh_sum 1\nh_count 1\n'
  assert.deepEqual([...familiesOf(page)], ['a', 'h'])
})
families.run()
