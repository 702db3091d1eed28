import assert from 'node:assert/strict'
import { suite } from 'uvu'
import type { Finding } from '../../../../lib/checks/lint/finding.ts'
import { lintDashboards } from '../../../../lib/checks/lint/lint-dashboards.ts'
import type { CatalogMetric, Dialect, RecordedSeries } from '../../../../lib/checks/lint/metric-catalog.ts'
import { readDashboard } from '../../../../lib/grafana/read-dashboard.ts'

const labels = ['cluster', 'ns', 'pod', 'node']
const metric = (name: string, type: CatalogMetric['type'], unit: string, more: string[] = []): CatalogMetric => {
  return { name, type, unit, labels: [...labels, ...more], source: 'test' }
}
const catalog = [
  metric('cpu_seconds_total', 'counter', 'seconds'),
  metric('net_bytes_total', 'counter', 'bytes', ['direction']),
  metric('restarts_total', 'counter', '1'),
  metric('ends_total', 'counter', '1'),
  metric('memory_bytes', 'gauge', 'bytes'),
  metric('phase', 'gauge', '1'),
  metric('cpu_request', 'gauge', 'cores'),
  metric('latency_seconds', 'histogram', 'seconds', ['verb']),
  metric('gc_seconds', 'summary', 'seconds'),
  metric('quota', 'gauge', 'by resource'),
]
const recorded: RecordedSeries[] = [
  { record: 'ns:cpu:rate5m', expr: 'sum by (cluster, ns) (rate(cpu_seconds_total[5m]))', labels: { kind: 'cpu' } },
]

/** A dashboard without a fault but for what is given. */
interface Given {
  expr?: string
  unit?: string
  panel?: object
  target?: object
  dashboard?: object
  variables?: object[]
}
function dashboard({ expr = 'memory_bytes', unit = 'bytes', panel = {}, target = {}, ...more }: Given, uid = 'tested') {
  const datasource = { type: 'prometheus', uid: '${datasource}' }
  const list = [
    { name: 'datasource', type: 'datasource', query: 'prometheus' },
    { name: 'ns', type: 'query', query: 'label_values(phase, ns)', datasource, multi: true, includeAll: true },
    { name: 'one', type: 'custom', query: 'a,b' },
    ...(more.variables ?? []),
  ]
  const panels = [
    {
      title: 'Panel',
      type: 'timeseries',
      description: 'What it shows.',
      datasource,
      fieldConfig: { defaults: { unit }, overrides: [] },
      targets: [{ refId: 'A', expr, ...target }],
      ...panel,
    },
  ]
  const json = { uid, title: 'Tested', tags: ['t'], templating: { list }, panels, ...more.dashboard }
  return readDashboard(json, `${uid}.json`)
}

const podVariable = {
  ...{ name: 'pod', type: 'query', query: 'label_values(phase, pod)', multi: true, includeAll: true },
  datasource: { type: 'prometheus', uid: '${datasource}' },
}

const lint = (given: Given) =>
  lintDashboards({ own: [dashboard(given)], others: [], linkable: [dashboard({}, 'other')], catalog, recorded })
const brief = ({ rule, panel, refId, message }: Finding) =>
  `${rule} @ ${panel}${refId === '' ? '' : `#${refId}`}: ${message}`

const finds = suite('lintDashboards() finds just')
const RATE = 'sum by (ns) (rate(net_bytes_total[$__rate_interval]))'
for (const [fact, given, found] of [
  [
    'a query that doesn’t parse',
    { expr: 'sum(memory_bytes' },
    'parse @ Panel#A: line 1, column 17: the expression ends too early',
  ],
  [
    'a matcher that is no RE2',
    { expr: 'memory_bytes{ns=~"(?!kube-).*"}' },
    'parse @ Panel#A: line 1, column 1: the matcher of ns is (?!kube-).*, which is not an RE2 pattern: error parsing regexp: invalid or unsupported Perl syntax: `(?!`',
  ],
  [
    'a text for All that is no RE2',
    {
      expr: 'memory_bytes{pod=~"$pod"}',
      variables: [{ ...podVariable, allValue: '(?!kube-).*' }],
    },
    'pattern @ $pod: the pattern for All is (?!kube-).*: error parsing regexp: invalid or unsupported Perl syntax: `(?!`',
  ],
  [
    'a variable whose pattern is no JavaScript',
    { variables: [{ ...podVariable, regex: '/(?i)a/' }] },
    'pattern @ $pod: the pattern of what is chosen from is /(?i)a/: Invalid regular expression: /(?i)a/: Invalid group',
  ],
  [
    'metrics by a pattern that is no JavaScript',
    { variables: [{ ...podVariable, query: 'metrics(()' }] },
    'pattern @ $pod: the pattern of the names of metrics is (: Invalid regular expression: /(/: Unterminated group',
  ],
  [
    'an override by a pattern that is no JavaScript',
    {
      panel: {
        fieldConfig: {
          defaults: { unit: 'bytes' },
          overrides: [{ matcher: { id: 'byRegexp', options: '/(/' }, properties: [] }],
        },
      },
    },
    'pattern @ Panel: the pattern /(/ of an override is not a JavaScript one: Invalid regular expression: /(/: Unterminated group',
  ],
  [
    'a pattern of a unit that takes too long',
    {
      target: { legendFormat: `${'a'.repeat(40)}!` },
      panel: {
        fieldConfig: {
          defaults: { unit: 'bytes' },
          overrides: [{ matcher: { id: 'byRegexp', options: '/^(a+)+$/' }, properties: [{ id: 'unit', value: 's' }] }],
        },
      },
    },
    'pattern @ Panel#A: The regular expression /^(a+)+$/ is invalid: matching was ended: it took longer than 1 s',
  ],
  [
    'a constant',
    { expr: '0' },
    'constant @ Panel#A: the query is a constant, the same whatever is measured; ask for a metric, or leave the panel out',
  ],
  [
    'a metric times 0',
    { expr: 'memory_bytes * 0' },
    'constant @ Panel#A: the query is a constant, the same whatever is measured; ask for a metric, or leave the panel out',
  ],
  [
    'a misspelt metric',
    { expr: 'memory_byte' },
    'spelling @ Panel#A: the lab has no metric memory_byte; did you mean memory_bytes?',
  ],
  ['a metric from elsewhere', { expr: 'elsewhere_info' }, 'absent @ Panel#A: the lab has no metric elsewhere_info'],
  [
    'a histogram as it is',
    { expr: 'latency_seconds', unit: 's' },
    'spelling @ Panel#A: latency_seconds is a histogram and has no series of that name; use latency_seconds_bucket, latency_seconds_sum or latency_seconds_count',
  ],
  [
    'a label that a metric hasn’t',
    { expr: 'memory_bytes{direction="in"}' },
    'label @ Panel#A: memory_bytes has no label direction (there are cluster, node, ns, pod)',
  ],
  [
    'a label that was grouped away',
    { expr: 'max by (pod) (sum by (ns) (memory_bytes))' },
    'label @ Panel#A: max by (…) groups by a label that is not there: pod (there are ns)',
  ],
  [
    'a join on a label of one side only',
    { expr: 'memory_bytes and on (pod) max by (ns) (phase)' },
    'label @ Panel#A: the right side of "and" has no label to match on: pod (there are ns)',
  ],
  [
    'a label of nothing',
    { expr: 'sum by (container) ({ns="x"})' },
    'label @ Panel#A: no metric of the lab has the label container',
  ],
  [
    'a label that a rule doesn’t record',
    { expr: 'sum by (pod) (ns:cpu:rate5m)', unit: 'short' },
    'label @ Panel#A: sum by (…) groups by a label that is not there: pod (there are cluster, kind, ns)',
  ],
  [
    'quantiles without their buckets',
    { expr: 'histogram_quantile(0.9, sum by (verb) (rate(latency_seconds_bucket[$__rate_interval])))', unit: 's' },
    'label @ Panel#A: histogram_quantile() needs the buckets’ label, which is grouped away or never there: le (there are verb)',
  ],
  [
    'a rate of a gauge',
    { expr: 'rate(memory_bytes[$__rate_interval])', unit: 'Bps' },
    'function @ Panel#A: memory_bytes is a gauge and rate() is for counters; use the value itself, delta() or deriv()',
  ],
  [
    'a bare counter',
    { expr: 'sum by (ns) (net_bytes_total)' },
    'function @ Panel#A: net_bytes_total is a counter shown as it is; use rate(net_bytes_total[$__rate_interval]) or increase()',
  ],
  [
    'a bare part of a histogram',
    { expr: 'latency_seconds_count', unit: 'short' },
    'function @ Panel#A: latency_seconds_count is a counter shown as it is; use rate(latency_seconds_count[$__rate_interval]) or increase()',
  ],
  [
    'a delta of a counter',
    { expr: 'delta(net_bytes_total[5m])' },
    'function @ Panel#A: net_bytes_total is a counter and delta() is for gauges; use rate() or increase()',
  ],
  [
    'the mean of a counter',
    { expr: 'avg_over_time(net_bytes_total[5m])' },
    'function @ Panel#A: net_bytes_total is a counter and avg_over_time() of it grows without end; use rate() or increase()',
  ],
  [
    'a rate of a sum',
    { expr: 'rate(sum by (ns) (net_bytes_total)[5m:])', unit: 'Bps' },
    'function @ Panel#A: rate() of sum() of the counter net_bytes_total takes each restart for a new start of all; use sum(rate(…))',
  ],
  [
    'a sum of ratios',
    { expr: 'sum(memory_bytes / memory_bytes{node="a"})', unit: 'percentunit' },
    'ratio @ Panel#A: the query sums ratios; divide the sums instead: sum(a) / sum(b)',
  ],
  ...(
    [
      ['in per cent', 'sum(memory_bytes / memory_bytes{node="a"} * 100)', 'percent'],
      ['in per cent, 100 first', 'sum(100 * (memory_bytes / memory_bytes{node="a"}))', 'percent'],
      ['of pods, the greatest each', 'sum(max by (ns) (memory_bytes / memory_bytes{node="a"}))', 'percentunit'],
      ['cut off', 'sum(clamp_max(memory_bytes / memory_bytes{node="a"}, 1))', 'percentunit'],
      ['above a bound', 'sum(memory_bytes / memory_bytes{node="a"} > 0.5)', 'percentunit'],
    ] as const
  ).map(([how, expr, unit]): [string, Given, string] => [
    `a sum of ratios ${how}`,
    { expr, unit },
    'ratio @ Panel#A: the query sums ratios; divide the sums instead: sum(a) / sum(b)',
  ]),
  [
    'a fixed range',
    { expr: 'rate(net_bytes_total[5m])', unit: 'Bps' },
    'rate-interval @ Panel#A: rate() looks back [5m]; use [$__rate_interval]',
  ],
  [
    'the interval of the graph',
    { expr: 'increase(net_bytes_total[${__interval}])' },
    'rate-interval @ Panel#A: increase() looks back [${__interval}]; use [$__rate_interval]',
  ],
  ['no unit', { unit: '' }, 'unit @ Panel#A: no unit is set; a plain count is "short"'],
  [
    'bytes as a plain count',
    { unit: 'short' },
    'unit @ Panel#A: the query gives bytes and the unit is "short"; use "bytes"',
  ],
  [
    'bytes shown as bits',
    { expr: RATE, unit: 'bps' },
    'unit @ Panel#A: the query gives bytes per second and the unit is "bps"; use "Bps", or multiply the query by 8',
  ],
  [
    'bits shown as bytes',
    { expr: `${RATE} * 8`, unit: 'Bps' },
    'unit @ Panel#A: the query gives bits per second and the unit is "Bps"; use "bps"',
  ],
  [
    'a total shown as a rate',
    { unit: 'Bps' },
    'unit @ Panel#A: the query gives bytes and the unit is "Bps"; use "bytes"',
  ],
  [
    'a ratio shown in per cent',
    {
      expr: 'sum(memory_bytes) / sum(memory_bytes)',
      unit: 'percent',
      target: { expr: 'sum(memory_bytes) / sum(memory_bytes{node="a"})' },
    },
    'unit @ Panel#A: the query gives a ratio and the unit is "percent"; use "percentunit", or multiply the query by 100',
  ],
  [
    'seconds shown as milliseconds',
    { expr: 'histogram_quantile(0.9, sum by (le) (rate(latency_seconds_bucket[$__rate_interval])))', unit: 'ms' },
    'unit @ Panel#A: the query gives seconds and the unit is "ms"; use "s"',
  ],
  [
    'cores shown as bytes',
    { expr: 'sum(cpu_request)' },
    'unit @ Panel#A: the query gives CPU cores and the unit is "bytes"; use "short"',
  ],
  [
    'what a rule records, in the wrong unit',
    { expr: 'ns:cpu:rate5m' },
    'unit @ Panel#A: the query gives CPU cores and the unit is "bytes"; use "short"',
  ],
  [
    'no description',
    { panel: { description: ' ' } },
    'description @ Panel: there is no description; say what is counted, and from which source',
  ],
  [
    'a datasource that is written down',
    { panel: { datasource: { type: 'prometheus', uid: 'abc' } } },
    'datasource @ Panel: the datasource is "abc"; use a variable of type datasource: ${datasource}',
  ],
  [
    'no datasource',
    { panel: { datasource: null } },
    'datasource @ Panel: no datasource is named; use a variable of type datasource: ${datasource}',
  ],
  [
    'a datasource variable that there is not',
    { panel: { datasource: '$DS' } },
    'datasource @ Panel: the datasource is $DS, and there is no such variable of type datasource',
  ],
  [
    'a variable that there is not',
    { expr: 'memory_bytes{ns=~"$namespace"}' },
    'variable @ Panel#A: there is no variable $namespace (there are $datasource, $ns, $one)',
  ],
  [
    'one value where there may be several, with more around it',
    { expr: 'memory_bytes{ns="team-$ns"}' },
    'variable @ Panel#A: ns="team-$ns" finds nothing when several values or All are chosen; use =~',
  ],
  [
    'one value where there may be several',
    { expr: 'memory_bytes{ns="$ns"}' },
    'variable @ Panel#A: ns="$ns" finds nothing when several values or All are chosen; use =~',
  ],
  [
    'a legend of a label that is not there',
    { expr: RATE, unit: 'Bps', target: { legendFormat: '{{ns}} {{pod}}' } },
    'legend @ Panel#A: the legend shows {{pod}}, and the query has ns',
  ],
  [
    'a table that joins on what is not there',
    {
      panel: {
        type: 'table',
        transformations: [{ id: 'joinByField', options: { byField: 'pod' } }],
        targets: [
          { refId: 'A', expr: 'sum by (pod) (memory_bytes)', format: 'table' },
          { refId: 'B', expr: 'sum by (ns) (memory_bytes)', format: 'table' },
        ],
      },
    },
    'legend @ Panel#B: the table joins on pod, and the query has ns',
  ],
  [
    'a link to no dashboard',
    { panel: { links: [{ title: 'More', url: '/d/gone/name?x=1' }] } },
    'link @ Panel: the link "More" leads to /d/gone, and there is no dashboard with that uid (there are tested, other)',
  ],
  [
    'a link of a field to no dashboard',
    {
      panel: {
        fieldConfig: {
          defaults: { unit: 'bytes' },
          overrides: [{ properties: [{ id: 'links', value: [{ title: 'More', url: '/d/gone' }] }] }],
        },
      },
    },
    'link @ Panel: the link "More" leads to /d/gone, and there is no dashboard with that uid (there are tested, other)',
  ],
  [
    'a link that sets a variable which is not there',
    { panel: { links: [{ title: 'More', url: '/d/other?var-ns=$ns&var-pod=x' }] } },
    'link @ Panel: the link "More" sets the variable pod, which other does not have',
  ],
  [
    'a list of dashboards that have no such tag',
    { dashboard: { links: [{ type: 'dashboards', title: 'All', tags: ['t', 'gone'] }] } },
    'link @ : the link "All" lists dashboards tagged t and gone, and there is none',
  ],
] as const satisfies readonly (readonly [string, Given, string])[]) {
  finds(fact, () => assert.deepEqual(lint(given).map(brief), [found]))
}

for (const [fact, query, found] of [
  ['a metric', 'label_values(phases, ns)', 'spelling @ $v: the lab has no metric phases; did you mean phase?'],
  [
    'a label of its series',
    'label_values(phase, verb)',
    'label @ $v: label_values() asks for verb: it has cluster, node, ns, pod',
  ],
  [
    'a label of all',
    'label_values(nothing)',
    'label @ $v: label_values() asks for nothing: no metric of the lab has that label',
  ],
  [
    'a parent',
    'label_values(phase{ns=~"$parent"}, pod)',
    'variable @ $v: there is no variable $parent (there are $datasource, $ns, $one, $v)',
  ],
  ['its grammar', 'query_result(sum(phase)', 'parse @ $v: line 1, column 10: the expression ends too early'],
  ['its expression’s grammar', 'query_result(sum(phase)) by)', 'parse @ $v: line 1, column 11: unexpected )'],
] as const) {
  finds(`what is wrong with ${fact} in a variable’s query`, () => {
    const datasource = '${datasource}'
    const variables = [{ name: 'v', type: 'query', query, datasource }]
    assert.deepEqual(lint({ variables }).map(brief), [found])
  })
}
finds.run()

const passes = suite('lintDashboards() finds nothing in')
for (const [fact, given] of [
  ['a plain gauge', {}],
  ['bits', { expr: `${RATE} * 8`, unit: 'bps' }],
  ['8 times first', { expr: `8 * ${RATE}`, unit: 'bps' }],
  ['a ratio of sums', { expr: 'sum(memory_bytes) / sum(memory_bytes{node=~"a"})', unit: 'percentunit' }],
  ['a ratio in per cent', { expr: '100 * sum(memory_bytes) / sum(memory_bytes{node="a"})', unit: 'percent' }],
  [
    'cores by cores',
    { expr: 'sum(rate(cpu_seconds_total[$__rate_interval])) / sum(cpu_request)', unit: 'percentunit' },
  ],
  [
    'ratios that nothing is added to',
    { expr: 'sum by (ns) (sum by (ns) (memory_bytes) / sum by (ns) (memory_bytes{node="a"}))', unit: 'percentunit' },
  ],
  [
    'how many ratios are above a bound',
    { expr: 'sum(memory_bytes / memory_bytes{node="a"} > bool 0.5)', unit: 'short' },
  ],
  ['a sum in another unit', { expr: 'sum(cpu_request / 2 * 2)', unit: 'short' }],
  [
    'a mean of durations',
    {
      expr: 'sum(rate(latency_seconds_sum[$__rate_interval])) / sum(rate(latency_seconds_count[$__rate_interval]))',
      unit: 's',
    },
  ],
  [
    'a quantile',
    {
      expr: 'histogram_quantile(0.99, sum by (le, verb) (rate(latency_seconds_bucket[$__rate_interval])))',
      unit: 's',
      target: { legendFormat: '{{verb}}' },
    },
  ],
  ['a summary', { expr: 'gc_seconds{quantile="0.5"}', unit: 's' }],
  ['growth over the time shown', { expr: 'increase(net_bytes_total[$__range])', target: { instant: true } }],
  ['a count of counters', { expr: 'count(restarts_total > 3)', unit: 'short' }],
  ['what has begun less what has ended', { expr: 'sum(restarts_total) - sum(ends_total)', unit: 'short' }],
  ['a filter by a counter', { expr: 'memory_bytes and on (pod) restarts_total > 3' }],
  ['bytes times a count of one', { expr: 'memory_bytes * on (pod) group_left () group by (pod) (phase == 2)' }],
  ['a label that the query makes', { expr: 'sum by (team) (label_replace(memory_bytes, "team", "$1", "ns", "(.*)"))' }],
  ['a metric of an unknown unit', { expr: 'max(quota)', unit: 'bytes' }],
  [
    'a unit of a column',
    {
      panel: {
        type: 'table',
        fieldConfig: {
          overrides: [{ matcher: { id: 'byName', options: 'Value' }, properties: [{ id: 'unit', value: 'bytes' }] }],
        },
      },
      target: { format: 'table' },
    },
  ],
  ['a unit that is not Grafana’s', { unit: 'suffix:widgets' }],
  ['several values with =~, and one with =', { expr: 'memory_bytes{ns=~"${ns:regex}", node="$one"}' }],
  ['Grafana’s own variables', { expr: 'memory_bytes / $__range_s', unit: 'Bps' }],
  ['a hidden query', { expr: 'phase', unit: '', target: { hide: true } }],
  [
    'alerts',
    {
      expr: 'sum by (severity) (ALERTS{alertstate="firing"})',
      unit: 'short',
      target: { legendFormat: '{{severity}}' },
    },
  ],
  ['a panel without queries', { panel: { type: 'text', targets: [], description: '' } }],
  [
    'links that lead somewhere',
    {
      panel: { links: [{ url: '/d/other?var-ns=a' }, { url: 'https://example.org' }, { url: '/d/$one' }] },
      dashboard: { links: [{ type: 'dashboards', tags: ['t'] }] },
    },
  ],
] as const satisfies readonly (readonly [string, Given])[]) {
  passes(fact, () => assert.deepEqual(lint(given).map(brief), []))
}
for (const query of [
  'label_values(phase{ns=~"$ns"}, pod)',
  'label_values(ns)',
  'label_names()',
  'metrics(cpu.*)',
  'query_result(max by (ns) (phase))',
  'restarts_total',
  'label_values($one, ns)',
]) {
  passes(`the variable’s query ${query}`, () => {
    assert.deepEqual(
      lint({ variables: [{ name: 'v', type: 'query', query, datasource: '$datasource' }] }).map(brief),
      [],
    )
  })
}
passes.run()

const severities = suite('lintDashboards() of others')
severities('are warnings for what may be correct on another cluster, else errors', () => {
  const exprs = [
    'elsewhere_info',
    'rate(net_bytes_total[5m])',
    'sum(',
    '0',
    'rate(memory_bytes[$__rate_interval])',
    'phase{x="y"}',
  ]
  const targets = exprs.map((expr, at) => ({ refId: `Q${at}`, expr }))
  const other = dashboard({
    panel: { targets, description: '', datasource: 'x', links: [{ url: '/d/gone' }] },
    unit: 'none',
  })
  const findings = lintDashboards({ own: [], others: [other], catalog, recorded })
  const of = (severity: string) =>
    findings.filter(each => each.severity === severity).map(({ refId, rule }) => `${refId} ${rule}`)
  assert.deepEqual(of('error'), ['Q2 parse', 'Q3 constant', 'Q4 function'])
  assert.deepEqual(of('warning'), [
    ' description',
    ' datasource',
    ' link',
    'Q0 absent',
    'Q1 rate-interval',
    'Q1 unit',
    'Q4 unit',
    'Q5 label',
  ])
})

severities('are warnings for dashboards with one uid', () => {
  const [one, two] = [dashboard({}, 'a'), dashboard({}, 'a')]
  const others = [one, { ...two, source: 'b.json' }, dashboard({}, 'c')]
  const found = lintDashboards({ own: [], others, linkable: [dashboard({}, 'c')], catalog, recorded })
  assert.deepEqual(
    found.map(({ file, severity, rule, message }) => `${file} ${severity} ${rule}: ${message}`),
    ['a.json warning uid: b.json has the uid a, too', 'b.json warning uid: a.json has the uid a, too'],
  )
})

severities('are warnings for a query that the parser cannot read', () => {
  const long = Array(600).fill('memory_bytes').join(' + ')
  const deep = `${'abs('.repeat(400)}memory_bytes${')'.repeat(400)}`
  for (const [expr, why] of [
    [long, 'too long'],
    [deep, 'nested too deeply'],
  ]) {
    const findings = lintDashboards({ own: [], others: [dashboard({ expr: expr ?? '' })], catalog, recorded })
    assert.deepEqual(
      findings.map(({ severity, rule, message }) => [severity, rule, message]),
      [['warning', 'unread', `the query is ${why} for the lab’s parser: not checked`]],
    )
  }
})

severities('are warnings in rules of others, whose recordings are known', () => {
  const rule = (name: string, expr: string, more: object = {}) => ({
    file: 'f.yaml',
    name,
    expr,
    isAlert: true,
    ...more,
  })
  const summary = 'On {{ $labels.node }}, {{ $labels.zone }} and {{ index $labels "zone" }}: {{ $value }}'
  const otherRules = [
    rule('mine:memory', 'sum by (ns) (memory_bytes)', { isAlert: false, labels: { team: 'a' } }),
    rule('Watchdog', 'vector(1)', { for: '1m' }),
    rule('NoFor', 'mine:memory{team="a"} > 5e9'),
    rule('Labels', 'sum by (node) (memory_bytes) > 5e9', {
      for: '5m',
      annotations: { summary },
      labels: { at: '{{ $labels.ns }}' },
    }),
    rule('Any', '{job="x"} > 5', { for: '5m', annotations: { summary } }),
    rule('Gone', 'gone > 5', { for: '5m' }),
    rule('Bad "quoted"', 'sum(', { for: '5m' }),
  ]
  const findings = lintDashboards({ own: [], others: [], catalog, recorded, otherRules })
  assert.deepEqual(
    findings.map(({ severity, rule, panel, message }) => `${severity} ${rule} ${panel}: ${message}`),
    [
      'warning for NoFor: the alert has no "for": one sample makes it fire; set for: 5m, or so',
      'warning template Labels: at: the result has no label ns, so it is empty there (there are node)',
      'warning template Labels: summary: the result has no label zone, so it is empty there (there are node)',
      'warning label Any: no metric of the lab has the label job',
      'warning never Gone: the alert can never fire here: the lab has no metric gone',
      'error parse Bad "quoted": line 1, column 5: the expression ends too early',
    ],
  )
})

for (const [expr, found, more = {}] of [
  ['gone > 1 or memory_bytes > 1e9', ['absent: the lab has no metric gone']],
  ['memory_bytes > 1e9 unless gone', []],
  ['absent(gone)', ['absent: the lab has no metric gone']],
  ['sum(gone) / sum(memory_bytes) > 1 and phase', ['never: the alert can never fire here: the lab has no metric gone']],
  ['phase == 1', ['for: the alert has no "for": one sample makes it fire; set for: 5m, or so'], { for: '0s' }],
  ['increase(restarts_total[10m]) > 3', [], { for: '0s' }],
  ['ALERTS{severity="info"} == 1', [], { for: '0s' }],
  ['vector(1)', [], { for: '0s' }],
  [
    'absent(phase{pod="a"})',
    [
      'template: text: absent() is true only when all series are missing, and does not say which of them: it has no label node (there are pod)',
    ],
    { annotations: { text: '{{ $labels.pod }} on {{ $labels.node }}' } },
  ],
  [
    'memory_bytes / quota_bytes > 80',
    ['unit: the alert compares a ratio with 80; compare with 0.8, or multiply the query by 100'],
  ],
  ['100 * memory_bytes / quota_bytes > 80', []],
  ['memory_bytes / quota_bytes > (14.4 * 0.01)', []],
  [
    'memory_bytes > 90',
    ['unit: the alert compares bytes with 90; compare with a number of bytes, or divide by the total'],
  ],
  ['memory_bytes == 0', []],
  ['memory_bytes > on (node) group_left () quota_seconds', ['unit: the alert compares bytes with seconds']],
  ['memory_bytes > on (node) phase', []],
  [
    '100 * memory_bytes / quota_bytes > 80',
    ['unit: text: "humanizePercentage" is for a ratio, and the query gives a ratio × 100'],
    { annotations: { text: '{{ $value | humanizePercentage }}' } },
  ],
  [
    'memory_bytes / quota_bytes > 0.8',
    ['unit: text: "%" is for a ratio × 100, and the query gives a ratio'],
    { annotations: { text: 'at {{ printf "%.2f" $value }} % of it', other: '{{ $value | humanizePercentage }}' } },
  ],
  ['phase > 1', [], { annotations: { text: '{{ $value | humanizeDuration }}' } }],
  ['phase > $limit', ['parse: Prometheus does not know the variable $limit'], {}],
] as const) {
  severities(`of the alert ${expr} with ${JSON.stringify(more)}: ${found.length}`, () => {
    const otherRules = [{ file: 'f', name: 'A', isAlert: true, for: '5m', expr, ...more }]
    const quotas = [metric('quota_bytes', 'gauge', 'bytes'), metric('quota_seconds', 'gauge', 'seconds')]
    const findings = lintDashboards({ own: [], others: [], catalog: [...catalog, ...quotas], recorded, otherRules })
    assert.deepEqual(
      findings.map(({ rule, message }) => `${rule}: ${message}`),
      found,
    )
  })
}

severities('do not state that the lab has no metric of which the catalog lists a part', () => {
  const others = [dashboard({ expr: 'cpu_waits + gone' })]
  const findings = lintDashboards({ own: [], others, catalog, recorded, partlyListed: ['cpu_'] })
  assert.deepEqual(findings.map(brief), [
    'unlisted @ Panel#A: the catalog does not list cpu_waits',
    'absent @ Panel#A: the lab has no metric gone',
  ])
})

severities('come with the place of each finding', () => {
  const [finding] = lintDashboards({ own: [], others: [dashboard({ expr: 'gone' })], catalog, recorded })
  const message = 'the lab has no metric gone'
  assert.deepEqual(finding, {
    severity: 'warning',
    rule: 'absent',
    message,
    subject: 'gone',
    file: 'tested.json',
    dashboard: 'Tested',
    panel: 'Panel',
    refId: 'A',
  })
})
severities.run()

const dialects = suite('lintDashboards(), with two dialects,')
const k8s = { type: 'gauge', unit: 'bytes', source: 'receiver', dialect: 'otel' } as const
const kube = { type: 'gauge', unit: 'bytes', source: 'kubelet', dialect: 'prometheus' } as const
const ofKubelet = { labels: ['namespace', 'job', 'path'], values: { job: ['kubelet'], path: ['/a', '/b'] } }
const twoDialects: CatalogMetric[] = [
  ...catalog,
  { name: 'k8s_bytes', labels: ['cluster', 'ns'], ...k8s },
  { name: 'kube_bytes', ...ofKubelet, ...kube },
  { name: 'working_set', labels: ['cluster', 'ns'], ...k8s },
  { name: 'working_set', ...ofKubelet, ...kube },
]
const wide = { name: 'wide', type: 'query', query: 'label_values(phase, cluster)', includeAll: true, allValue: '.*' }
const narrow = { ...wide, name: 'narrow', allValue: '.+' }
const datasource = { type: 'prometheus', uid: '${datasource}' }
const lintOther = (expr: string, on: readonly Dialect[], own = false) => {
  const variables = [wide, narrow].map(each => ({ ...each, datasource }))
  const [dashboards, none] = [[dashboard({ expr, variables })], []]
  const given = own ? { own: dashboards, others: none } : { own: none, others: dashboards }
  const sums = { record: 'ns:kube:sum', expr: 'sum by (namespace) (kube_bytes)', labels: { kind: 'a' } }
  return lintDashboards({ ...given, catalog: twoDialects, recorded: [sums], dialects: on }).map(brief)
}
const MIXED =
  'mixed @ Panel#A: the query selects working_set of OpenTelemetry and of kube-prometheus; add cluster=~".+" or job="kubelet"'
const OTHER_KIND = 'value @ Panel#A: ns:kube:sum has no series with kind="b" (only a)'
const needsBoth = (metric: string) => `dialect @ Panel#A: the lab has ${metric} with METRICS=both`
for (const [expr, otel, both] of [
  ['kube_bytes{namespace="a"}', [needsBoth('kube_bytes')], []],
  ['k8s_bytes', [], []],
  ['ns:kube:sum{kind="a"}', [needsBoth('ns:kube:sum')], []],
  ['ns:kube:sum{kind="b"}', [needsBoth('ns:kube:sum'), OTHER_KIND], [OTHER_KIND]],
  ['working_set{job="kubelet"}', [needsBoth('working_set')], []],
  ['working_set{namespace!=""}', [needsBoth('working_set')], []],
  ['working_set{cluster="a"}', [], []],
  ['sum by (ns) (working_set{cluster=~"$narrow"})', [], []],
  ['working_set', [], [MIXED]],
  ['working_set{job!="other"}', [], [MIXED]],
  ['working_set{cluster=~"$wide"}', [], [MIXED]],
  ['working_set{cluster=~"a|"}', [], [MIXED]],
  ['sum({__name__=~"working.*"})', [], [MIXED]],
  ['sum({__name__=~"working.*", cluster="a"})', [], []],
  [
    'working_set{cluster="a", namespace="b"}',
    ['label @ Panel#A: working_set has no label namespace (there are cluster, ns)'],
    ['label @ Panel#A: working_set has no label namespace (there are cluster, ns)'],
  ],
  [
    'kube_bytes{path="/c"}',
    [needsBoth('kube_bytes'), 'value @ Panel#A: kube_bytes has no series with path="/c" (only /a, /b)'],
    ['value @ Panel#A: kube_bytes has no series with path="/c" (only /a, /b)'],
  ],
  ['kube_bytes{path=~"/.", namespace="$one"}', [needsBoth('kube_bytes')], []],
] as const) {
  dialects(`finds in ${expr}: ${both.length} faults, with METRICS=otel ${otel.length}`, () => {
    assert.deepEqual(lintOther(expr, ['otel', 'prometheus']), both)
    assert.deepEqual(lintOther(expr, ['otel']), otel)
  })
}
dialects('requires of the lab’s own dashboards that they fit both', () => {
  assert.deepEqual(lintOther('working_set', ['otel'], true), [MIXED])
  assert.deepEqual(lintOther('working_set', ['prometheus'], true), [MIXED])
})
dialects.run()

const ruleFiles = suite('lintDashboards() of rules')
ruleFiles('checks their expressions, which may have fixed ranges', () => {
  const rules = [
    { file: 'r', name: 'Good', isAlert: true, expr: 'rate(net_bytes_total[5m]) > 1' },
    { file: 'r', name: 'Bad', isAlert: false, expr: 'rate(net_byte_total[5m]) > 1' },
  ]
  const findings = lintDashboards({ own: [], others: [], catalog, recorded, rules })
  assert.deepEqual(findings.map(brief), [
    'spelling @ Bad: the lab has no metric net_byte_total; did you mean net_bytes_total?',
  ])
})
ruleFiles.run()
