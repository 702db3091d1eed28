import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { parse } from 'yaml'
import { emptyPlaces, scaledRules } from '../../../../lib/checks/alerts/scaled-rules.ts'
import { alertRule, rule, ruleFile } from './alerts-fixture.ts'

const scaling = suite('scaledRules()')

const own = ruleFile('own', [
  rule({ alert: 'Down', for: '5m', keep_firing_for: '1m', labels: { severity: 'warning' } }),
  rule({ record: 'job:up:avg', expr: 'avg by (job) (avg_over_time(up[1h]))' }),
  rule({ alert: 'Flaky', expr: 'max_over_time(job:up:avg[10m]) < 1' }),
])
const user = ruleFile(
  'user',
  [
    rule({ record: 'mine', expr: 'sum(rate(http_requests_total[5m]))' }),
    rule({ alert: 'Busy', expr: 'mine > 1', for: '7s' }),
  ],
  { interval: '3m', limit: 5 },
)

scaling('copies alerts into other groups, with times divided and everything else unchanged', () => {
  const { text } = scaledRules({ own: [own], user: [] }, { speed: 30, intervalMs: 2_000, isLoaded: () => true })
  const { groups } = parse(text)
  assert.deepEqual(groups, [
    {
      name: 'verify-alerts own-1.yaml: first',
      interval: '2s',
      rules: [
        {
          alert: 'Down',
          expr: 'up == 0',
          for: '10s',
          keep_firing_for: '2s',
          labels: { severity: 'warning' },
          annotations: {},
        },
        { alert: 'Flaky', expr: 'max_over_time(job:up:avg[10m]) < 1', labels: {}, annotations: {} },
      ],
    },
  ])
})

scaling('copies recordings of files that are not loaded, and drops the interval', () => {
  const { text } = scaledRules(
    { own: [own], user: [user] },
    { speed: 4, intervalMs: 2_000, isLoaded: file => file === own },
  )
  const [, recordings, alerts] = parse(text).groups
  assert.equal(recordings.name, 'verify-alerts user-1.yaml: first (recordings)')
  assert.deepEqual([recordings.interval, recordings.limit, recordings.rules[0].record], [undefined, 5, 'mine'])
  // 7 s divided by 4, rounded up to milliseconds.
  assert.equal(alerts.rules[0].for, '1750ms')
})

scaling('knows the times, ranges and metrics of each alert, through recordings', () => {
  const { alerts } = scaledRules({ own: [own], user: [user] }, { speed: 30, intervalMs: 2_000, isLoaded: () => true })
  const [down, flaky, busy] = alerts
  assert.deepEqual([down?.forMs, down?.waitMs, down?.keepMs, down?.rangeMs], [300_000, 10_000, 2_000, 0])
  assert.deepEqual([flaky?.index, flaky?.rangeMs, flaky?.metrics], [1, 4_200_000, ['up']])
  assert.deepEqual([busy?.isOwn, busy?.rangeMs, busy?.metrics], [false, 300_000, ['http_requests_total']])
})

scaling('ends at a recording that needs itself', () => {
  const loop = ruleFile('loop', [rule({ record: 'a', expr: 'a + b' }), rule({ alert: 'A', expr: 'a > 0' })])
  const { alerts } = scaledRules({ own: [loop], user: [] }, { speed: 1, intervalMs: 2_000, isLoaded: () => true })
  assert.deepEqual(alerts[0]?.metrics, ['b'])
})
scaling.run()

const empty = suite('emptyPlaces()')
const faults = (template: string, rendered: string, labels: Record<string, string> = { pod: 'web-0' }) =>
  emptyPlaces(alertRule('A', { templates: [{ kind: 'annotations', name: 'summary', text: template }] }), {
    labels,
    annotations: { summary: rendered },
  })

empty('finds labels that the alert does not have', () => {
  assert.deepEqual(faults('{{ $labels.pod }} of {{ $labels.namespace }}', 'web-0 of '), [
    'annotation summary: the alert has no label namespace',
  ])
  assert.deepEqual(faults('{{ index $labels "k8s.pod" }}!', '!'), [
    'annotation summary: the alert has no label k8s.pod',
  ])
  assert.deepEqual(faults('{{ printf "%s" $labels.zone | title }}x', 'x'), [
    'annotation summary: the alert has no label zone',
  ])
})

empty('finds missing values, errors, and annotations without text', () => {
  assert.deepEqual(faults('{{ .Foo }}', 'is <no value>'), ['annotation summary has <no value>'])
  assert.deepEqual(faults('{{ x }}', '<error expanding template: x>'), [
    'annotation summary has <error expanding template: x>',
  ])
  assert.deepEqual(faults('{{ with query "up" }}x{{ end }}', ''), ['annotation summary is empty'])
})

empty('accepts what is rendered, and conditions on absent labels', () => {
  assert.deepEqual(faults('{{ $labels.pod }} {{ $value | humanize }}', 'web-0 3'), [])
  assert.deepEqual(faults('{{ if $labels.zone }}in {{ end }}x', 'x'), [])
  assert.deepEqual(faults('', ''), [])
})

empty('finds labels of the rule that are empty, which Prometheus drops', () => {
  const templates = [{ kind: 'labels', name: 'team', text: '{{ $labels.owner }}' }] as const
  assert.deepEqual(emptyPlaces(alertRule('A', { templates }), { labels: {}, annotations: {} }), [
    'label team: the alert has no label owner',
  ])
})
empty.run()
