import assert from 'node:assert/strict'
import { suite } from 'uvu'
import type { Panel } from '../../../../lib/grafana/dashboard-model.ts'
import { transformed, withFieldConfig } from '../../../../lib/grafana/grafana-data.ts'
import { readDashboard } from '../../../../lib/grafana/read-dashboard.ts'
import { framesOf } from '../../../../lib/render/charts/data-frames.ts'
import { chartOption, loadCharts } from '../../../../lib/render/charts/echarts-option.ts'
import { isSafe } from '../../../../lib/render/charts/field-links.ts'
import { html, safeColor } from '../../../../lib/render/charts/html.ts'
import { type DrawContext, panelBody } from '../../../../lib/render/charts/panel-html.ts'
import { placedPanels } from '../../../../lib/render/charts/repeat-panels.ts'
import { timeseriesOf } from '../../../../lib/render/charts/timeseries-panel.ts'
import { valuesOf } from '../../../../lib/render/charts/value-panel.ts'
import { assertSays } from '../../../support/lab.ts'
import { AT_MS, answersOf, mergedTable, panelOf } from './chart-fixtures.ts'

const PLANTED = '<img src=x onerror=alert(1)>"\'&'

const context: DrawContext = {
  drawChart: loadCharts(),
  range: { fromMs: AT_MS - 3_600_000, untilMs: AT_MS },
  variables: new Map([['datasource', { values: ['prometheus'], several: false }]]),
  time: 'from=now-1h&to=now',
  hrefOf: ({ url }) => url,
}

const body = async (panel: Panel, given: Parameters<typeof answersOf>[1]) =>
  (await panelBody(panel, answersOf(panel, given), context)).text

async function framesIn(panel: Panel, given: Parameters<typeof answersOf>[1]) {
  const { frames } = await transformed(framesOf(answersOf(panel, given)), panel.transformations, {
    interpolate: text => text,
    limitMs: 10_000,
  })
  return withFieldConfig(frames, panel.type, panel.fieldConfig)
}

const values = suite('valuesOf()')
const steps = [
  { value: null, color: 'green' },
  { value: 0.8, color: 'red' },
]
const written: [name: string, config: Record<string, unknown>, value: number, text: string][] = [
  ['a share', { unit: 'percentunit', decimals: 1 }, 0.256, '25.6%'],
  ['bytes', { unit: 'bytes' }, 3 * 2 ** 30, '3 GiB'],
  ['bits per second', { unit: 'bps' }, 1_500_000, '1.50 Mb/s'],
  ['a plain number', { unit: 'none' }, 12, '12'],
  ['a short number', { unit: 'short' }, 12_345, '12.3 K'],
  ['seconds', { unit: 's' }, 0.012, '12 ms'],
  ['a mapped value', { mappings: [{ type: 'value', options: { 1: { text: 'Ready', index: 0 } } }] }, 1, 'Ready'],
  ['an unknown unit', { unit: 'parsecs' }, 3, '3 parsecs'],
]
for (const [name, defaults, value, text] of written) {
  values(`writes ${name} as Grafana does`, async () => {
    const panel = panelOf({ fieldConfig: { defaults } }, [{ instant: true }])
    assert.equal(valuesOf(panel, await framesIn(panel, [[[{}, value]]]))[0]?.text, text)
  })
}
values('colors by thresholds; the first step is null in a file', async () => {
  const panel = panelOf({
    type: 'gauge',
    fieldConfig: { defaults: { min: 0, max: 1, thresholds: { mode: 'absolute', steps } } },
  })
  const shown = valuesOf(
    panel,
    await framesIn(panel, [
      [
        [{ a: '1' }, 0.5],
        [{ a: '2' }, 0.9],
      ],
    ]),
  )
  assert.deepEqual(
    shown.map(({ share }) => share),
    [0.5, 0.9],
  )
  assert.equal(new Set(shown.map(({ color }) => color)).size, 2)
})
values('names several values by their legends, and a single value not at all', async () => {
  const panel = panelOf({ type: 'bargauge' }, [{ legendFormat: '{{pod}} of {{ns}}' }])
  const several = valuesOf(
    panel,
    await framesIn(panel, [
      [
        [{ pod: 'p', ns: 'n' }, 1],
        [{ pod: 'q', ns: 'n' }, 2],
      ],
    ]),
  )
  assert.deepEqual(
    several.map(({ name }) => name),
    ['p of n', 'q of n'],
  )
  assert.equal(valuesOf(panel, await framesIn(panel, [[[{ pod: 'p', ns: 'n' }, 1]]]))[0]?.name, '')
})
values.run()

const overrides = suite('overrides')
const matchers: [id: string, options: unknown, matched: string[]][] = [
  ['byName', 'p', ['p']],
  ['byRegexp', '/^[pq]$/', ['p', 'q']],
  ['byFrameRefID', 'B', ['r']],
  ['byType', 'number', ['p', 'q', 'r']],
]
for (const [id, options, matched] of matchers) {
  overrides(`${id} sets its properties on the matching fields`, async () => {
    const override = { matcher: { id, options }, properties: [{ id: 'custom.lineStyle', value: { fill: 'dash' } }] }
    const panel = panelOf({ type: 'timeseries', fieldConfig: { defaults: {}, overrides: [override] } }, [
      { legendFormat: '{{pod}}' },
      { legendFormat: '{{pod}}' },
    ])
    const frames = await framesIn(panel, [
      [
        [{ pod: 'p' }, 1],
        [{ pod: 'q' }, 1],
      ],
      [[{ pod: 'r' }, 1]],
    ])
    const { series } = timeseriesOf(panel, frames)
    assert.deepEqual(
      series.filter(({ isDashed }) => isDashed).map(({ name }) => name),
      matched,
    )
  })
}
overrides.run()

const timeseries = suite('timeseriesOf()')
timeseries('gives all lines the same times, with gaps for missing values', async () => {
  const panel = panelOf({ type: 'timeseries', options: { legend: { calcs: ['lastNotNull', 'max'] } } })
  const frames = await framesIn(panel, [
    [
      [{ a: '1' }, 4, 2],
      [{ a: '2' }, 8],
    ],
  ])
  const drawn = timeseriesOf(panel, frames)
  assert.deepEqual(drawn.timesMs, [AT_MS - 60_000, AT_MS])
  assert.deepEqual(
    drawn.series.map(each => each.values),
    [
      [4, 2],
      [null, 8],
    ],
  )
  assert.deepEqual(
    drawn.series.map(({ calcs }) => calcs),
    [
      ['2', '4'],
      ['8', '8'],
    ],
  )
  assert.deepEqual(drawn.calcs, ['Last *', 'Max'])
})
timeseries('draws the highest of many series in their order, and counts all', async () => {
  const panel = panelOf({ type: 'timeseries' }, [{ legendFormat: '{{n}}' }])
  const frames = await framesIn(panel, [Array.from({ length: 10_000 }, (_, n) => [{ n: `${n}` }, n] as const)])
  const { series, seriesCount } = timeseriesOf(panel, frames, 5)
  const highest = Array.from({ length: 30 }, (_, n) => `${9_970 + n}`)
  assert.deepEqual([seriesCount, series.map(({ name }) => name)], [10_005, highest])
})
timeseries('stacks series, dashes bounds, and has no names in the picture', async () => {
  const fieldConfig = { defaults: { custom: { stacking: { mode: 'normal' }, fillOpacity: 40 }, min: 0 } }
  const panel = panelOf({ type: 'timeseries', fieldConfig }, [{ legendFormat: '{{pod}}' }])
  const drawn = timeseriesOf(panel, await framesIn(panel, [[[{ pod: PLANTED }, 1, 2]]]))
  assert.deepEqual([drawn.series[0]?.isStacked, drawn.series[0]?.fill, drawn.least], [true, 0.4, 0])
  const svg = context.drawChart(chartOption(drawn, context.range))
  assertSays(svg, /^<svg aria-hidden="true"/)
  assert.ok(!svg.includes('onerror'))
})
timeseries('draws thresholds as lines if the panel shows them', async () => {
  const steps = [
    { value: null, color: 'green' },
    { value: 0.8, color: 'orange' },
    { value: 0.9, color: '#aa0011' },
  ]
  const linesFor = async (mode: string, thresholds: unknown, more = {}) => {
    const fieldConfig = {
      defaults: { unit: 'percentunit', thresholds, custom: { thresholdsStyle: { mode } }, ...more },
    }
    const panel = panelOf({ type: 'timeseries', fieldConfig })
    return timeseriesOf(panel, await framesIn(panel, [[[{}, 0.5, 1]]]))
  }
  const shown = await linesFor('dashed+area', { mode: 'absolute', steps })
  assert.deepEqual(
    shown.thresholds.map(({ value, name, isDashed }) => [value, name, isDashed]),
    [
      [0.8, '80%', true],
      [0.9, '90%', true],
    ],
  )
  assertSays(context.drawChart(chartOption(shown, context.range)), /stroke="#aa0011" stroke-dasharray/)
  assert.deepEqual((await linesFor('off', { mode: 'absolute', steps })).thresholds, [])
  const percent = { mode: 'percentage', steps: [steps[0], { value: 50, color: 'red' }] }
  assert.deepEqual((await linesFor('line', percent)).thresholds, [])
  const [half] = (await linesFor('line', percent, { min: 2, max: 4 })).thresholds
  assert.deepEqual([half?.value, half?.isDashed], [3, false])
})
timeseries.run()

const panels = suite('panelBody()')
panels('merges, organizes, renames and links the rows of a table', async () => {
  const pods = ['web', 'a b&c']
  const text = await body(mergedTable(), [
    pods.map((pod, at) => [{ k8s_pod_name: pod }, at + 0.5] as const),
    pods.map((pod, at) => [{ k8s_pod_name: pod }, (at + 1) * 2 ** 20] as const),
  ])
  assertSays(
    text,
    /<th scope="col">Pod<\/th><th scope="col" class="number">CPU<\/th><th scope="col" class="number">Memory<\/th>/,
  )
  assertSays(
    text,
    /href="\/d\/pod\?var-datasource=prometheus&#38;var-pod=a%20b%26c&#38;from=now-1h&#38;to=now"[^>]*>a b&#38;c<\/a><\/td><td class="number">1.50<\/td><td class="number">2 MiB<\/td>/,
  )
})
for (const type of ['stat', 'gauge', 'bargauge', 'timeseries', 'table', 'piechart']) {
  panels(`escapes HTML in labels, legends and answers: ${type}`, async () => {
    const format = type === 'table' ? 'table' : 'time_series'
    const panel = panelOf({ type, title: PLANTED }, [{ legendFormat: '{{pod}}', format }])
    const text = await body(panel, [
      [
        [{ pod: PLANTED }, 1],
        [{ pod: 'other' }, 2],
      ],
    ])
    assert.ok(!text.includes('<img'), text)
    assertSays(text, /&#60;img src=x/)
  })
}
panels('escapes the errors of Prometheus', async () => {
  const panel = panelOf({})
  const [answer] = answersOf(panel, [[]])
  assert.ok(answer)
  const { text } = await panelBody(panel, [{ ...answer, refused: PLANTED }], context)
  assertSays(text, /A: &#60;img src=x/)
})
panels('shows the data of an unknown panel type as a table, with a note', async () => {
  const text = await body(panelOf({ type: 'geomap' }), [[[{ pod: 'p' }, 1]]])
  assertSays(text, /Panels of kind geomap are not drawn here/)
  assertSays(text, /<table>/)
})
panels('shows "No data", or the panel’s own text for it', async () => {
  assertSays(await body(panelOf({}), [[]]), /No data/)
  assertSays(await body(panelOf({ fieldConfig: { defaults: { noValue: 'all well' } } }), [[]]), /all well/)
})
panels('notes how many of the series, values and rows it shows', async () => {
  const many = Array.from({ length: 10_000 }, (_, n) => [{ n: `${n}` }, n] as const)
  assertSays(await body(panelOf({ type: 'timeseries' }), [many]), /30 of 10000 series, the highest/)
  assertSays(await body(panelOf({ type: 'bargauge' }), [many]), /60 of 10000 values/)
  assertSays(await body(panelOf({ type: 'table' }, [{ format: 'table' }]), [many]), /100 of 10000 rows/)
})
const endless = `${'a'.repeat(40)}!`
const endlessPattern = '/^(a+)+$/'
for (const [where, json] of [
  [
    'a value mapping',
    { fieldConfig: { defaults: { mappings: [{ type: 'regex', options: { pattern: endlessPattern, result: {} } }] } } },
  ],
  [
    'an override',
    { fieldConfig: { overrides: [{ matcher: { id: 'byRegexp', options: endlessPattern }, properties: [] }] } },
  ],
  [
    'a transformation',
    { transformations: [{ id: 'renameByRegex', options: { regex: endlessPattern, renamePattern: '' } }] },
  ],
] as const) {
  panels(`stops a pattern with catastrophic backtracking in ${where}`, async () => {
    const panel = panelOf({ type: 'table', ...json }, [{ format: 'table' }])
    const drawn = panelBody(panel, answersOf(panel, [[[{ [endless]: endless }, 1]]]), { ...context, limitMs: 200 })
    await assert.rejects(drawn, { name: 'LabError', message: /was ended: it took longer than 0\.2 s$/ })
  })
}
panels('omits an override with an invalid pattern, with a note', async () => {
  const overrides = [{ matcher: { id: 'byRegexp', options: '/(/' }, properties: [] }]
  const text = await body(panelOf({ fieldConfig: { overrides } }), [[[{}, 5]]])
  assertSays(text, /Left out: the pattern \/\(\/ of an override[\s\S]*<strong>5<\/strong>/)
})
panels('writes what Grafana’s code logs into the panel, and nothing to the console', async () => {
  const { warn } = console
  const printed: unknown[] = []
  console.warn = (...message: unknown[]) => printed.push(message)
  try {
    const overrides = [{ matcher: { id: '<zzz>', options: '' }, properties: [] }]
    const filters = [{ fieldName: 'gone', config: { id: 'equal', options: {} } }]
    const transformations = [{ id: 'filterByValue', options: { filters, type: 'include', match: 'any' } }]
    const given = { fieldConfig: { overrides }, transformations }
    const text = await body(panelOf({ type: 'table', ...given }, [{ format: 'table' }]), [[[{ pod: 'p' }, 5]]])
    assertSays(
      text,
      /Grafana’s code reports: Unknown field matcher id: &#34;&#60;zzz&#62;&#34;, skipping override rule</,
    )
    assertSays(text, /Grafana’s code reports: \[FilterByValue\] Could not find index for field name: gone</)
    assert.deepEqual(printed, [])
    console.warn('restored')
    assert.deepEqual(printed, [['restored']])
  } finally {
    console.warn = warn
  }
})
panels('shows the last value of each series for timeSeriesTable', async () => {
  const panel = panelOf({
    type: 'table',
    transformations: [{ id: 'timeSeriesTable', options: { A: { timeField: 'Time' } } }],
  })
  const text = await body(panel, [
    [
      [{ device: 'eth0' }, 5],
      [{ device: 'lo' }, 7],
    ],
  ])
  assertSays(text, /device<\/th>[\s\S]*Trend #A<\/th>[\s\S]*eth0<\/td>[\s\S]*>5<\/td>[\s\S]*lo<\/td>[\s\S]*>7<\/td>/)
})
panels('omits an unknown transformation, with a note', async () => {
  const panel = panelOf({ transformations: [{ id: 'tomorrow', options: {} }] })
  assertSays(await body(panel, [[[{}, 5]]]), /tomorrow is not known here[\s\S]*<strong>5<\/strong>/)
})
panels.run()

const parts = suite('html``')
parts('escapes values, joins lists and omits undefined', () => {
  assert.equal(html`<p title="${PLANTED}">${[html`<b>${1}</b>`, undefined]}</p>`.text.includes('<img'), false)
  assert.equal(html`${[html`<b>${1}</b>`, undefined]}`.text, '<b>1</b>')
})
parts('accepts only colors as a color', () => {
  assert.deepEqual(['#73bf69', 'rgb(1, 2, 3)', 'red;background:url(x)', '"/>'].map(safeColor), [
    '#73bf69',
    'rgb(1, 2, 3)',
    undefined,
    undefined,
  ])
})
parts('has no link that runs code or hides its host', () => {
  const urls = [
    '/d/x',
    'https://example.org',
    'javascript:alert(1)',
    '//evil.example',
    '/\\evil.example',
    'data:text/html,x',
  ]
  assert.deepEqual(urls.map(isSafe), [true, true, false, false, false, false])
})
parts.run()

const kinds = suite('chart kinds')
const overTime = (type: string, more: Record<string, unknown>, target: Record<string, unknown> = {}) =>
  panelOf({ type, ...more }, [{ legendFormat: '{{le}}', ...target }])

kinds('draws a heatmap from buckets: each without those below it, the highest at the top', async () => {
  const panel = overTime('heatmap', {}, { format: 'heatmap' })
  const text = await body(panel, [
    [
      [{ le: '+Inf' }, 10, 10],
      [{ le: '0.025' }, 4, 4],
      [{ le: '1' }, 7, 7],
    ],
  ])
  const rows = [...text.matchAll(/<th scope="row">([^<]*)<\/th><td class="number">([^<]*)</g)].map(([, le, n]) => [
    le,
    n,
  ])
  assert.deepEqual(rows, [
    ['+Inf', '3'],
    ['1', '3'],
    ['0.025', '4'],
  ])
  // Coordinates are rounded, the labels of the rows are not.
  assertSays(text, />0\.025<\/text>/)
  assert.doesNotMatch(text, / d="[^"]*\d\.\d\d/)
  assertSays(text, /fill="rgb\(255,120,10\)"|fill="rgba\(255,120,10,1\)"/)
})
kinds('draws equal states as one part with the color and text of their mapping', async () => {
  const mappings = [{ type: 'value', options: { 0: { text: 'down', color: '#aa0011', index: 0 } } }]
  const panel = overTime('state-timeline', { fieldConfig: { defaults: { mappings } } })
  const parts = async (type: string) =>
    (await body({ ...panel, type }, [[[{ le: 'web' }, 0, 0, 0]]])).match(/fill="#aa0011"/g)?.length
  assert.deepEqual([await parts('state-timeline'), await parts('status-history')], [1, 3])
  assertSays(await body(panel, [[[{ le: 'web' }, 0, 0]]]), /<th scope="row">web<\/th><td class="number">down</)
})
kinds('draws a pie with the share of each value', async () => {
  const panel = panelOf({ type: 'piechart' }, [{ instant: true, legendFormat: '{{a}}' }])
  const text = await body(panel, [
    [
      [{ a: 'x' }, 1],
      [{ a: 'y' }, 3],
    ],
  ])
  assertSays(
    text,
    /x<\/th><td class="number">1<\/td><td class="number">25%[\s\S]*y<\/th><td class="number">3<\/td><td class="number">75%/,
  )
})
kinds('draws bars with a group for each row of a table', async () => {
  const panel = panelOf({ type: 'barchart' }, [{ instant: true, format: 'table' }])
  const text = await body(panel, [
    [
      [{ pod: 'a' }, 1],
      [{ pod: PLANTED }, 3],
    ],
  ])
  assertSays(text, /<svg aria-hidden="true"[\s\S]*<th scope="row">a<\/th><td class="number">1<\/td>/)
  assert.ok(!text.includes('<img'))
})
kinds('draws a histogram of values in buckets of the given size', async () => {
  const panel = panelOf({ type: 'histogram', options: { bucketSize: 10, combine: true } })
  const text = await body(panel, [[[{ a: '1' }, 1, 2, 25]]])
  const rows = [...text.matchAll(/<th scope="row">([^<]*)<\/th><td class="number">([^<]*)</g)].map(([, x, n]) => [x, n])
  assert.deepEqual(
    rows.filter(([, count]) => count !== '0'),
    [
      ['0', '2'],
      ['20', '1'],
    ],
  )
})
kinds('shows the data of a bar chart without texts as a table', async () => {
  assertSays(await body(panelOf({ type: 'barchart' }), [[[{}, 1, 2]]]), /Panels of kind barchart are not drawn here/)
})
kinds.run()

const repeats = suite('placedPanels()')
const repeatedDashboard = (values: readonly string[]) => {
  const row = { type: 'row', title: 'Row $ns', repeat: 'ns', collapsed: true }
  const inside = { id: 2, title: 'In $ns', type: 'stat', targets: [{ refId: 'A', expr: 'x{ns="$ns"}' }] }
  const dashboard = readDashboard(
    {
      title: 'T',
      panels: [
        { ...inside, id: 1, repeat: 'ns', maxPerRow: 3 },
        { ...row, panels: [inside] },
      ],
    },
    'test',
  )
  const selected = new Map([['ns', { values, several: true }]])
  return placedPanels(dashboard, { name: 'several', values: selected, options: new Map([['ns', values]]) })
}
repeats('has a copy of a panel, and of a row with its panels, for each value', () => {
  assert.deepEqual(
    repeatedDashboard(['a', 'b']).map(({ key, row, panel, selection }) => [
      ...[key, row.title, row.isCollapsed, panel.gridPos.w],
      selection.values.get('ns')?.values.join(),
    ]),
    [
      ['1', '', false, 12, 'a'],
      ['1-2', '', false, 12, 'b'],
      ['2', 'Row a', true, 24, 'a'],
      ['2-2', 'Row b', true, 24, 'b'],
    ],
  )
})
repeats('leaves out copies beyond a limit, and counts them', () => {
  const placed = repeatedDashboard(Array.from({ length: 50 }, (_, n) => `n${n}`))
  assert.deepEqual([placed.length, placed[39]?.omitted, placed[0]?.omitted], [80, 10, 0])
  assert.deepEqual(
    repeatedDashboard([]).map(({ key }) => key),
    ['1', '2'],
  )
})
repeats.run()
