import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { type IpRange, ipRange } from '../../../lib/cli/ip-range.ts'

const ranges = suite('ipRange()')

ranges('reads ranges of 4 addresses and more', () => {
  const range = ipRange('198.18.0.0/15') as IpRange
  assert.equal(range.size, 131_072)
  assert.equal(range.includes('198.19.255.255'), true)
  for (const other of ['198.17.255.255', '198.20.0.0', 'x', '::1', ''])
    assert.equal(range.includes(other), false, other)
  for (const wrong of [
    '198.18.0.0/31',
    '0.0.0.0/0',
    '198.18.0.1/24',
    'a/24',
    '198.18.0.0/+8',
    '198.0.0.0/08',
    '198.18.0.0/',
  ]) {
    assert.equal(ipRange(wrong), undefined, wrong)
  }
})

ranges.run()
