import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { parseQuantity } from '../../../lib/kube/quantity.ts'

const parses = suite('parseQuantity()')

for (const [text, value] of [
  ['0', 0],
  ['250m', 0.25],
  ['100n', 1e-7],
  ['1.5', 1.5],
  ['.5', 0.5],
  ['5.', 5],
  ['64Mi', 67_108_864],
  ['1.5Gi', 1_610_612_736],
  ['2k', 2_000],
  ['1E', 1e18],
  ['1E3', 1_000],
  ['1e30', 1e30],
  ['-1', -1],
  ['24684096Ki', 25_276_514_304],
] as const) {
  parses(`${text} is ${value}`, () => assert.equal(parseQuantity(text), value))
}

for (const text of ['', 'abc', '1 Mi', '1mi', '1KB', '1e', '--1', '.', '0x10', 'NaN', 'Infinity', '1Mi ', '1.2.3']) {
  parses(`"${text}" is none`, () => assert.equal(parseQuantity(text), undefined))
}

parses.run()
