/** What changes while verify looks, what it chooses, what it waits for. On a real Prometheus. */
import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { clusterTruth } from '../../../../lib/checks/verify/lab-truth.ts'
import { missingPrerequisites } from '../../../../lib/checks/verify/prerequisites.ts'
import { queryKey } from '../../../../lib/checks/verify/query-expectations.ts'
import { selectVariables } from '../../../../lib/checks/verify/variable-selection.ts'
import { type VerifyOptions, verify } from '../../../../lib/checks/verify/verify.ts'
import { waitForWindow } from '../../../../lib/checks/verify/wait-for-window.ts'
import { LabError } from '../../../../lib/cli/errors.ts'
import { readDashboard } from '../../../../lib/grafana/read-dashboard.ts'
import { createPrometheusApi } from '../../../../lib/prometheus/prometheus-client.ts'
import { assertSameWords, assertSays } from '../../../support/lab.ts'
import { CLUSTER, clusterObjects, fakeApi, measured } from './cluster-fixture.ts'
import { startFakePrometheus } from './fake-prometheus.ts'
import { type RunningPrometheus, startPrometheus } from './prometheus-fixture.ts'

interface Context {
  prometheus: RunningPrometheus
}
const datasource = { type: 'prometheus', uid: 'p' }
const query = (name: string, text: string) => ({
  ...{ name, type: 'query', query: text, datasource },
  multi: true,
  includeAll: true,
})

function pods(variables: unknown[] = []): ReturnType<typeof readDashboard> {
  const targets = [{ refId: 'A', expr: 'count(k8s_pod_phase)', instant: true, range: false, datasource }]
  const panels = [{ id: 1, title: 'Pods', type: 'stat', datasource, targets }]
  const templating = { list: variables }
  return readDashboard({ title: 'Pods', uid: 'pods', schemaVersion: 39, panels, templating }, 'pods.json')
}

/** Verifies the number of pods, with these objects (or this fault) at each look in turn, the last ones from then on; and those before, if they are known. */
async function looks(
  url: string,
  {
    retryMs,
    endsAfterLast = false,
    earlier,
    api = createPrometheusApi(url),
    variables,
  }: {
    retryMs: number
    /** The time limit is over with the last of the readings. */
    endsAfterLast?: boolean
    earlier?: Record<string, unknown[]> | LabError
    api?: VerifyOptions['api']
    variables?: unknown[]
  },
  ...each: (Record<string, unknown[]> | LabError)[]
) {
  let at = 0
  const { now } = performance
  const isOver = () => endsAfterLast && at >= each.length
  performance.now = () => now.call(performance) + (isOver() ? retryMs : 0)
  const given = { clusterName: CLUSTER, preset: 'steady', windowMs: 0, api: createPrometheusApi(url) } as const
  const truth: VerifyOptions['truth'] = {
    name: 'the API',
    read: async () => {
      const objects = each[Math.min(at++, each.length - 1)] ?? {}
      if (objects instanceof LabError) throw objects
      return await clusterTruth(fakeApi(objects), given).read()
    },
    readAt: async () => {
      if (earlier instanceof LabError) throw earlier
      return earlier === undefined ? undefined : await clusterTruth(fakeApi(earlier), given).read()
    },
  }
  const queries = new Map([[queryKey('Pods', 'A'), { truth: { of: 'pods', by: [] } as const }]])
  const dashboards = [{ dashboard: pods(variables), expectations: { prerequisites: [], queries } }]
  try {
    const report = await verify({
      ...{ api, dashboards, refused: [], truth },
      ...{ retryMs, scrapeMs: 50, metrics: 'otel' },
    })
    return { report, looks: at }
  } finally {
    performance.now = now
  }
}

/** The cluster before pods were deleted that Prometheus has not had for long. */
function before(gone = 1): Record<string, unknown[]> {
  const objects = clusterObjects()
  const pods = objects['/api/v1/pods'] ?? []
  const more = Array.from({ length: gone }, (_, at) =>
    JSON.parse(JSON.stringify(pods[0]).replaceAll('web-1', `web-gone-${at}`)),
  )
  return { ...objects, '/api/v1/pods': [...pods, ...more] }
}

/** The cluster after a pod was deleted that Prometheus still has. */
function after(): Record<string, unknown[]> {
  const objects = clusterObjects()
  return { ...objects, '/api/v1/pods': (objects['/api/v1/pods'] ?? []).slice(1) }
}

/** The cluster after another one was. */
function afterAnother(): Record<string, unknown[]> {
  const objects = clusterObjects()
  return { ...objects, '/api/v1/pods': (objects['/api/v1/pods'] ?? []).slice(0, -1) }
}

const settles = suite<Context>('verify(), while the cluster changes')
settles.before(async context => {
  context.prometheus = await startPrometheus(measured(clusterObjects(), Date.now()))
})
settles.after(({ prometheus }) => prometheus?.stop())

settles('reads the cluster again for what fails, and accepts what is right then', async ({ prometheus }) => {
  const found = await looks(prometheus.url, { retryMs: 60_000 }, before(), before(), clusterObjects())
  assert.deepEqual([found.report.failures, found.looks], [[], 3])
})

settles('accepts values between two readings of a cluster that keeps changing', async ({ prometheus }) => {
  const { report, looks: count } = await looks(prometheus.url, { retryMs: 60_000 }, before(), after())
  assert.deepEqual([report.failures, count], [[], 2])
})

settles('accepts the state one look-back earlier without waiting', async ({ prometheus }) => {
  const { report, looks: count } = await looks(prometheus.url, { retryMs: 60_000, earlier: clusterObjects() }, after())
  assert.deepEqual([report.failures, count, report.waitedSeconds], [[], 1, 0])
})

settles('accepts the sum of deleted and new pods while both are visible', async ({ prometheus }) => {
  // Each look has one pod less than Prometheus, which has both the one that is gone and the one that has come.
  const { report, looks: count } = await looks(prometheus.url, { retryMs: 60_000, earlier: after() }, afterAnother())
  assert.deepEqual([report.failures, count], [[], 1])
})

settles('reads the cluster again when its earlier state is not available', async ({ prometheus }) => {
  const earlier = new LabError('etcd is away')
  const { report, looks: count } = await looks(prometheus.url, { retryMs: 60_000, earlier }, after(), clusterObjects())
  assert.deepEqual([report.failures, count], [[], 2])
})

settles('fails for a value that was never true', async ({ prometheus }) => {
  const { report } = await looks(prometheus.url, { retryMs: 0, earlier: before(2) }, before())
  assert.deepEqual(
    report.failures.map(({ got, expected }) => [got, expected]),
    [['in all: 7', 'in all: 8 to 9']],
  )
})

settles('does not accept a value that was true at no reading', async ({ prometheus }) => {
  const ends = { retryMs: 60_000, endsAfterLast: true }
  const { report } = await looks(prometheus.url, ends, before(), before(2), before(3))
  assert.deepEqual(
    report.failures.map(({ got, expected }) => [got, expected]),
    [['in all: 7', 'in all: 8 to 10']],
  )
})

settles('fails after the time limit', async ({ prometheus }) => {
  const ends = { retryMs: 60_000, endsAfterLast: true }
  const { report, looks: count } = await looks(prometheus.url, ends, before(), before(), before())
  assert.deepEqual(
    report.failures.map(({ problem, got, expected }) => [problem, got, expected]),
    [['wrong number', 'in all: 7', 'in all: 8']],
  )
  assert.equal(count, 3)
})

const away = new LabError('Cannot list pods: etcd is away')
const notedAway = 'Some retries of failures could not read the cluster: Cannot list pods: etcd is away'

settles('retries after a failed reading of the cluster, and notes it once', async ({ prometheus }) => {
  const given = [before(), away, away, clusterObjects()]
  const { report, looks: count } = await looks(prometheus.url, { retryMs: 60_000 }, ...given)
  assert.deepEqual([report.failures, report.notes, count], [[], [notedAway], 4])
})

for (const [fact, faults, endsAfterLast, failures] of [
  ['once, and passes after the next', 1, false, []],
  [
    'each time, with the failures before it',
    Number.POSITIVE_INFINITY,
    true,
    [
      ['wrong number', 'in all: 7'],
      ['error', 'TypeError: not expected'],
    ],
  ],
] as const) {
  settles(`reports an unexpected error while it plans a retry ${fact}`, async ({ prometheus }) => {
    const real = createPrometheusApi(prometheus.url)
    let planned = 0
    const instant: typeof real.instant = (expression, timeMs) => {
      // A plan ranks the values of the variable twice, for one value and for several. The first plan succeeds.
      const isRanking = expression.startsWith('topk(50')
      if (isRanking && planned++ >= 2 && planned - 2 <= faults) throw new TypeError('not expected')
      return real.instant(expression, timeMs)
    }
    const variables = [query('listed', 'label_values(k8s_pod_phase, k8s_pod_name)')]
    const options = { retryMs: 60_000, endsAfterLast, api: { ...real, instant }, variables }
    const { report } = await looks(prometheus.url, options, before(), before(), clusterObjects(), before())
    assert.deepEqual(
      report.failures.map(({ problem, got }) => [problem, got]),
      failures,
    )
  })
}

settles('keeps the failures when the cluster can’t be read again', async ({ prometheus }) => {
  const { report } = await looks(prometheus.url, { retryMs: 60_000, endsAfterLast: true }, before(), away)
  assert.deepEqual(
    report.failures.map(({ problem, got, expected }) => [problem, got, expected]),
    [['wrong number', 'in all: 7', 'in all: 8']],
  )
  assert.deepEqual(report.notes, [notedAway])
})

settles('runs the queries without a cluster, and reports the unread cluster as a failure', async ({ prometheus }) => {
  const refuse = async () => ({ status: 500, body: { message: 'etcd is away' } })
  const api = createPrometheusApi(prometheus.url)
  const truth = clusterTruth({ request: refuse }, { clusterName: CLUSTER, preset: 'steady', windowMs: 0, api })
  const report = await verify({
    ...{ api, dashboards: [{ dashboard: pods(), expectations: undefined }], refused: [] },
    ...{ truth, retryMs: 0, scrapeMs: 50, metrics: 'otel' },
  })
  assert.equal(report.dashboards[0]?.ok, 1)
  assert.equal(report.failures.length, 1)
  assertSays(report.failures[0]?.got ?? '', /etcd is away/)
})

settles('names the missing prerequisites of a dashboard, and runs none of its queries', async ({ prometheus }) => {
  const report = await verify({
    ...{ api: createPrometheusApi(prometheus.url), refused: [], truth: undefined, retryMs: 0, scrapeMs: 50 },
    dashboards: [{ dashboard: pods(), expectations: { prerequisites: ['etcd', 'kwok'], queries: new Map() } }],
    metrics: undefined,
  })
  const [result] = report.dashboards
  assert.deepEqual([result?.notApplicable, result?.queries, report.failures], ['etcd', 0, []])
})

settles('names the command for the dialect of metrics that a lab leaves out', async ({ prometheus }) => {
  const queries = new Map([[queryKey('Pods', 'A'), { prerequisites: ['otel-metrics'] as const }]])
  const report = await verify({
    ...{ api: createPrometheusApi(prometheus.url), refused: [], truth: undefined, retryMs: 0, scrapeMs: 50 },
    dashboards: [
      { dashboard: pods(), expectations: { prerequisites: ['otel-metrics'], queries: new Map() } },
      { dashboard: pods(), expectations: { prerequisites: [], queries } },
    ],
    metrics: 'prometheus',
  })
  const [whole, part] = report.dashboards
  assert.deepEqual([whole?.verdict, whole?.notApplicable], ['not applicable', 'otel-metrics (make kwok METRICS=both)'])
  const because = 'there is no otel-metrics (make kwok METRICS=both) here'
  assert.deepEqual([part?.reasons.excused, report.failures], [{ [because]: 1 }, []])
})

settles('treats only the optional parts of a KWOK lab as missing', async ({ prometheus }) => {
  const api = createPrometheusApi(prometheus.url)
  const added = ['spans', 'traces', 'kwok-metrics', 'example-metrics'] as const
  for (const [metrics, leftOut] of [
    ['both', []],
    ['otel', ['kube-prometheus-metrics']],
    ['prometheus', ['otel-metrics']],
  ] as const)
    assertSameWords([...(await missingPrerequisites(api, metrics, Date.now())).keys()], [...leftOut, ...added])
  const missing = await missingPrerequisites(api, undefined, Date.now())
  assertSameWords(
    [...missing.keys()],
    [
      ...['etcd', 'control-plane', 'cadvisor', 'disk-io', 'kube-prometheus-metrics', 'host-metrics', 'volumes'],
      ...['trace-simulator', ...added],
    ],
  )
})

settles('keeps waiting after a refused query, and stops without Prometheus', async () => {
  let asked = 0
  const fake = await startFakePrometheus((_, given) => {
    if (!given.get('query')?.startsWith('count(') || asked++ > 0) return undefined
    return { status: 422, body: '{"status":"error","error":"query timed out in expression evaluation"}' }
  })
  const wait = () =>
    waitForWindow({
      ...{ url: fake.url, clusterName: CLUSTER, isKwokLab: false },
      ...{ windowMs: 40_000, limitMs: 10_000, onWaiting: () => {} },
    })
  try {
    assert.equal(await wait(), true)
  } finally {
    await fake.close()
  }
  await assert.rejects(wait(), { name: 'PrometheusUnreachable' })
})

settles('stops waiting for short series at the time limit', async ({ prometheus }) => {
  const said: string[] = []
  const wait = (windowMs: number, isKwokLab = false) =>
    waitForWindow({
      isKwokLab,
      url: prometheus.url,
      clusterName: CLUSTER,
      windowMs,
      limitMs: 0,
      onWaiting: text => said.push(text),
    })
  assert.equal(await wait(40_000), true)
  assert.equal(await wait(3_600_000), false)
  // Two nodes and seven pods, in each dialect.
  assert.deepEqual(said, ['18 series cover less than 3600 s'])
  // The trace simulator of a KWOK lab, of which Prometheus has nothing yet.
  assert.equal(await wait(40_000, true), false)
  assert.equal(said.at(-1), '1 series cover less than 40 s')
})
settles.run()

const chooses = suite<Context>('choose()')
chooses.before(async context => {
  // Far ahead, for a busy machine: Prometheus forgets a series 45 s after its last sample.
  const times = Array.from({ length: 120 }, (_, at) => Date.now() / 1_000 - 5 + at * 10)
  const series = [
    'busy{ns="a"}',
    'idle{ns="a"}',
    'busy{ns="b",claim="x"}',
    'busy{ns="c"}',
    'idle{ns="c"}',
    'more{ns="c"}',
  ].sort()
  context.prometheus = await startPrometheus(series.flatMap(each => times.map(atS => `${each} 1 ${atS}`)))
})
chooses.after(({ prometheus }) => prometheus?.stop())

const chosen = async (url: string, name: 'all' | 'one' | 'several', list: unknown[]) => {
  const json = { title: 'T', uid: 't', schemaVersion: 39, panels: [], templating: { list } }
  const untilMs = Date.now()
  const inputs = {
    api: createPrometheusApi(url),
    range: { fromMs: untilMs - 60_000, untilMs },
    metrics: ['busy', 'idle', 'more'],
  }
  const { selection, problems } = await selectVariables(readDashboard(json, 't.json'), name, inputs)
  return { values: Object.fromEntries([...selection.values].map(([key, { values }]) => [key, values])), problems }
}
const ns = query('ns', 'label_values(busy, ns)')

chooses('chooses the value with the most of the dashboard’s metrics', async ({ prometheus }) => {
  assert.deepEqual((await chosen(prometheus.url, 'one', [ns])).values, { ns: ['c'] })
  assert.deepEqual((await chosen(prometheus.url, 'several', [ns])).values, { ns: ['c', 'a'] })
  assert.deepEqual((await chosen(prometheus.url, 'all', [ns])).values, { ns: ['a', 'b', 'c'] })
})

chooses('chooses a value with which the later variables have values', async ({ prometheus }) => {
  const claim = query('claim', 'label_values(busy{ns=~"$ns"}, claim)')
  const { values, problems } = await chosen(prometheus.url, 'one', [ns, claim])
  assert.deepEqual([values, problems], [{ ns: ['b'], claim: ['x'] }, []])
})

chooses('chooses one value for a variable without multi', async ({ prometheus }) => {
  const only = { ...ns, multi: false, includeAll: false }
  for (const name of ['all', 'one', 'several'] as const) {
    assert.deepEqual((await chosen(prometheus.url, name, [only])).values, { ns: ['c'] })
  }
})

chooses('names variables without values and variables with a refused query', async ({ prometheus }) => {
  const list = [query('none', 'label_values(gone, ns)'), query('bad', 'label_values(busy{, ns)')]
  const { problems } = await chosen(prometheus.url, 'all', list)
  assert.deepEqual(
    problems.map(({ variable, refused }) => [variable, refused === undefined]),
    [
      ['none', true],
      ['bad', false],
    ],
  )
})
chooses.run()
