/** What may be wrong with dashboards of users and with a Prometheus's answers: one thing fails by name, and the others are judged. */
import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { verify } from '../../../../lib/checks/verify/verify.ts'
import { type Failure, reportText, type VerifyReport } from '../../../../lib/checks/verify/verify-report.ts'
import { readDashboard } from '../../../../lib/grafana/read-dashboard.ts'
import { createPrometheusApi, type PrometheusApi } from '../../../../lib/prometheus/prometheus-client.ts'
import { freePort } from '../../../support/free-ports.ts'
import { type FakeAnswer, oneSeries, startFakePrometheus, success } from './fake-prometheus.ts'

interface Given {
  /** The queries, a panel each. */
  exprs?: readonly string[]
  panel?: Record<string, unknown>
  variables?: readonly Record<string, unknown>[]
}

function dashboardOf({ exprs = ['up'], panel = {}, variables = [] }: Given) {
  const datasource = { type: 'prometheus', uid: 'p' }
  const panels = exprs.map((expr, at) => ({
    ...{ id: at, title: `Panel ${at}`, type: 'timeseries', datasource, targets: [{ refId: 'A', expr }] },
    ...panel,
  }))
  const list = variables.map(each => ({ type: 'query', datasource, includeAll: true, multi: true, ...each }))
  return readDashboard({ title: 'Foreign', uid: 'f', schemaVersion: 39, panels, templating: { list } }, 'f.json')
}

async function verified(given: Given, api: PrometheusApi): Promise<VerifyReport> {
  const dashboards = [{ dashboard: dashboardOf(given), expectations: undefined }]
  return await verify({
    ...{ api, dashboards, refused: [], scrapeMs: 10_000, truth: undefined, metrics: undefined, retryMs: 0 },
  })
}

/** Verifies a dashboard at a Prometheus that has a number for each query but those that `answer` answers. */
async function judged(
  given: Given,
  answer: (path: string, given: URLSearchParams) => FakeAnswer | undefined,
  options: { timeoutMs?: number; break?: (api: PrometheusApi) => PrometheusApi } = {},
): Promise<{ report: VerifyReport; asked: string[] }> {
  const fake = await startFakePrometheus((path, form) => {
    const query = form.get('query')
    if (query === '1') return undefined
    const isOfPanel = query !== null && !query.startsWith('count(')
    return answer(path, form) ?? (isOfPanel ? oneSeries(path, form) : undefined)
  })
  try {
    const api = createPrometheusApi(fake.url, options)
    const report = await verified(given, options.break?.(api) ?? api)
    return { report, asked: fake.asked.map(decodeURIComponent) }
  } finally {
    await fake.close()
  }
}

const words = ({ panel, problem, got, hint }: Failure) =>
  `${panel}: ${problem}: ${got}${hint === '' ? '' : `; ${hint}`}`
const valuesOf = (values: readonly string[]) => (path: string) =>
  path.startsWith('/label/') && path !== '/label/__name__/values' ? success(values) : undefined

const patterns = suite('verify() of patterns')
for (const allValue of ['(?i).*', '[[:alpha:]-]+', '(?P<all>.*)']) {
  patterns(`evaluates ${allValue} for All as Prometheus does`, async () => {
    const variables = [{ name: 'namespace', query: 'label_values(up, namespace)', allValue }]
    const exprs = ['up{namespace=~"$namespace"}']
    const { report, asked } = await judged({ exprs, variables }, valuesOf(['a', 'b']))
    assert.deepEqual(report.failures.map(words), [])
    assert.ok(asked.some(each => each.includes(`up{namespace=~"${allValue}"}`)))
  })
}
patterns('reports a pattern that is not RE2 as Prometheus refuses it, and checks the other queries', async () => {
  const why = 'invalid parameter "query": 1:4: parse error: error parsing regexp: invalid Perl operator: `(?!`'
  const variables = [{ name: 'namespace', query: 'label_values(up, namespace)', allValue: '(?!kube-).*' }]
  const exprs = ['up{namespace=~"$namespace"}', 'up']
  const { report } = await judged({ exprs, variables }, (path, form) => {
    if (form.get('query')?.includes('(?!') !== true) return valuesOf(['a', 'b'])(path)
    return { status: 400, body: JSON.stringify({ status: 'error', errorType: 'bad_data', error: why }) }
  })
  assert.deepEqual(report.failures.map(words), [`Panel 0: error: ${why}`])
  assert.equal(report.dashboards[0]?.ok, 4)
})
for (const [fact, variable, chosen] of [
  ['a lookahead', { regex: '/^(?!kube-).*/' }, 'default'],
  ['a bare pattern, which has to fit the whole value', { regex: 'kube' }, undefined],
  ['the group that is called value', { regex: '/(?<text>.)(?<value>.*)/' }, 'efault|ube-system'],
  ['every match of a global one', { regex: '/(kube|default)/g' }, 'default|kube'],
  ['metrics by a lookahead', { query: 'metrics(^(?!kube))', regex: '' }, 'default'],
] as const) {
  patterns(`filters a variable by ${fact}, as Grafana does`, async () => {
    const variables = [{ name: 'x', query: 'label_values(up, namespace)', ...variable }]
    const { report, asked } = await judged({ exprs: ['up{namespace=~"$x"}'], variables }, path =>
      path.startsWith('/label/') ? success(['default', 'kube-system']) : undefined,
    )
    assert.deepEqual(
      report.failures.map(words),
      chosen === undefined ? ['$x: no data: no value; Prometheus has no metric up'] : [],
    )
    if (chosen !== undefined) assert.ok(asked.some(each => each.replace(/[()]/g, '').includes(`"${chosen}"`)))
  })
}
for (const [fact, variable, got] of [
  ['is none', { regex: '/(/' }, /^\$x: error: Invalid regular expression: \/\(\/: Unterminated group$/],
  ['is one of RE2', { regex: '(?i)a' }, /^\$x: error: Invalid regular expression: .*Invalid group$/],
  ['has no end', { regex: '/^(a+)+$/' }, /^\$x: error: .*it took longer than 1 s$/],
  ['of metrics() is none', { query: 'metrics(()' }, /^\$x: error: Invalid regular expression: .*Unterminated group$/],
  ['of metrics() has no end', { query: 'metrics(^(a+)+$)' }, /^\$x: error: .*it took longer than 1 s$/],
] as const) {
  patterns(`names a variable whose pattern ${fact}, and checks the others`, async () => {
    const variables = [{ name: 'x', query: 'label_values(up, namespace)', ...variable }]
    const endless = success([`${'a'.repeat(40)}!`])
    const { report } = await judged({ variables }, path => (path.startsWith('/label/') ? endless : undefined))
    assert.match(report.failures.map(words).join('\n'), got)
    assert.equal(report.dashboards[0]?.ok, 1)
  })
}
patterns('names a panel whose patterns Grafana can’t use', async () => {
  const panel = {
    fieldConfig: {
      defaults: { mappings: [{ type: 'regex', options: { pattern: '/(/', result: { text: 'x' } } }] },
      overrides: [{ matcher: { id: 'byRegexp', options: '/a/x' }, properties: [{ id: 'unit', value: 's' }] }],
    },
    transformations: [{ id: 'renameByRegex', options: { regex: '(?i)a', renamePattern: '$1' } }],
  }
  const { report } = await judged({ panel }, () => undefined)
  const [found] = report.failures.map(words)
  assert.match(found ?? '', /^Panel 0: error: the pattern \/\(\/ of a value mapping is not a JavaScript one: Invalid/)
  assert.match(
    found ?? '',
    /; the pattern \/a\/x of an override is not .*; the pattern \(\?i\)a of the transformation renameByRegex/,
  )
  assert.equal(report.failures.length, 1)
})
patterns.run()

const answers = suite('verify() of answers')
for (const [fact, answer, got] of [
  [
    'a page',
    { status: 200, body: '<!doctype html>\n<title>Sign in</title>' },
    'it answered HTTP 200 and no JSON: <!doctype html> <title>Sign in</title>',
  ],
  ['an error of a proxy', { status: 502, body: 'Bad Gateway' }, 'it answered HTTP 502 and no JSON: Bad Gateway'],
  ['nothing', { status: 503, body: '' }, 'it answered HTTP 503 and no JSON: an empty answer'],
  [
    'JSON of another kind',
    { status: 401, body: '{"message":"Unauthorized"}' },
    'it answered HTTP 401: {"message":"Unauthorized"}',
  ],
  [
    'an error in Prometheus’s words',
    { status: 422, body: '{"status":"error","error":"query timed out in expression evaluation"}' },
    'query timed out in expression evaluation',
  ],
  ['a dropped connection', 'drop', 'other side closed'],
  ['no answer', 'hang', 'it took longer than 2 s'],
] as const) {
  answers(`fails the one query that gets ${fact}`, async () => {
    const exprs = ['up', 'bad', 'sum(up)']
    const { report } = await judged({ exprs }, (_, form) => (form.get('query') === 'bad' ? answer : undefined), {
      timeoutMs: answer === 'hang' ? 2_000 : 60_000,
    })
    assert.deepEqual(report.failures.map(words), [`Panel 1: error: ${got}`])
    assert.equal(report.dashboards[0]?.ok, 2)
  })
  answers(`fails the one variable that gets ${fact}`, async () => {
    const variables = [
      { name: 'bad', query: 'label_values(up, bad)' },
      { name: 'good', query: 'label_values(up, good)' },
    ]
    const { report } = await judged(
      { variables },
      path => (path === '/label/bad/values' ? answer : valuesOf(['a'])(path)),
      { timeoutMs: answer === 'hang' ? 2_000 : 60_000 },
    )
    assert.deepEqual(report.failures.map(words), [`$bad: error: ${got}`])
  })
}
answers('continues without rules and metric names when Prometheus does not list them', async () => {
  const notFound = { status: 404, body: '404 page not found' }
  const { report } = await judged({}, path => (path === '/rules' || path.startsWith('/label/') ? notFound : undefined))
  assert.deepEqual(report.failures.map(words), [])
})
answers('ends early with one cause when Prometheus does not answer', async () => {
  const login = await startFakePrometheus(() => ({ status: 200, body: '<html>Sign in</html>' }))
  try {
    await assert.rejects(verified({ exprs: ['up', 'down'] }, createPrometheusApi(login.url)), {
      name: 'PrometheusUnreachable',
      message: `Cannot query Prometheus at ${login.url}: it answered HTTP 200 and no JSON: <html>Sign in</html>`,
    })
    assert.equal(login.asked.length, 1)
  } finally {
    await login.close()
  }
  const url = `http://127.0.0.1:${await freePort()}`
  await assert.rejects(verified({}, createPrometheusApi(url)), {
    name: 'PrometheusUnreachable',
    message: /ECONNREFUSED/,
  })
})
answers('ends early with one cause when Prometheus stops during the run', async () => {
  let isUp = true
  const fake = await startFakePrometheus((_, form) => {
    if (form.get('query') === 'crash') isUp = false
    return isUp ? undefined : 'drop'
  })
  try {
    const exprs = ['crash', ...Array.from({ length: 20 }, (_, at) => `up + ${at}`)]
    await assert.rejects(verified({ exprs }, createPrometheusApi(fake.url)), { name: 'PrometheusUnreachable' })
    assert.ok(fake.asked.filter(each => each.includes('up')).length < 10, fake.asked.join('\n'))
  } finally {
    await fake.close()
  }
})
answers('requests the values of a UTF-8 label by its escaped name', async () => {
  const variables = [
    { name: 'a', query: 'label_values({__name__="k8s.pod.phase"}, "k8s.namespace.name")' },
    { name: 'b', query: 'label_values({__name__="k8s.pod.phase", "k8s.namespace.name"=~"$a"}, "k8s.pod.name")' },
  ]
  const { report, asked } = await judged({ variables }, valuesOf(['x', 'y']))
  assert.deepEqual(report.failures.map(words), [])
  const paths = new Set(asked.map(each => each.split('?')[0]))
  assert.ok(paths.has('/label/U__k8s_2e_namespace_2e_name/values') && paths.has('/label/U__k8s_2e_pod_2e_name/values'))
})
answers('uses the saved values for variables of another datasource', async () => {
  const current = { text: ['mine'], value: ['mine'] }
  const variables = [{ name: 'x', query: 'SELECT 1', datasource: { type: 'mysql', uid: 'm' }, current }]
  const { report, asked } = await judged({ exprs: ['up{x=~"$x"}'], variables }, () => undefined)
  assert.deepEqual(report.failures.map(words), [])
  assert.ok(asked.some(each => each.includes('up{x=~"mine"}')) && !asked.some(each => each.includes('SELECT')))
})
answers('reports a bug of the lab only for the query that shows it', async () => {
  const { report } = await judged({ exprs: ['up', 'odd'] }, () => undefined, {
    break: api => ({
      ...api,
      range: async (expression, range, stepMs) =>
        expression === 'odd' ? fail() : await api.range(expression, range, stepMs),
    }),
  })
  const [found] = report.failures.map(words)
  assert.match(
    found ?? '',
    /^Panel 1: error: TypeError: not expected; this is a bug of the lab, please report it \(at fail /,
  )
  assert.deepEqual([report.failures.length, report.dashboards[0]?.ok], [1, 1])
})
answers.run()

const fallbacks = suite('verify() of fallbacks')
const OF_OLD = ['code', 'http_response_status_code', 'error_type', 'job', 'type']
/** A Prometheus with `up{job="web"}` and `old{code="200"}`, of which only `up` has series now. */
function ofTwoMetrics(path: string, form: URLSearchParams): FakeAnswer | undefined {
  const [query, match] = [form.get('query') ?? '', form.get('match[]')]
  if (path === '/label/__name__/values') {
    const names = ['up', 'old'].filter(name => match === null || match.includes(`"${name}"`))
    return success(names)
  }
  if (path === '/labels') return success(match?.includes('"up"') === true ? ['job', 'k8s'] : OF_OLD)
  if (path === '/label/job/values') return success(['web'])
  if (path === '/label/code/values') return success(['200'])
  const hasNone = !/or (?:on\(\) )?(?:vector|0)/.test(query) && !query.includes('up')
  if (path === '/query_range' && hasNone) return success({ resultType: 'matrix', result: [] })
  return undefined
}
for (const [fact, expr] of [
  ['has series', 'up or vector(0)'],
  ['is one of several that has', 'sum(up or vector(0))'],
  ['stands in a subquery, and its metric exists', 'max_over_time((old or vector(0))[1h:])'],
] as const) {
  fallbacks(`passes what ${fact}: ${expr}`, async () => {
    const { report } = await judged({ exprs: [expr] }, ofTwoMetrics)
    assert.deepEqual(report.failures.map(words), [])
    assert.deepEqual([report.dashboards[0]?.ok, report.dashboards[0]?.showFallback], [1, 0])
  })
}
for (const expr of [
  'old or vector(0)',
  'sum(rate(old{code="200"}[5m])) or on() vector(0)',
  'sum(old{code=~"5.."}) or vector(0)',
  'sum(old{code=~"200|500"}) or 0 * sum(up)',
  'sum(rate(old{code="500"}[5m])) or vector(0)',
  'sum(rate(old{code=~"500|503"}[5m])) / sum(rate(old[5m])) or vector(0)',
  'old{http_response_status_code="500"} or vector(0)',
  'old{error_type="timeout"} or vector(0)',
  'old unless gone or vector(0)',
  '(old or gone) or vector(0)',
  'old{code!="404", nothing=""} or vector(0)',
  '1 - (sum(old) or vector(0))',
]) {
  fallbacks(`counts a query that shows its fallback because nothing matches now: ${expr}`, async () => {
    const { report } = await judged({ exprs: [expr] }, ofTwoMetrics)
    assert.deepEqual(report.failures.map(words), [])
    assert.deepEqual([report.dashboards[0]?.ok, report.dashboards[0]?.showFallback], [1, 1])
    assert.match(reportText(report), /^1 ok by a fallback such as "or vector\(0\)": the metric exists/m)
  })
}
for (const [expr, got] of [
  ['gone or vector(0)', 'vector(0), and Prometheus has no metric gone'],
  ['sum(rate(gone[5m])) or on() vector(0)', 'vector(0), and Prometheus has no metric gone'],
  ['1 - (sum(gone) or vector(0))', 'vector(0), and Prometheus has no metric gone'],
  ['sum(old / gone) or 0 * sum(up)', '0 * sum(up), and Prometheus has no metric gone'],
  ['gone{code="500"} or vector(0)', 'vector(0), and Prometheus has no metric gone'],
  ['old{zone="a"} or vector(0)', 'vector(0), and old has no label zone'],
  ['old{status="500"} or vector(0)', 'vector(0), and old has no label status'],
  ['old{code="500", job="wbe"} or vector(0)', 'vector(0), and no series has job="wbe"'],
  ['old{job="wbe"} or vector(0)', 'vector(0), and no series has job="wbe"'],
  ['old{type="none"} or vector(0)', 'vector(0), and no series has type="none"'],
  ['old{job=~"wbe|bew"} or vector(0)', 'vector(0), and no series has job=~"wbe|bew"'],
  ['max_over_time((gone or vector(0))[1h:])', 'vector(0), and Prometheus has no metric gone'],
] as const) {
  fallbacks(`fails a query whose fallback hides that something doesn’t exist: ${expr}`, async () => {
    const { report } = await judged({ exprs: [expr] }, ofTwoMetrics)
    assert.deepEqual(
      report.failures.map(({ problem, got: found }) => [problem, found]),
      [['hidden by fallback', got]],
    )
  })
}
fallbacks('checks label values only for a list of values', async () => {
  const { asked } = await judged({ exprs: ['old{code=~"5.."} or vector(0)'] }, ofTwoMetrics)
  assert.ok(!asked.some(each => each.startsWith('/label/code/values')))
})
fallbacks('reports that it did not check the fallbacks of a query that is too long to read', async () => {
  const { report } = await judged({ exprs: [`${Array(600).fill('gone').join(' or ')} or vector(0)`] }, ofTwoMetrics)
  assert.deepEqual(report.failures.map(words), [])
  assert.equal(report.dashboards[0]?.ok, 1)
  assert.match(
    reportText(report),
    /^1 skipped: the query is too long for the lab’s parser: fallbacks such as "or vector\(0\)" in it are not checked$/m,
  )
})
fallbacks.run()

function fail(): never {
  throw new TypeError('not expected')
}
