import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { scaleOf } from '../../../../lib/checks/verify/compare-values.ts'
import { duplicateRows, type Frame } from '../../../../lib/checks/verify/duplicate-rows.ts'
import type { Panel } from '../../../../lib/grafana/dashboard-model.ts'
import { readDashboard } from '../../../../lib/grafana/read-dashboard.ts'
import { unitOfTarget } from '../../../../lib/grafana/target-unit.ts'

/** A panel as its JSON is read; two queries, A and B. */
function panel(json: Record<string, unknown>): Panel {
  const datasource = { type: 'prometheus', uid: 'prometheus' }
  const targets = ['A', 'B'].map(refId => ({ refId, expr: 'up', datasource, instant: true, format: 'table' }))
  const one = { id: 1, title: 'Table', type: 'table', datasource, targets, ...json }
  const [read] = readDashboard({ title: 'T', uid: 't', schemaVersion: 39, panels: [one] }, 't.json').panels
  assert(read)
  return read
}

function frame(refId: string, ...rows: Record<string, string>[]): Frame {
  return { refId, samples: rows.map((labels, value) => ({ labels, value })) }
}

const rows = suite('duplicateRows()')
const join = { id: 'joinByField', options: { byField: 'pod' } }
const organize = (...hidden: string[]) => ({
  ...{ id: 'organize', options: { excludeByName: Object.fromEntries(hidden.map(name => [name, true])) } },
})
const cases: [fact: string, transformations: unknown[], frames: Frame[], found: string[]][] = [
  ['finds nothing in an empty table', [join], [frame('A'), frame('B')], []],
  [
    'finds nothing where each row is once',
    [join],
    [frame('A', { pod: 'a' }, { pod: 'b' }), frame('B', { pod: 'a' })],
    [],
  ],
  [
    'finds two rows that one value joins',
    [join],
    [frame('A', { pod: 'a', node: '1' }, { pod: 'a', node: '2' }), frame('B', { pod: 'a' })],
    ['pod=a'],
  ],
  [
    'finds a query without the column to join on',
    [join],
    [frame('A', { pod: 'a' }), frame('B', {})],
    ['no column pod to join on in B'],
  ],
  [
    'finds nothing in a merge of the same columns',
    [{ id: 'merge', options: {} }],
    [frame('A', { pod: 'a', ns: '1' }, { pod: 'a', ns: '2' }), frame('B', { pod: 'a', ns: '1' })],
    [],
  ],
  [
    'finds rows that a merge can’t bring together',
    [{ id: 'merge', options: {} }],
    [frame('A', { pod: 'a', ns: '1' }, { pod: 'a', ns: '2' }), frame('B', { pod: 'a' })],
    ['pod=a'],
  ],
  [
    'finds rows that differ in hidden columns only',
    [{ id: 'merge', options: {} }, organize('ns')],
    [frame('A', { pod: 'a', ns: '1' }, { pod: 'a', ns: '2' }), frame('B', { pod: 'a', ns: '1' })],
    ['pod=a'],
  ],
  [
    'looks at one query without a join',
    [organize('pod')],
    [frame('A', { pod: 'a' }, { pod: 'b' })],
    ['rows without any column to tell them apart'],
  ],
  [
    'finds rows that differ in columns only that a pattern leaves out',
    [{ id: 'filterFieldsByName', options: { include: { pattern: '/^p(?!ort)/' } } }],
    [frame('A', { pod: 'a', port: '1' }, { pod: 'a', port: '2' })],
    ['pod=a'],
  ],
  [
    'looks at the columns that a pattern or a name lets through',
    [{ id: 'filterFieldsByName', options: { include: { names: ['port'], pattern: '/^pod$/' } } }],
    [frame('A', { pod: 'a', port: '1' }, { pod: 'a', port: '2' })],
    [],
  ],
  ['lets a panel group by itself', [{ id: 'groupBy', options: {} }], [frame('A', { pod: 'a' }, { pod: 'a' })], []],
  [
    'passes over what is switched off',
    [{ ...join, disabled: true }],
    [frame('A', { pod: 'a', x: '1' }, { pod: 'a', x: '2' })],
    [],
  ],
]
for (const [fact, transformations, frames, found] of cases) {
  rows(fact, () => assert.deepEqual(duplicateRows(panel({ transformations }), frames), found))
}
rows('stops a column pattern that takes too long, once for all columns, and names it', () => {
  const columns = Object.fromEntries(Array.from({ length: 120 }, (_, at) => [`${'a'.repeat(40)}!${at}`, '1']))
  const transformations = [{ id: 'filterFieldsByName', options: { include: { pattern: '/^(a+)+$/' } } }]
  const startedMs = performance.now()
  assert.throws(() => duplicateRows(panel({ transformations }), [frame('A', columns), frame('B', columns)]), {
    name: 'PatternError',
    message: /^The regular expression \/\^\(a\+\)\+\$\/ is invalid: .*it took longer than 1 s$/,
  })
  assert.ok(performance.now() - startedMs < 60_000)
})
rows.run()

const units = suite('unitOfTarget(), scaleOf()')
const override = (id: string, options: string, unit: string) => ({
  ...{ matcher: { id, options }, properties: [{ id: 'unit', value: unit }] },
})
const renamed = { id: 'organize', options: { renameByName: { 'Value #B': 'Share' } } }
const shown: [fact: string, overrides: unknown[], transformations: unknown[], units: [string, string]][] = [
  ['is the panel’s', [], [], ['short', 'short']],
  ['is that of the query', [override('byFrameRefID', 'B', 'bps')], [], ['short', 'bps']],
  ['is that of the column', [override('byName', 'Value #A', 'bytes')], [], ['bytes', 'short']],
  [
    'is that of the column by its new name',
    [override('byName', 'Share', 'percentunit')],
    [renamed],
    ['short', 'percentunit'],
  ],
  ['is that of columns by pattern', [override('byRegexp', '/^Value/', 'percent')], [], ['percent', 'percent']],
  ['passes over a pattern that is none', [override('byRegexp', '/(/', 'percent')], [], ['short', 'short']],
]
for (const [fact, overrides, transformations, expected] of shown) {
  units(fact, () => {
    const read = panel({ fieldConfig: { defaults: { unit: 'short' }, overrides }, transformations })
    assert.deepEqual(
      read.targets.map(target => unitOfTarget(read, target)),
      expected,
    )
  })
}
units('stops a pattern that takes too long, once for all queries, and names it', () => {
  const target = (at: number) => ({ refId: `R${at}`, expr: 'up', legendFormat: `${'a'.repeat(40)}!${at}` })
  const targets = Array.from({ length: 120 }, (_, at) => target(at))
  const fieldConfig = { defaults: {}, overrides: [override('byRegexp', '/^(a+)+$/', 's')] }
  const read = panel({ fieldConfig, targets })
  const startedMs = performance.now()
  for (const each of read.targets) {
    assert.throws(() => unitOfTarget(read, each), { name: 'PatternError', message: /took longer than 1 s$/ })
  }
  assert.ok(performance.now() - startedMs < 60_000)
})
units('converts base units to the units of panels', () => {
  assert.deepEqual(['bytes', 'Bps', 'bps', 'percent', 'percentunit', 'short', ''].map(scaleOf), [1, 1, 8, 100, 1, 1, 1])
})
units.run()
