import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { formatTable } from '../../../lib/cli/table.ts'

const tables = suite('formatTable()')
for (const [fact, rows, text] of [
  ['gives nothing for no rows', [], ''],
  [
    'aligns columns, two spaces apart, with nothing after the last',
    [
      ['A', 'B', 'C'],
      ['aaa', 'b', 'cc'],
    ],
    'A    B  C\naaa  b  cc',
  ],
  [
    'leaves nothing at the end of a line',
    [
      ['a', ''],
      ['b', 'bbb'],
    ],
    'a\nb  bbb',
  ],
] as const) {
  tables(fact, () => assert.equal(formatTable(rows), text))
}
tables.run()
