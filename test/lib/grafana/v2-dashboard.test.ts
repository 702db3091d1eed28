import assert from 'node:assert/strict'
import {
  DashboardBuilder,
  DatasourceVariableBuilder,
  GridBuilder,
  GridItemBuilder,
  PanelBuilder,
  QueryGroupBuilder,
  QueryVariableBuilder,
  RowBuilder,
  RowsBuilder,
  TargetBuilder,
} from '@grafana/grafana-foundation-sdk/dashboardv2'
import { QueryV2Builder } from '@grafana/grafana-foundation-sdk/prometheus'
import { VisualizationV2Builder } from '@grafana/grafana-foundation-sdk/timeseries'
import { suite } from 'uvu'
import { classicDashboard, readDashboard } from '../../../lib/grafana/read-dashboard.ts'
import { isV2 } from '../../../lib/grafana/v2-dashboard.ts'
import { fields, items } from '../../../lib/kube/json.ts'

const query = (expr: string, refId = 'A', hidden = false) => ({
  kind: 'PanelQuery',
  spec: {
    refId,
    hidden,
    query: {
      kind: 'DataQuery',
      group: 'prometheus',
      version: 'v0',
      datasource: { name: '${datasource}' },
      spec: { expr },
    },
  },
})
const panel = (id: number, title: string, queries: unknown[]) => ({
  kind: 'Panel',
  spec: {
    id,
    title,
    description: `About ${title}`,
    links: [{ title: 'L', url: '/d/l' }],
    data: {
      kind: 'QueryGroup',
      spec: {
        queries,
        queryOptions: { interval: '1m' },
        transformations: [{ kind: 'Transformation', group: 'organize', spec: { options: { a: 1 } } }],
      },
    },
    vizConfig: {
      kind: 'VizConfig',
      group: 'timeseries',
      spec: { options: { o: 1 }, fieldConfig: { defaults: { unit: 'bytes' }, overrides: [] } },
    },
  },
})
const grid = (...items: unknown[]) => ({ kind: 'GridLayout', spec: { items } })
const at = (name: string, more: object = {}) => ({
  kind: 'GridLayoutItem',
  spec: { x: 1, y: 2, width: 3, height: 4, element: { kind: 'ElementReference', name }, ...more },
})
const resource = (spec: object) => ({
  apiVersion: 'dashboard.grafana.app/v2beta1',
  kind: 'Dashboard',
  metadata: { name: 'the-uid' },
  spec: { title: 'T', tags: ['t'], timeSettings: { from: 'now-1h', to: 'now', autoRefresh: '5s' }, ...spec },
})
const read = (json: unknown) => readDashboard(json, 'v2.json')

const v2 = suite('readDashboard() of the v2 schema')

v2('gives the same model as the equivalent classic JSON', () => {
  const dashboard = read(
    resource({ elements: { e: panel(1, 'P', [query('x')]) }, layout: grid(at('e')), variables: [] }),
  )
  const datasource = { type: 'prometheus', uid: '${datasource}' }
  const classic = readDashboard(
    {
      uid: 'the-uid',
      title: 'T',
      tags: ['t'],
      time: { from: 'now-1h', to: 'now' },
      refresh: '5s',
      panels: [
        {
          id: 1,
          title: 'P',
          description: 'About P',
          type: 'timeseries',
          links: [{ title: 'L', url: '/d/l' }],
          gridPos: { x: 1, y: 2, w: 3, h: 4 },
          interval: '1m',
          datasource,
          options: { o: 1 },
          fieldConfig: { defaults: { unit: 'bytes' }, overrides: [] },
          transformations: [{ id: 'organize', options: { a: 1 } }],
          targets: [{ refId: 'A', expr: 'x', datasource }],
        },
      ],
    },
    'v2.json',
  )
  assert.deepEqual(dashboard, classic)
  assert.deepEqual(dashboard.panels[0]?.targets[0]?.datasource, datasource)
})

v2('reads nested rows, tabs and grids, with their titles and repeats', () => {
  const elements = { a: panel(1, 'A', []), b: panel(2, 'B', []), c: panel(3, 'C', []), d: panel(4, 'D', []) }
  const repeat = (value: string) => ({ repeat: { mode: 'variable', value } })
  const row = (title: string, layout: unknown, more = {}) => ({
    kind: 'RowsLayoutRow',
    spec: { title, layout, ...more },
  })
  const tab = (title: string, layout: unknown) => ({ kind: 'TabsLayoutTab', spec: { title, layout } })
  const auto = {
    kind: 'AutoGridLayout',
    spec: { items: [{ kind: 'AutoGridLayoutItem', spec: { element: { name: 'd' } } }] },
  }
  const layout = {
    kind: 'TabsLayout',
    spec: {
      tabs: [
        tab('One', {
          kind: 'RowsLayout',
          spec: { rows: [row('R', grid(at('b', repeat('pod'))), repeat('ns')), row('S', grid(at('a')))] },
        }),
        tab('Two', auto),
      ],
    },
  }
  const { panels } = read(resource({ elements, layout }))
  assert.deepEqual(
    panels.map(({ title, row, repeats }) => [title, row, repeats.join()]),
    [
      ['B', 'R', 'ns,pod'],
      ['A', 'S', ''],
      ['D', 'Two', ''],
    ],
  )
})

v2('skips other datasources and library panels', () => {
  const loki = {
    kind: 'PanelQuery',
    spec: { refId: 'B', query: { kind: 'DataQuery', group: 'loki', datasource: { name: 'l' }, spec: { expr: '{}' } } },
  }
  const library = { kind: 'LibraryPanel', spec: { id: 2, title: 'Lib', libraryPanel: { uid: 'x', name: 'y' } } }
  const elements = { a: panel(1, 'A', [query('x', 'A', true), loki, query('', 'C')]), b: library }
  const { panels, skipped } = read(resource({ elements, layout: grid(at('a'), at('b')) }))
  assert.deepEqual(
    panels.map(({ targets }) => targets.map(({ refId, hide }) => [refId, hide])),
    [[['A', true]]],
  )
  assert.deepEqual(
    skipped.map(({ kind, name, refId, reason }) => [kind, name, refId, reason]),
    [
      ['target', 'A', 'B', 'asks loki (l), not Prometheus'],
      ['target', 'A', 'C', 'has no query text'],
      ['panel', 'Lib', '', 'is a library panel, whose queries are not in the file'],
    ],
  )
})

v2('reads variables of each kind, also those of rows', () => {
  const variable = (kind: string, spec: object) => ({
    kind,
    spec: { hide: 'dontHide', current: { value: 'x' }, ...spec },
  })
  const data = {
    kind: 'DataQuery',
    group: 'prometheus',
    datasource: { name: '${ds}' },
    spec: { query: 'label_values(a)' },
  }
  const old = { ...data, spec: { __legacyStringValue: 'label_values(b)' } }
  const variables = [
    variable('DatasourceVariable', { name: 'ds', pluginId: 'prometheus' }),
    variable('QueryVariable', { name: 'q', query: data, multi: true, includeAll: true, hide: 'hideVariable' }),
    variable('QueryVariable', { name: 'o', query: old }),
    variable('CustomVariable', { name: 'c', query: 'a,b' }),
    variable('TextVariable', { name: 't', query: 'x' }),
  ]
  const inRow = variable('ConstantVariable', { name: 'k', query: '7' })
  const layout = { kind: 'RowsLayout', spec: { rows: [{ spec: { layout: grid(), variables: [inRow] } }] } }
  const dashboard = read(resource({ elements: {}, layout, variables }))
  assert.deepEqual(
    dashboard.variables.map(({ name, type, query, hide }) => [name, type, query, hide]),
    [
      ['ds', 'datasource', 'prometheus', 'no'],
      ['q', 'query', 'label_values(a)', 'variable'],
      ['o', 'query', 'label_values(b)', 'no'],
      ['c', 'custom', 'a,b', 'no'],
      ['t', 'textbox', 'x', 'no'],
      ['k', 'constant', '7', 'no'],
    ],
  )
  assert.deepEqual(dashboard.variables[1]?.datasource, { type: 'prometheus', uid: '${ds}' })
})

v2('reads the alpha, with plugins in kind and datasources beside the query', () => {
  const spec = {
    id: 1,
    title: 'P',
    data: {
      kind: 'QueryGroup',
      spec: {
        queries: [
          {
            kind: 'PanelQuery',
            spec: {
              refId: 'A',
              hidden: false,
              datasource: { type: 'prometheus', uid: 'p' },
              query: { kind: 'prometheus', spec: { expr: 'x' } },
            },
          },
        ],
        transformations: [{ kind: 'organize', spec: { id: 'organize', options: {} } }],
      },
    },
    vizConfig: {
      kind: 'stat',
      spec: { pluginVersion: '', options: {}, fieldConfig: { defaults: { unit: 's' }, overrides: [] } },
    },
  }
  const { panels } = read({ title: 'bare', elements: { e: { kind: 'Panel', spec } }, layout: grid(at('e')) })
  const [first] = panels
  assert.deepEqual([first?.type, first?.unit, first?.transformations[0]?.id], ['stat', 's', 'organize'])
  assert.deepEqual(first?.targets[0]?.datasource, { type: 'prometheus', uid: 'p' })
})
v2('reads the output of Grafana’s SDK', () => {
  const ask = (expr: string) => new QueryV2Builder().expr(expr).datasource({ name: '${datasource}' })
  const grid = new GridBuilder().item(new GridItemBuilder().name('cpu').x(12).y(0).width(12).height(8))
  const built = new DashboardBuilder('Built')
    .variable(new DatasourceVariableBuilder('datasource').pluginId('prometheus'))
    .variable(new QueryVariableBuilder('ns').query(ask('label_values(phase, ns)')).multi(true))
    .element(
      'cpu',
      new PanelBuilder()
        .id(1)
        .title('CPU')
        .description('About it.')
        .visualization(new VisualizationV2Builder().unit('bytes'))
        .data(new QueryGroupBuilder().target(new TargetBuilder().refId('A').query(ask('sum(x)')))),
    )
    .layout(new RowsBuilder().row(new RowBuilder().title('Row').layout(grid)))
    .build()
  const { panels, variables, skipped, title } = read(JSON.parse(JSON.stringify(built)))
  const [panel] = panels
  assert.deepEqual([title, skipped], ['Built', []])
  assert.deepEqual([panel?.row, panel?.title, panel?.type, panel?.unit], ['Row', 'CPU', 'timeseries', 'bytes'])
  // Below its row.
  assert.deepEqual(panel?.gridPos, { x: 12, y: 1, w: 12, h: 8 })
  const datasource = { type: 'prometheus', uid: '${datasource}' }
  assert.deepEqual([panel?.targets[0]?.expr, panel?.targets[0]?.datasource], ['sum(x)', datasource])
  assert.deepEqual(
    variables.map(({ name, type, query, multi }) => [name, type, query, multi]),
    [
      ['datasource', 'datasource', 'prometheus', false],
      ['ns', 'query', 'label_values(phase, ns)', true],
    ],
  )
})
v2.run()

/** A dashboard with all that a classic one can have too. */
const whole = () => {
  const sizes = { columnWidthMode: 'standard', rowHeightMode: 'short', maxColumnCount: 2 }
  const auto = ['c', 'd', 'e'].map(name => ({ kind: 'AutoGridLayoutItem', spec: { element: { name } } }))
  const repeat = { mode: 'variable', value: 'pod', direction: 'v' }
  const rows = [
    { spec: { title: 'Open', layout: grid(at('a'), at('b', { repeat })), repeat: { mode: 'variable', value: 'ns' } } },
    { spec: { title: 'Closed', collapse: true, layout: { kind: 'AutoGridLayout', spec: { ...sizes, items: auto } } } },
    { spec: { title: 'Last', layout: grid(at('f')) } },
  ]
  const library = { kind: 'LibraryPanel', spec: { id: 6, title: 'Lib', libraryPanel: { uid: 'x', name: 'y' } } }
  const loki = {
    kind: 'PanelQuery',
    spec: { refId: 'B', query: { kind: 'DataQuery', group: 'loki', datasource: { name: 'l' }, spec: { expr: '{}' } } },
  }
  const byName = 'bcde'.split('').map((name, index) => [name, panel(index + 2, name, [query('x')])])
  const data = { kind: 'DataQuery', group: 'prometheus', datasource: { name: 'p' }, spec: { query: 'label_values(a)' } }
  const common = { current: { text: 'All', value: '$__all' }, hide: 'hideLabel', includeAll: true, multi: true }
  const more = { regex: '/x/', sort: 'numericalDesc', refresh: 'onTimeRangeChanged', allValue: '.+' }
  return resource({
    ...{ cursorSync: 'Crosshair', links: [{ title: 'L', type: 'link', url: '/d/l', tags: [] }] },
    elements: {
      ...{ a: panel(1, 'A', [query('x'), loki]), f: library },
      ...Object.fromEntries(byName),
    },
    layout: { kind: 'RowsLayout', spec: { rows } },
    variables: [
      { kind: 'DatasourceVariable', spec: { name: 'datasource', pluginId: 'prometheus', refresh: 'onDashboardLoad' } },
      { kind: 'QueryVariable', spec: { name: 'ns', query: data, ...common, ...more } },
      { kind: 'CustomVariable', spec: { name: 'pod', query: 'a,b', hide: 'hideVariable' } },
      { kind: 'AdhocVariable', group: 'prometheus', datasource: { name: 'p' }, spec: { name: 'filters', filters: [] } },
    ],
    annotations: [
      {
        kind: 'AnnotationQuery',
        spec: {
          ...{ name: 'Restarts', enable: true, hide: false, iconColor: 'red' },
          query: {
            kind: 'DataQuery',
            group: 'prometheus',
            datasource: { name: 'p' },
            spec: { expr: 'changes(a[1m])' },
          },
        },
      },
    ],
  })
}

const converts = suite('classicDashboard()')
converts('gives Grafana a text that reads back as the same dashboard', () => {
  const { json, losses } = classicDashboard(whole(), 'v2.json')
  assert.deepEqual(losses, [])
  const again = JSON.parse(JSON.stringify(json))
  assert.deepEqual([isV2(again), classicDashboard(again, 'v2.json').json === again], [false, true])
  const dashboard = read(again)
  assert.deepEqual(dashboard, read(whole()))
  assert.deepEqual(
    dashboard.panels.map(({ title, row, repeats, gridPos: { x, y, w, h } }) => [
      title,
      row,
      repeats.join(),
      x,
      y,
      w,
      h,
    ]),
    [
      ['A', 'Open', 'ns', 1, 3, 3, 4],
      ['b', 'Open', 'ns,pod', 1, 3, 3, 4],
      ['c', 'Closed', '', 0, 8, 12, 5],
      ['d', 'Closed', '', 12, 8, 12, 5],
      ['e', 'Closed', '', 0, 13, 12, 5],
    ],
  )
})

converts('uses the values of the classic schema', () => {
  const { json } = classicDashboard(whole(), 'v2.json')
  const { uid, title, graphTooltip, refresh, time, panels, templating, annotations } = fields(
    JSON.parse(JSON.stringify(json)),
  )
  assert.deepEqual([uid, title, graphTooltip, refresh, time], ['the-uid', 'T', 1, '5s', { from: 'now-1h', to: 'now' }])
  const list = items(panels).map(fields)
  // A collapsed row holds its panels, and a row comes right below it.
  assert.deepEqual(
    list.map(each => [
      each['type'] ?? 'library',
      each['title'],
      fields(each['gridPos'])['y'],
      items(each['panels']).length,
    ]),
    [
      ['row', 'Open', 0, 0],
      ['timeseries', 'A', 3, 0],
      ['timeseries', 'b', 3, 0],
      ['row', 'Closed', 7, 3],
      ['row', 'Last', 8, 0],
      ['library', 'Lib', 11, 0],
    ],
  )
  assert.deepEqual([list[0]?.['repeat'], list[2]?.['repeat'], list[2]?.['repeatDirection']], ['ns', 'pod', 'v'])
  assert.deepEqual(list[1]?.['datasource'], { type: 'datasource', uid: '-- Mixed --' })
  assert.deepEqual(list[2]?.['datasource'], { type: 'prometheus', uid: '${datasource}' })
  assert.deepEqual(list[5]?.['libraryPanel'], { uid: 'x', name: 'y' })
  const [, ns] = items(fields(templating)['list']).map(fields)
  assert.deepEqual([ns?.['hide'], ns?.['sort'], ns?.['refresh'], ns?.['query']], [1, 4, 2, 'label_values(a)'])
  const [restarts] = items(fields(annotations)['list']).map(fields)
  assert.deepEqual(
    [restarts?.['name'], restarts?.['datasource'], restarts?.['target']],
    ['Restarts', { type: 'prometheus', uid: 'p' }, { expr: 'changes(a[1m])' }],
  )
})

converts('lists what a classic dashboard cannot express', () => {
  const conditions = { spec: { visibility: 'show', condition: 'and', items: [{ kind: 'ConditionalRenderingData' }] } }
  const inner = {
    kind: 'RowsLayout',
    spec: {
      rows: [
        {
          spec: {
            ...{ title: 'R', layout: grid(at('a'), at('gone')), repeat: { value: 'pod' } },
            ...{ conditionalRendering: conditions, variables: [{ kind: 'CustomVariable', spec: { name: 'v' } }] },
          },
        },
      ],
    },
  }
  const layout = {
    kind: 'TabsLayout',
    spec: { tabs: [{ spec: { title: 'Tab', layout: inner, repeat: { value: 'ns' } } }] },
  }
  const { losses } = classicDashboard(resource({ elements: { a: panel(1, 'A', []) }, layout }), 'v2.json')
  assert.deepEqual(losses, [
    'row R is repeated by pod alone, and not by ns too',
    'row R is always shown, whatever its conditions',
    'element gone is missing',
    'variables of rows and tabs hold for the whole dashboard',
  ])
})

converts('keeps a classic dashboard as it is, and extracts it from its wrappers', () => {
  const classic = { title: 'T', uid: 'u', panels: [] }
  assert.equal(classicDashboard(classic, 'a.json').json, classic)
  assert.deepEqual(classicDashboard({ dashboard: classic, meta: {} }, 'a.json').json, classic)
  const v1 = { apiVersion: 'dashboard.grafana.app/v1', metadata: { name: 'n' }, spec: { title: 'T', panels: [] } }
  assert.deepEqual(classicDashboard(v1, 'a.json').json, { uid: 'n', title: 'T', panels: [] })
})
converts.run()
