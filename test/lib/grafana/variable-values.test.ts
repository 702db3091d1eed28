import assert from 'node:assert/strict'
import { suite } from 'uvu'
import type { Variable } from '../../../lib/grafana/dashboard-model.ts'
import { chosenValue, labelValuesQuery, variableOptions } from '../../../lib/grafana/variable-values.ts'
import { createPrometheusApi, type PrometheusApi } from '../../../lib/prometheus/prometheus-client.ts'
import { cpuTimeMs } from '../../support/cpu-time.ts'
import { type RunningPrometheus, startPrometheus } from '../checks/verify/prometheus-fixture.ts'

function variable(given: Partial<Variable>): Variable {
  return {
    ...{ name: 'x', type: 'query', label: '', query: '', regex: '', multi: true, includeAll: true, allValue: '' },
    ...{ current: [], hide: 'no', datasource: { type: 'prometheus', uid: 'prometheus' } },
    ...given,
  }
}

const nowMs = Date.now()
const range = { fromMs: nowMs - 3_600_000, untilMs: nowMs }
const lines = [
  ['app_info', '{job="web",pod="web-1"}'],
  ['app_info', '{job="web",pod="web-2"}'],
  ['app_info', '{job="db, main",pod="db-1"}'],
  ['load', '{pod="web-1"}'],
  ['', '{"k8s.pod.phase","k8s.pod.name"="utf-1"}'],
].map(([name, labels]) => `${name}${labels} 1 ${(nowMs - 5_000) / 1_000}`)

const options = suite<{ prometheus: RunningPrometheus; api: PrometheusApi }>('variableOptions()')
options.before(async context => {
  context.prometheus = await startPrometheus(lines)
  context.api = createPrometheusApi(context.prometheus.url)
})
options.after(({ prometheus }) => prometheus?.stop())

const known = new Map([['job', { values: ['web'], several: true }]])
for (const [fact, given, expected] of [
  ['the values of a label on a metric', { query: 'label_values(app_info, pod)' }, ['db-1', 'web-1', 'web-2']],
  ['the values of a label', { query: 'label_values(job)' }, ['db, main', 'web']],
  ['values that depend on another variable', { query: 'label_values(app_info{job=~"$job"}, pod)' }, ['web-1', 'web-2']],
  ['a selector with commas', { query: 'label_values(app_info{job="db, main", pod!=""}, pod)' }, ['db-1']],
  ['the names of labels', { query: 'label_names()' }, ['__name__', 'job', 'k8s.pod.name', 'pod']],
  ['metrics by a pattern', { query: 'metrics(^app_)' }, ['app_info']],
  [
    'the result of a query, cut to the first group',
    { query: 'query_result(load)', regex: '/pod="([^"]+)"/' },
    ['web-1'],
  ],
  ['a bare query', { query: 'load', regex: '.*pod="(?<value>[^"]+)".*' }, ['web-1']],
  [
    'the values that match the expression',
    { query: 'label_values(app_info, pod)', regex: '/^web/' },
    ['web-1', 'web-2'],
  ],
  ['unique parts', { query: 'label_values(app_info, pod)', regex: '/^(\\w+)-/' }, ['db', 'web']],
  ['values of a label in quotes', { query: 'label_values({__name__="app_info"}, "pod")' }, ['db-1', 'web-1', 'web-2']],
  ['values of a UTF-8 label', { query: 'label_values({"k8s.pod.phase"}, "k8s.pod.name")' }, ['utf-1']],
  ['values of a UTF-8 label of all series', { query: 'label_values("k8s.pod.name")' }, ['utf-1']],
  ['no value without series', { query: 'label_values(gone, pod)' }, []],
  ['a list', { type: 'custom', query: 'a, Bee : b, c\\,d' }, ['a', 'b', 'c,d']],
  ['intervals', { type: 'interval', query: 'auto,1m,5m' }, ['1m', '5m']],
  ['a constant', { type: 'constant', query: 'x' }, ['x']],
  ['the value of a text box', { type: 'textbox', query: '', current: ['typed'] }, ['typed']],
] as const) {
  options(fact, async ({ api }) => {
    assert.deepEqual(await variableOptions(variable(given), { api, range, known }), expected)
  })
}

options('reports the error of Prometheus', async ({ api }) => {
  const refused = variableOptions(variable({ query: 'label_values(app_info{, pod)' }), { api, range, known })
  await assert.rejects(refused, { name: 'QueryError' })
})
options.run()

const reads = suite('labelValuesQuery()')
for (const [query, selector, label] of [
  ['label_values(up, job)', 'up', 'job'],
  ['label_values(job)', '', 'job'],
  [' label_values( up{a="x, y"} ,job ) ', 'up{a="x, y"}', 'job'],
  ['label_values({}, job)', '', 'job'],
  [
    'label_values({__name__="k8s.pod.phase"}, "k8s.namespace.name")',
    '{__name__="k8s.pod.phase"}',
    'k8s.namespace.name',
  ],
  ["label_values(up{a='b,c'}, 'a,b')", "up{a='b,c'}", 'a,b'],
  [String.raw`label_values(up{a="b\"c,d"}, "a\"b\\")`, String.raw`up{a="b\"c,d"}`, 'a"b\\'],
  ['label_values(up{a=`b,"c`}, `a"b`)', 'up{a=`b,"c`}', 'a"b'],
  ['label_values("a b")', '', 'a b'],
  ['label_values(up, $label)', 'up', '$label'],
  ['label_values(up{a=~"(x|y)"},\njob)', 'up{a=~"(x|y)"}', 'job'],
] as const) {
  reads(query, () => assert.deepEqual(labelValuesQuery(query), { selector, label }))
}
reads('reads a long query in linear time', () => {
  for (const long of ['x'.repeat(1_000_000), '"'.repeat(1_000_000), '\\"'.repeat(500_000)]) {
    const tookMs = cpuTimeMs(() => {
      labelValuesQuery(`label_values(${long}, job)`)
      labelValuesQuery(`label_values(${long}, "job")`)
      labelValuesQuery(`label_values(${long})`)
    })
    assert(tookMs < 4_000, `${tookMs} ms`)
  }
  assert.equal(labelValuesQuery(`label_values(${'x'.repeat(200_000)}, job)`)?.label, 'job')
})
reads('is none of another query', () => assert.equal(labelValuesQuery('query_result(up)'), undefined))
reads.run()

const chooses = suite('chosenValue()')
chooses('gives All its allValue, or else all values', () => {
  assert.deepEqual(chosenValue(variable({ allValue: '.+' }), 'all', ['a', 'b']), {
    ...{ values: ['a', 'b'], allText: '.+', several: true, isAll: true },
  })
  assert.deepEqual(chosenValue(variable({}), 'all', ['a', 'b']), { values: ['a', 'b'], several: true, isAll: true })
})
chooses('is plain for a variable with one value', () => {
  assert.deepEqual(chosenValue(variable({ multi: false, includeAll: false }), ['a'], ['a', 'b']), {
    ...{ values: ['a'], several: false },
  })
})
chooses.run()
