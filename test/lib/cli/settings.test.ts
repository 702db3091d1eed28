import assert from 'node:assert/strict'
import { join } from 'node:path'
import { suite } from 'uvu'
import { LabError, UsageError } from '../../../lib/cli/errors.ts'
import {
  chosenText,
  flagOf,
  goDuration,
  parseCommandLine,
  resolveSettings,
  type SettingName,
  setting,
  settingNames,
  settingText,
  variableOf,
} from '../../../lib/cli/settings.ts'

/** The error of a call that must be refused as wrong usage. */
function refusal(act: () => unknown): UsageError {
  try {
    act()
  } catch (error) {
    assert(error instanceof UsageError, `not a UsageError: ${error}`)
    return error
  }
  throw new Error('it was not refused')
}

const resolves = suite('resolveSettings()')
const withEnv = (env: NodeJS.ProcessEnv) => resolveSettings({ flags: {}, env })

resolves('gives the defaults when nothing is set', () => {
  assert.deepEqual(withEnv({}), {
    clusterName: 'queries-testing',
    runtime: 'auto',
    nodeCount: 50,
    nodeCpu: 8,
    podCount: 200,
    collectionInterval: 10_000,
    prometheusPort: 9090,
    otlpGrpcPort: 4317,
    otlpHttpPort: 4318,
    statsProxyPort: 10250,
    kubeletProxyPort: 10251,
    nodeIpRange: '198.18.0.0/16',
    grafana: 'auto',
    grafanaPort: 3000,
    usagePreset: 'steady',
    jaeger: 'auto',
    jaegerPort: 16686,
    jaegerOtlpPort: 14317,
    traceRate: 5,
    tracing: true,
    traceSampling: 1,
    metricsServerPort: 4443,
    metrics: 'otel',
    kubeStateMetricsPort: 18080,
    kubeStateMetricsTelemetryPort: 18081,
    alertmanager: false,
    alertmanagerPort: 9093,
    boutiqueReplicas: 1,
    metricsFile: 'kwok-config/kwok-metrics.yaml',
    prometheusUrl: 'auto',
    dashboardsDir: 'none',
    rulesDir: 'none',
    before: 'none',
    kubeContext: 'auto',
    shards: 1,
    otlpEndpoint: 'auto',
    clusterEvents: true,
    nodePrefix: 'sim',
    storageClass: 'auto',
    allow: 'none',
    otelChart: 'https://open-telemetry.github.io/opentelemetry-helm-charts',
    kubeletInsecureTls: false,
    scenario: 'auto',
    scenarios: 'all',
    speed: 30,
    target: 'auto',
    for: 600_000,
    yes: false,
  })
})

resolves('uses the flag, else the variable, else the lab’s choice at creation, else the default', () => {
  const env = { NODE_COUNT: '2' }
  assert.equal(resolveSettings({ flags: { nodeCount: '1' }, env }).nodeCount, 1)
  assert.equal(resolveSettings({ flags: {}, env, created: { prometheusPort: '3' } }).nodeCount, 2)
  assert.equal(resolveSettings({ flags: {}, env, created: { prometheusPort: '3' } }).prometheusPort, 3)
  assert.equal(resolveSettings({ flags: {}, env }).prometheusPort, 9090)
})

resolves('collects less often from more pods, unless the interval is set', () => {
  const interval = (env: NodeJS.ProcessEnv, created = {}) =>
    resolveSettings({ flags: {}, env, created }).collectionInterval
  assert.equal(interval({ POD_COUNT: '3000' }), 10_000)
  assert.equal(interval({ POD_COUNT: '3001' }), 20_000)
  assert.equal(interval({ POD_COUNT: '10000' }), 60_000)
  assert.equal(interval({ POD_COUNT: '500000' }), 300_000)
  assert.equal(interval({ POD_COUNT: '10000', COLLECTION_INTERVAL: '5s' }), 5_000)
  assert.equal(interval({ POD_COUNT: '10000' }, { collectionInterval: '10s' }), 10_000)
})

resolves('keeps the lab’s choices at creation when nothing is set', () => {
  const created = { prometheusPort: '9191', collectionInterval: '1500ms' }
  const { prometheusPort, collectionInterval } = resolveSettings({ flags: {}, env: {}, created })
  assert.deepEqual([prometheusPort, collectionInterval], [9191, 1500])
})

resolves('treats an empty variable as not set', () => {
  assert.equal(withEnv({ NODE_COUNT: '' }).nodeCount, 50)
  assert.equal(
    resolveSettings({ flags: {}, env: { PROMETHEUS_PORT: '' }, created: { prometheusPort: '9191' } }).prometheusPort,
    9191,
  )
})

resolves('refuses an empty flag', () => {
  const { message, next } = refusal(() => resolveSettings({ flags: { nodeCount: '' }, env: {} }))
  assert.equal(message, '--node-count= is invalid: it must be a whole number from 1 to 20000')
  assert.equal(next, 'set --node-count to another value')
})

const refused: [variable: string, value: string, why: RegExp][] = [
  ...['abc', '-1', '0', '1e9', '1.5', '+5', ' 5', '0x10', '20001', '9999999999', '５'].map(
    value => ['NODE_COUNT', value, /it must be a whole number from 1 to 20000$/] satisfies [string, string, RegExp],
  ),
  ['POD_COUNT', '-1', /it must be a whole number from 0 to 500000$/],
  ['POD_COUNT', '500001', /it must be a whole number from 0 to 500000$/],
  ['NODE_CPU', '0', /it must be a whole number from 1 to 4096$/],
  ['PROMETHEUS_PORT', '0', /it must be a whole number from 1 to 65535$/],
  ['OTLP_GRPC_PORT', '65536', /it must be a whole number from 1 to 65535$/],
  ['OTLP_HTTP_PORT', '127.0.0.1:4318', /it must be a whole number from 1 to 65535$/],
  ...['-1', '10001', '1e3', '.5', '5.', '1.23456', 'fast'].map(
    value => ['TRACE_RATE', value, /it must be a number from 0 to 10000$/] satisfies [string, string, RegExp],
  ),
  ...['0', '100.1', '1%', 'half'].map(
    value => ['TRACE_SAMPLING', value, /it must be a number from 0.0001 to 100$/] satisfies [string, string, RegExp],
  ),
  ...['yes', '1', 'TRUE'].map(
    value => ['TRACING', value, /it must be one of true, false$/] satisfies [string, string, RegExp],
  ),
  ['STATS_PROXY_PORT', 'http', /it must be a whole number from 1 to 65535$/],
  ...['10', '10 s', 's', '-10s', '999ms', '301s', '6m', '0s', '1h', '1.5s', 'abc'].map(
    value =>
      ['COLLECTION_INTERVAL', value, /it must be a duration like 10s, from 1s to 300s$/] satisfies [
        string,
        string,
        RegExp,
      ],
  ),
  ...['9090', 'localhost:9090', 'file:///etc', 'http//x'].map(
    value =>
      ['PROMETHEUS_URL', value, /it must be auto, or a URL like http:\/\/127\.0\.0\.1:9090$/] satisfies [
        string,
        string,
        RegExp,
      ],
  ),
  ['GRAFANA', 'own', /its name is now grafana$/],
  ['GRAFANA', 'Grafana', /it must be one of auto, grafana, page, none$/],
  ['RUNTIME', 'podman', /it must be one of auto, docker, binary$/],
  ...['Lab', 'a_b', '-a', 'a-', 'a.b', 'a/b', '..', 'a b', 'ü', 'a\n', 'a'.repeat(33)].map(
    value =>
      ['CLUSTER_NAME', value, /it must be 1 to 32 lower-case letters, digits and inner dashes$/] satisfies [
        string,
        string,
        RegExp,
      ],
  ),
]
for (const [variable, value, why] of refused) {
  resolves(`refuses ${variable}=${JSON.stringify(value)} with exit code 2 and says what is wanted`, () => {
    const error = refusal(() => withEnv({ [variable]: value }))
    assert(error.message.startsWith(`${variable}=${value} is invalid: `), error.message)
    assert.match(error.message, why)
    assert.equal(error.next, `set ${variable} to another value`)
    assert.equal(error.exitCode, 2)
  })
}

const taken: [variable: string, value: string, name: SettingName, parsed: unknown][] = [
  ['NODE_COUNT', '1', 'nodeCount', 1],
  ['NODE_COUNT', '20000', 'nodeCount', 20_000],
  ['POD_COUNT', '0', 'podCount', 0],
  ['PROMETHEUS_PORT', '65535', 'prometheusPort', 65_535],
  ['COLLECTION_INTERVAL', '1s', 'collectionInterval', 1_000],
  ['COLLECTION_INTERVAL', '1500ms', 'collectionInterval', 1_500],
  ['COLLECTION_INTERVAL', '5m', 'collectionInterval', 300_000],
  ['GRAFANA', 'grafana', 'grafana', 'grafana'],
  ['RUNTIME', 'auto', 'runtime', 'auto'],
  ['RUNTIME', 'docker', 'runtime', 'docker'],
  ['RUNTIME', 'binary', 'runtime', 'binary'],
  ['PROMETHEUS_URL', 'auto', 'prometheusUrl', 'auto'],
  ['PROMETHEUS_URL', 'https://metrics.example/prometheus/', 'prometheusUrl', 'https://metrics.example/prometheus'],
  ['DASHBOARDS_DIR', './mine', 'dashboardsDir', join(process.cwd(), 'mine')],
  ['DASHBOARDS_DIR', 'none', 'dashboardsDir', 'none'],
  ['RULES_DIR', 'mine:/a/*.yaml', 'rulesDir', `${join(process.cwd(), 'mine')}:/a/*.yaml`],
  ['CLUSTER_NAME', 'a', 'clusterName', 'a'],
  ['CLUSTER_NAME', '0-a', 'clusterName', '0-a'],
  ['CLUSTER_NAME', 'a'.repeat(32), 'clusterName', 'a'.repeat(32)],
]
for (const [variable, value, name, parsed] of taken) {
  resolves(`takes ${variable}=${value}`, () => assert.equal(withEnv({ [variable]: value })[name], parsed))
}

resolves('keeps the lab’s runtime for auto', () => {
  const created = { runtime: 'docker' }
  assert.equal(resolveSettings({ flags: {}, env: { RUNTIME: 'auto' }, created }).runtime, 'docker')
  const error = refusal(() => resolveSettings({ flags: {}, env: { RUNTIME: 'binary' }, created }))
  assert.match(error.message, /^RUNTIME=binary differs from what the lab was created with: RUNTIME is docker/)
})

resolves('refuses a fixed setting that differs from the lab’s', () => {
  const created = { prometheusPort: '9090', collectionInterval: '10s' }
  const byVariable = refusal(() => resolveSettings({ flags: {}, env: { PROMETHEUS_PORT: '9191' }, created }))
  assert.equal(
    byVariable.message,
    'PROMETHEUS_PORT=9191 differs from what the lab was created with: PROMETHEUS_PORT is 9090 until it is taken down',
  )
  assert.match(byVariable.next ?? '', /^make kwok-down, then run this again/)
  const byFlag = refusal(() => resolveSettings({ flags: { collectionInterval: '5s' }, env: {}, created }))
  assert.match(byFlag.message, /^--collection-interval=5s differs .* COLLECTION_INTERVAL is 10s until/)
})

resolves('accepts the same value in another spelling, and auto', () => {
  const created = { collectionInterval: '10s', runtime: 'binary' }
  for (const env of [{ COLLECTION_INTERVAL: '10000ms' }, { RUNTIME: 'auto' }, { RUNTIME: 'binary' }]) {
    assert.equal(resolveSettings({ flags: {}, env, created }).collectionInterval, 10_000)
  }
})
resolves.run()

const chooses = suite('chosenText()')
chooses('names the flag or variable', () => {
  const env = { NODE_COUNT: '2' }
  assert.deepEqual(chosenText('nodeCount', { flags: { nodeCount: '1' }, env }), { text: '1', by: '--node-count' })
  assert.deepEqual(chosenText('nodeCount', { flags: {}, env }), { text: '2', by: 'NODE_COUNT' })
  assert.equal(chosenText('podCount', { flags: {}, env }), undefined)
})
chooses.run()

const spells = suite('variableOf(), flagOf()')
for (const [name, variable, flag] of [
  ['nodeCount', 'NODE_COUNT', 'node-count'],
  ['nodeCpu', 'NODE_CPU', 'node-cpu'],
  ['otlpGrpcPort', 'OTLP_GRPC_PORT', 'otlp-grpc-port'],
  ['runtime', 'RUNTIME', 'runtime'],
] as const) {
  spells(`${name} is ${variable} and --${flag}`, () =>
    assert.deepEqual([variableOf(name), flagOf(name)], [variable, flag]),
  )
}
spells.run()

const parses = suite('parseCommandLine()')
const accepts = { settings: ['clusterName', 'nodeCount'], flags: ['bind'] } as const

parses('gives settings and flags', () => {
  const line = parseCommandLine(['--node-count', '5', '--bind', '--cluster-name=a'], accepts)
  const settings = { nodeCount: '5', clusterName: 'a' }
  assert.deepEqual(line, { settings, flags: new Set(['bind']), options: {}, positional: [] })
})

parses('gives positional arguments, and refuses too many', () => {
  assert.deepEqual(parseCommandLine(['--bind', 'node-1'], { ...accepts, positional: 1 }).positional, ['node-1'])
  assert.deepEqual(parseCommandLine(['a', 'b'], { ...accepts, positional: 2 }).positional, ['a', 'b'])
  assert.throws(() => parseCommandLine(['a', 'b'], { ...accepts, positional: 1 }), /Unexpected argument 'b'/)
  assert.throws(() => parseCommandLine(['a'], accepts), { exitCode: 2 })
})

parses('gives all values of a task’s options', () => {
  const withOptions = { ...accepts, options: ['dashboards', 'other'] }
  const line = parseCommandLine(['--dashboards', 'a/*.json', '--bind', '--dashboards=b.json'], withOptions)
  assert.deepEqual(line.options, { dashboards: ['a/*.json', 'b.json'] })
  assert.deepEqual(parseCommandLine([], withOptions).options, {})
  assert.throws(() => parseCommandLine(['--dashboards'], withOptions), /argument missing/)
})

parses('always accepts --help', () => assert(parseCommandLine(['--help'], { settings: [] }).flags.has('help')))

parses('gives nothing for an empty command line', () => {
  const nothing = { settings: {}, flags: new Set(), options: {}, positional: [] }
  assert.deepEqual(parseCommandLine([], accepts), nothing)
})

for (const [args, why] of [
  [['--node-cuont', '5'], "Unknown option '--node-cuont'"],
  [['--pod-count', '5'], "Unknown option '--pod-count'"],
  [['-n', '5'], "Unknown option '-n'"],
  [['--node-count'], "Option '--node-count <value>' argument missing"],
  [['--bind=yes'], "Option '--bind' does not take an argument"],
  [['stray'], "Unexpected argument 'stray'"],
] as const) {
  parses(`refuses ${args.join(' ')}, names it and lists the flags there are`, () => {
    const { message, next, exitCode } = refusal(() => parseCommandLine([...args], accepts))
    assert.equal(message, `Cannot read the command line: ${why}`)
    assert.equal(next, 'use one of --help --cluster-name --node-count --bind')
    assert.equal(exitCode, 2)
  })
}

parses('refuses a value with a dash before it in one line', () => {
  const { message } = refusal(() => parseCommandLine(['--node-count', '-1'], accepts))
  assert.match(message, /--node-count/)
  assert.equal(message.split('\n').length, 1)
})
parses.run()

const texts = suite('settingText()')
texts('gives the text that parses to the same value', () => {
  const env = { COLLECTION_INTERVAL: '1500ms', NODE_COUNT: '7', CLUSTER_NAME: 'small', PROMETHEUS_PORT: '9191' }
  const settings = withEnv(env)
  for (const name of settingNames) assert.equal(setting(name).parse(settingText(name, settings)), settings[name])
  assert.equal(settingText('collectionInterval', settings), '1500ms')
})
texts('keeps fractions and truth', () => {
  const settings = withEnv({ TRACE_RATE: '0.5', TRACE_SAMPLING: '0.0001', TRACING: 'false' })
  assert.equal(settingText('traceRate', settings), '0.5')
  assert.equal(settingText('traceSampling', settings), '0.0001')
  assert.equal(settingText('tracing', settings), 'false')
  assert.equal(settings.tracing, false)
})
texts.run()

const durations = suite('goDuration()')
for (const [ms, text] of [
  [1_000, '1s'],
  [300_000, '300s'],
  [1_500, '1500ms'],
] as const) {
  durations(`${ms} ms is ${text}`, () => assert.equal(goDuration(ms), text))
}
durations.run()

const errors = suite('UsageError')
errors('is an expected failure', () => assert(new UsageError('x') instanceof LabError))
errors.run()
