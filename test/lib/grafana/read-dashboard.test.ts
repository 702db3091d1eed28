import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { LabError } from '../../../lib/cli/errors.ts'
import type { Dashboard } from '../../../lib/grafana/dashboard-model.ts'
import { readDashboard } from '../../../lib/grafana/read-dashboard.ts'

const read = (json: unknown) => readDashboard(json, 'some.json')
/** A dashboard with just these panels. */
const withPanels = (panels: unknown[], more: object = {}) => read({ title: 'T', panels, ...more })
/** A panel with just this target. */
const target = (json: unknown, panel: object = {}) => {
  const { panels, skipped } = withPanels([{ title: 'P', type: 'stat', targets: [json], ...panel }])
  return { read: panels[0]?.targets[0], skipped: skipped.map(({ reason }) => reason) }
}
const titles = ({ panels }: Dashboard) => panels.map(({ row, title }) => `${row}/${title}`)

const classic = suite('readDashboard() of classic JSON')

classic('reads the settings of a dashboard', () => {
  const dashboard = read({
    uid: 'u',
    title: 'T',
    tags: ['a', 'b'],
    time: { from: 'now-1h', to: 'now' },
    refresh: '10s',
    links: [
      { type: 'link', title: 'One', url: '/d/x', tags: ['ignored'] },
      { type: 'dashboards', title: 'Many', url: '', tags: ['a'] },
    ],
    panels: [],
  })
  assert.deepEqual(dashboard, {
    source: 'some.json',
    uid: 'u',
    title: 'T',
    tags: ['a', 'b'],
    time: { from: 'now-1h', to: 'now', refresh: '10s' },
    links: [
      { title: 'One', url: '/d/x', tags: [] },
      { title: 'Many', url: '', tags: ['a'] },
    ],
    panels: [],
    variables: [],
    skipped: [],
  })
})

classic('reads a panel with its targets', () => {
  const { panels, skipped } = withPanels([
    {
      id: 3,
      title: 'CPU',
      type: 'timeseries',
      description: 'What it is.',
      datasource: { type: 'prometheus', uid: '${datasource}' },
      interval: '1m',
      gridPos: { x: 12, y: 1, w: 6, h: 4 },
      fieldConfig: {
        defaults: { unit: 'bytes', links: [{ title: 'L', url: '/d/l' }] },
        overrides: [{ matcher: { id: 'byName', options: 'Value #A' }, properties: [{ id: 'unit', value: 's' }] }],
      },
      options: { legend: {} },
      transformations: [{ id: 'organize', options: { renameByName: {} } }],
      repeat: 'node',
      targets: [
        { refId: 'A', expr: ' x ', legendFormat: '{{a}}', instant: true, format: 'table', interval: '30s', hide: true },
        { expr: 'y', datasource: { type: 'prometheus', uid: 'other' } },
      ],
    },
  ])
  const datasource = { type: 'prometheus', uid: '${datasource}' }
  assert.deepEqual(skipped, [])
  assert.deepEqual(panels, [
    {
      id: 3,
      title: 'CPU',
      type: 'timeseries',
      description: 'What it is.',
      unit: 'bytes',
      fieldConfig: {
        defaults: { unit: 'bytes', links: [{ title: 'L', url: '/d/l' }] },
        overrides: [{ matcher: { id: 'byName', options: 'Value #A' }, properties: { unit: 's' } }],
      },
      options: { legend: {} },
      transformations: [{ id: 'organize', options: { renameByName: {} }, disabled: false }],
      links: [{ title: 'L', url: '/d/l', tags: [] }],
      gridPos: { x: 12, y: 1, w: 6, h: 4 },
      row: '',
      place: { at: 0, repeat: '', isCollapsed: false, tab: '' },
      ownLinks: [],
      repeats: ['node'],
      repeat: { variable: 'node', isVertical: false, maxPerRow: 4 },
      datasource,
      interval: '1m',
      targets: [
        {
          refId: 'A',
          expr: 'x',
          instant: true,
          range: false,
          format: 'table',
          legendFormat: '{{a}}',
          hide: true,
          datasource,
          interval: '30s',
        },
        {
          refId: 'B',
          expr: 'y',
          instant: false,
          range: true,
          format: 'time_series',
          legendFormat: '',
          hide: false,
          datasource: { type: 'prometheus', uid: 'other' },
          interval: '',
        },
      ],
    },
  ])
})

classic('assigns panels to rows: after an open row, inside a collapsed one', () => {
  const dashboard = withPanels([
    { title: 'first', type: 'text' },
    { title: 'open', type: 'row', panels: [], repeat: 'ns' },
    { title: 'second', type: 'text' },
    { title: 'closed', type: 'row', collapsed: true, panels: [{ title: 'third', type: 'text', repeat: 'pod' }] },
    { title: 'empty', type: 'row' },
    { title: 'last', type: 'text' },
  ])
  assert.deepEqual(titles(dashboard), ['/first', 'open/second', 'closed/third', 'empty/last'])
  assert.deepEqual(
    dashboard.panels.map(({ repeats }) => repeats.join()),
    ['', 'ns', 'pod', ''],
  )
})

classic('reads the rows of schema versions before 16, with their types and units', () => {
  const dashboard = read({
    title: 'Old',
    schemaVersion: 8,
    rows: [
      {
        title: 'R',
        repeat: 'ns',
        panels: [
          { id: 1, title: 'G', type: 'graph', span: 6, yaxes: [{ format: 'Bps' }, {}], targets: ['up', { expr: 'x' }] },
          { id: 2, title: 'S', type: 'singlestat', format: 's', datasource: 'Prometheus', targets: [{ expr: 'y' }] },
        ],
      },
      {
        panels: [
          {
            title: 'Tab',
            type: 'table',
            styles: [
              { type: 'number', pattern: 'Value', unit: 'percentunit' },
              { type: 'number', pattern: '/Value.*/', unit: 'bytes', link: true, linkUrl: '/d/x', linkTooltip: 'go' },
              { type: 'hidden', pattern: 'Time' },
            ],
          },
        ],
      },
    ],
  })
  assert.deepEqual(titles(dashboard), ['R/G', 'R/S', '/Tab'])
  const [graph, stat, table] = dashboard.panels
  assert.deepEqual([graph?.type, graph?.unit, graph?.gridPos.w, graph?.repeats], ['graph', 'Bps', 12, ['ns']])
  assert.deepEqual(
    graph?.targets.map(({ refId, expr }) => `${refId} ${expr}`),
    ['A up', 'B x'],
  )
  assert.deepEqual(
    [stat?.type, stat?.unit, stat?.datasource],
    ['singlestat', 's', { type: 'prometheus', uid: 'Prometheus' }],
  )
  assert.deepEqual(
    table?.fieldConfig.overrides.map(({ matcher, properties }) => [matcher.id, matcher.options, properties['unit']]),
    [
      ['byName', 'Value', 'percentunit'],
      ['byRegexp', '/Value.*/', 'bytes'],
    ],
  )
  assert.deepEqual(table?.links, [{ title: 'go', url: '/d/x', tags: [] }])
})

for (const [fact, json] of [
  ['the answer of the HTTP API', { meta: { slug: 't' }, dashboard: { uid: 'u', title: 'T', panels: [] } }],
  [
    'a Kubernetes resource',
    { apiVersion: 'dashboard.grafana.app/v1', metadata: { name: 'u' }, spec: { title: 'T', panels: [] } },
  ],
  ['a dashboard without panels', { uid: 'u', title: 'T', schemaVersion: 39 }],
] as const) {
  classic(`takes ${fact}`, () => assert.deepEqual([read(json).uid, read(json).title], ['u', 'T']))
}

classic('gives queries without a refId letters, also after Z', () => {
  const { panels } = withPanels([{ title: 'P', targets: Array.from({ length: 28 }, () => ({ expr: 'x' })) }])
  const refIds = panels[0]?.targets.map(({ refId }) => refId)
  assert.deepEqual([refIds?.[0], refIds?.[25], refIds?.[26], refIds?.[27]], ['A', 'Z', 'AA', 'AB'])
})
classic.run()

const datasources = suite('readDashboard() of datasources')
const variables = {
  templating: {
    list: [
      { name: 'ds', type: 'datasource', query: 'prometheus' },
      { name: 'logs', type: 'datasource', query: 'loki' },
    ],
  },
  __inputs: [{ name: 'DS_LOKI', type: 'datasource', pluginId: 'loki' }],
}
for (const [fact, datasource, reason] of [
  ['the default datasource', null, undefined],
  ['Prometheus', { type: 'prometheus', uid: 'x' }, undefined],
  ['a uid alone', { uid: 'PBFA97CFB590B2093' }, undefined],
  ['a name', 'My Prometheus', undefined],
  ['a variable of Prometheus', { type: 'loki', uid: '${ds}' }, undefined],
  ['a plain variable', '$ds', undefined],
  ['Loki', { type: 'loki', uid: 'loki' }, 'asks loki, not Prometheus'],
  ['Tempo by its uid', { uid: 'tempo' }, 'asks tempo, not Prometheus'],
  ['a variable of Loki', { type: 'prometheus', uid: '$logs' }, 'asks loki ($logs), not Prometheus'],
  ['an input of an export', { uid: '${DS_LOKI}' }, 'asks loki (${DS_LOKI}), not Prometheus'],
  [
    'an expression',
    { type: '__expr__', uid: '__expr__' },
    "is an expression over other queries, which Grafana's server works out",
  ],
  ['another panel', { uid: '-- Dashboard --' }, "shows another panel's data"],
  ['random numbers', '-- Grafana --', "asks Grafana's built-in datasource, not Prometheus"],
] as const) {
  datasources(`${reason === undefined ? 'accepts' : 'skips'} ${fact}`, () => {
    const { panels, skipped } = withPanels(
      [{ title: 'P', datasource, targets: [{ refId: 'A', expr: 'x' }] }],
      variables,
    )
    assert.deepEqual(
      [panels[0]?.targets.length, skipped],
      reason === undefined ? [1, []] : [0, [{ kind: 'target', name: 'P', refId: 'A', reason }]],
    )
  })
}

datasources('reads the datasource of each target of a mixed panel', () => {
  const targets = [
    { refId: 'A', expr: 'x', datasource: { type: 'prometheus', uid: 'p' } },
    { refId: 'B', expr: '{app="x"}', datasource: { type: 'loki', uid: 'l' } },
    { refId: 'C', expr: 'y' },
  ]
  const { panels, skipped } = withPanels([{ title: 'P', datasource: { uid: '-- Mixed --' }, targets }])
  assert.deepEqual(
    panels[0]?.targets.map(({ refId }) => refId),
    ['A', 'C'],
  )
  assert.deepEqual(
    skipped.map(({ refId, reason }) => `${refId} ${reason}`),
    ['B asks loki (l), not Prometheus'],
  )
})

for (const [fact, json, reason] of [
  ['an empty query', { refId: 'A', expr: '' }, 'has no query text'],
  ['a blank query', { refId: 'A', expr: ' \n' }, 'has no query text'],
  ['an SQL query', { refId: 'A', rawSql: 'select 1' }, 'has "rawSql" and no PromQL expression'],
  ['a number', 7, 'has no query text'],
] as const) {
  datasources(`skips ${fact}`, () => assert.deepEqual(target(json), { read: undefined, skipped: [reason] }))
}

datasources('skips a library panel without its model, and reads one with it', () => {
  const model = { type: 'stat', targets: [{ refId: 'A', expr: 'x' }] }
  const { panels, skipped } = withPanels([
    { id: 1, title: 'Away', libraryPanel: { uid: 'l', name: 'Lib' } },
    { id: 2, title: 'Here', libraryPanel: { uid: 'l', name: 'Lib', model } },
  ])
  assert.deepEqual(
    panels.map(({ title, type, targets }) => [title, type, targets.length]),
    [['Here', 'stat', 1]],
  )
  const reason = 'is a library panel, whose queries are not in the file'
  assert.deepEqual(skipped, [{ kind: 'panel', name: 'Away', refId: '', reason }])
})
datasources.run()

const lists = suite('readDashboard() of variables')
for (const [fact, json, expected] of [
  [
    'a query',
    {
      type: 'query',
      query: 'label_values(x, a)',
      regex: '/a/',
      multi: true,
      includeAll: true,
      allValue: '.+',
      current: { value: ['$__all'] },
    },
    { query: 'label_values(x, a)', regex: '/a/', multi: true, includeAll: true, allValue: '.+', current: ['$__all'] },
  ],
  [
    'a query in an object',
    { type: 'query', query: { qryType: 1, query: 'label_values(a)', refId: 'Q' } },
    { query: 'label_values(a)' },
  ],
  [
    'a query with only its definition',
    { type: 'query', query: {}, definition: 'label_values(b)' },
    { query: 'label_values(b)' },
  ],
  [
    'the old form of All',
    { type: 'query', query: 'x', current: { text: 'All', value: 'All' } },
    { current: ['$__all'] },
  ],
  ['a list', { type: 'custom', query: 'a,b', current: { value: 'a' } }, { query: 'a,b', current: ['a'] }],
  ['a constant', { type: 'constant', query: 'kube', hide: 2 }, { query: 'kube', hide: 'variable' }],
  ['a text box', { type: 'textbox', query: 'x', hide: 1 }, { query: 'x', hide: 'label' }],
  ['a datasource', { type: 'datasource', query: 'prometheus' }, { query: 'prometheus' }],
] as const) {
  lists(`reads ${fact}`, () => {
    const dashboard = withPanels([], { templating: { list: [{ name: 'v', ...json }] } })
    assert.deepEqual(dashboard.skipped, [])
    const variable = { ...dashboard.variables[0] }
    for (const [key, value] of Object.entries(expected))
      assert.deepEqual(variable[key as keyof typeof variable], value, key)
  })
}

lists('skips the query of a variable of another datasource, and keeps the variable', () => {
  const list = [{ name: 'v', type: 'query', query: 'label_values(app)', datasource: { type: 'loki', uid: 'l' } }]
  const { variables: read, skipped } = withPanels([], { templating: { list } })
  assert.equal(read.length, 1)
  assert.deepEqual(skipped, [{ kind: 'variable', name: 'v', refId: '', reason: 'asks loki (l), not Prometheus' }])
})
lists.run()

const refuses = suite('readDashboard() refuses')
for (const [fact, json, why] of [
  ['a list', [], 'it is a list, and a dashboard is an object'],
  ['a number', 3, 'it is a number, and a dashboard is an object'],
  ['null', null, 'it is null, and a dashboard is an object'],
  ['nothing', {}, 'it is empty'],
  ['rules', { groups: [] }, 'it has neither "panels" nor "rows" nor "elements" (it has groups)'],
  ['a panel', { title: 'P', type: 'stat', targets: [] }, 'it is a single panel'],
  ['panels that are not a list', { title: 'T', panels: {} }, '"panels" is not a list'],
  ['panels without a title and a uid', { panels: [] }, 'it has panels, and neither a title nor a uid'],
] as const) {
  refuses(fact, () => {
    const expected = new LabError(`some.json is not a Grafana dashboard: ${why}`)
    assert.throws(() => read(json), { name: 'LabError', message: expected.message, exitCode: 1 })
  })
}

refuses('no dashboard because of invalid values inside it: they count as missing', () => {
  const panels = [
    null,
    7,
    'x',
    [],
    { title: 5, type: {}, targets: 'x', gridPos: 'x', links: {}, fieldConfig: { overrides: [3] } },
  ]
  const dashboard = read({
    title: 'T',
    tags: 'x',
    panels,
    rows: [null],
    templating: { list: [null, 3] },
    links: 4,
    time: 'x',
  })
  assert.equal(dashboard.panels.length, 5)
  assert.deepEqual(
    dashboard.panels.flatMap(({ targets }) => targets),
    [],
  )
})
refuses.run()

const ids = suite('readDashboard() of panel ids')
ids('gives each panel a unique id, as Grafana does for a missing or duplicate one', () => {
  const panels = [{ id: 4 }, {}, { id: 4 }, { id: 2 }, { id: 'x' }].map(panel => ({ title: 'P', ...panel }))
  assert.deepEqual(
    read({ title: 'T', panels }).panels.map(({ id }) => id),
    [4, 5, 6, 2, 7],
  )
})
ids.run()
