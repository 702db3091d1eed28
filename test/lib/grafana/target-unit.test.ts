import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { readDashboard } from '../../../lib/grafana/read-dashboard.ts'
import { unitOfTarget } from '../../../lib/grafana/target-unit.ts'

/** The unit of target A of a panel in which everything else is bytes. */
function unit(panel: object, targets: object[] = [{ expr: 'a', refId: 'A', format: 'table' }]): string {
  const { panels } = readDashboard({ title: 'T', panels: [{ type: 'table', targets, ...panel }] }, 'x')
  const [first] = panels
  const target = first?.targets.find(({ refId }) => refId === 'A')
  assert(first !== undefined && target !== undefined)
  return unitOfTarget(first, target)
}
const two = [
  { expr: 'a', refId: 'A', format: 'table' },
  { expr: 'b', refId: 'B', format: 'table' },
]
const overridden = (id: string, options: unknown, more: object = {}) => ({
  fieldConfig: {
    defaults: { unit: 'bytes' },
    overrides: [{ matcher: { id, options }, properties: [{ id: 'unit', value: 's' }] }],
  },
  ...more,
})
const renamed = { transformations: [{ id: 'organize', options: { renameByName: { 'Value #A': 'Age' } } }] }

const units = suite('unitOfTarget()')
for (const [fact, panel, targets, expected] of [
  ['is the panel’s', { fieldConfig: { defaults: { unit: 'bytes' } } }, two, 'bytes'],
  ['is empty without a unit', {}, two, ''],
  ['is that of its column', overridden('byName', 'Value #A'), two, 's'],
  ['is not that of another column', overridden('byName', 'Value #B'), two, 'bytes'],
  ['is that of the only column', overridden('byName', 'Value'), undefined, 's'],
  ['is not that of the only column if there are two', overridden('byName', 'Value'), two, 'bytes'],
  ['is that of its renamed column', overridden('byName', 'Age', renamed), two, 's'],
  ['is not that of an unknown name', overridden('byName', 'Age'), two, 'bytes'],
  ['is that of a pattern', overridden('byRegexp', '/^Value.*/'), two, 's'],
  ['is the panel’s if a bare pattern matches only a part', overridden('byRegexp', 'Value'), two, 'bytes'],
  ['is the panel’s if a pattern is invalid', overridden('byRegexp', '/(/'), two, 'bytes'],
  ['is that of its query', overridden('byFrameRefID', 'A'), two, 's'],
  ['is that of its legend', overridden('byName', 'limit'), [{ expr: 'a', refId: 'A', legendFormat: 'limit' }], 's'],
  [
    'is the panel’s if the legend has a label',
    overridden('byName', '{{a}}'),
    [{ expr: 'a', refId: 'A', legendFormat: '{{a}}' }],
    'bytes',
  ],
] as const) {
  units(fact, () => assert.equal(unit(panel, targets && [...targets]), expected))
}
units.run()
