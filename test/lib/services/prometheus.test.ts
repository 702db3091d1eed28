import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname, join, resolve } from 'node:path'
import { suite } from 'uvu'
import { parse } from 'yaml'
import { fields } from '../../../lib/kube/json.ts'
import { components } from '../../../lib/lab/components.ts'
import { projectDir } from '../../../lib/lab/lab.ts'
import { ensurePrograms, programPath } from '../../../lib/programs/ensure-programs.ts'
import { query } from '../../../lib/prometheus/prometheus-client.ts'
import { lookbackMs, type PrometheusTargets, prometheusConfig } from '../../../lib/prometheus/prometheus-config.ts'
import { prometheus, prometheusUrl, writePrometheusConfig } from '../../../lib/services/prometheus.ts'
import { run } from '../../../lib/system/run.ts'
import { tempDir, tempLab, writeCluster } from '../../support/temp-lab.ts'
import { CERTIFICATE } from '../kube/tls.ts'

const configDir = join(projectDir, 'kwok-config')
const base = readFileSync(join(configDir, 'prometheus.yaml'), 'utf8')
/** Those of the control plane as kube-prometheus names them. */
const staticJobs = [
  ...['prometheus', 'stats-proxy', 'metrics-server'],
  ...components.map(name => (name === 'kube-apiserver' ? 'apiserver' : name)),
]
const given: PrometheusTargets = {
  clusterName: 'unit',
  intervalMs: 15_000,
  metrics: 'otel',
  targets: Object.fromEntries(
    [...staticJobs, 'kube-state-metrics', 'kube-state-metrics-telemetry'].map((job, index) => [
      job,
      `127.0.0.1:${1000 + index}`,
    ]),
  ),
  kwokDiscoveryUrl: 'http://127.0.0.1:7/discovery/prometheus',
  kubeletProxyUrl: 'http://127.0.0.1:10251',
  kubeconfigFile: '/lab/prometheus.yaml',
  tokenFile: '/k/prometheus.token',
  caFile: '/k/ca.crt',
}

interface Job {
  job_name: string
  scheme?: string
  static_configs?: { targets: string[]; labels: Record<string, string> }[]
  http_sd_configs?: { url: string }[]
  relabel_configs?: Record<string, unknown>[]
  proxy_url?: string
  authorization?: unknown
  tls_config?: Record<string, unknown>
}
const jobsOf = (text: string) => parse(text).scrape_configs as Job[]

const configs = suite('prometheusConfig()')

configs('has the jobs of the lab', () => {
  assert.deepEqual(
    jobsOf(base)
      .map(job => job.job_name)
      .sort(),
    [...staticJobs, 'kwok-metrics', 'kubelet-cadvisor'].sort(),
  )
})

configs('gives each job its own target, the cluster’s name, and the labels that alerts about targets name', () => {
  for (const { job_name, static_configs } of jobsOf(prometheusConfig(configDir, given))) {
    if (job_name === 'kwok-metrics' || job_name === 'kubelet-cadvisor') continue
    assert.equal(static_configs?.length, 1, job_name)
    assert.deepEqual(static_configs[0]?.targets, [given.targets[job_name]], job_name)
    const { k8s_cluster_name, cluster } = static_configs[0]?.labels ?? {}
    assert.deepEqual([k8s_cluster_name, cluster], ['unit', 'unit'], job_name)
    const { namespace, service, endpoint } = static_configs[0]?.labels ?? {}
    assert(namespace && service && endpoint, job_name)
  }
})

configs('discovers KWOK’s metrics, with labels for node and cluster', () => {
  const job = jobsOf(prometheusConfig(configDir, given)).find(({ job_name }) => job_name === 'kwok-metrics')
  assert.equal(job?.http_sd_configs?.[0]?.url, given.kwokDiscoveryUrl)
  assert.deepEqual(
    job?.relabel_configs?.map(rule => rule.target_label),
    ['k8s_node_name', undefined, 'k8s_cluster_name'],
  )
  assert.equal(job?.relabel_configs?.[2]?.replacement, 'unit')
})

configs('gives only jobs with https the token and the CA, and the control plane’s server name', () => {
  const jobs = jobsOf(prometheusConfig(configDir, given))
  const https = jobs.filter(job => job.scheme === 'https')
  assert.deepEqual(
    https.map(job => job.job_name),
    ['apiserver', 'kube-controller-manager', 'kube-scheduler', 'metrics-server', 'kubelet-cadvisor'],
  )
  for (const { job_name, authorization, tls_config } of https) {
    assert.deepEqual(authorization, { credentials_file: '/k/prometheus.token' })
    const server = job_name === 'kubelet-cadvisor' ? {} : { server_name: 'localhost' }
    assert.deepEqual(tls_config, { ca_file: '/k/ca.crt', ...server })
  }
  for (const job of jobs.filter(each => each.scheme !== 'https')) assert(!('authorization' in job), job.job_name)
})

configs('sends alerts to the Alertmanager, where there is one', () => {
  const alertingOf = (alertmanager?: string) => parse(prometheusConfig(configDir, { ...given, alertmanager })).alerting
  assert.deepEqual(alertingOf('127.0.0.1:9'), { alertmanagers: [{ static_configs: [{ targets: ['127.0.0.1:9'] }] }] })
  assert.equal(alertingOf(), undefined)
})

configs('refuses a job without a target', () => {
  const { 'stats-proxy': _, ...targets } = given.targets
  assert.throws(() => prometheusConfig(configDir, { ...given, targets }), {
    name: 'LabError',
    message: 'The Prometheus configuration has a job "stats-proxy" without a target in the lab',
  })
})

configs(
  'adds the jobs of kube-prometheus with METRICS=both, and drops cAdvisor under the names of OpenTelemetry with METRICS=prometheus',
  () => {
    const namesOf = (metrics: PrometheusTargets['metrics']) =>
      jobsOf(prometheusConfig(configDir, { ...given, metrics })).map(job => job.job_name)
    const otel = namesOf('otel')
    const added = namesOf('both').filter(name => !otel.includes(name))
    assert.deepEqual(added, [
      ...['kubelet', 'kubelet-metrics-cadvisor', 'kubelet-metrics-probes', 'kubelet-metrics-slis'],
      ...['kube-state-metrics', 'kube-state-metrics-telemetry', 'node-exporter'],
    ])
    assert.deepEqual(namesOf('prometheus'), [...otel.filter(name => name !== 'kubelet-cadvisor'), ...added])
  },
)

configs(
  'gives the jobs of kube-prometheus the label cluster and no k8s_cluster_name, by which the dashboards of the lab select',
  () => {
    const jobs = jobsOf(prometheusConfig(configDir, { ...given, metrics: 'both' }))
    for (const { job_name, relabel_configs, static_configs } of jobs.slice(
      jobs.findIndex(job => job.job_name === 'kubelet'),
    )) {
      const labels = static_configs?.[0]?.labels ?? {}
      const set = [...Object.keys(labels), ...(relabel_configs ?? []).map(rule => rule.target_label)]
      assert(set.includes('cluster'), job_name)
      assert(!set.includes('k8s_cluster_name'), job_name)
    }
  },
)

configs('scrapes and evaluates at the interval, with a timeout up to it', () => {
  for (const [intervalMs, interval, timeout] of [
    [1_000, '1s', '1s'],
    [1_500, '1500ms', '1500ms'],
    [60_000, '60s', '10s'],
  ] as const) {
    const { global } = parse(prometheusConfig(configDir, { ...given, intervalMs }))
    assert.deepEqual(global, { scrape_interval: interval, scrape_timeout: timeout, evaluation_interval: interval })
  }
})

configs('keeps the base’s OTLP, storage and rules', () => {
  const { otlp, storage, rule_files } = parse(prometheusConfig(configDir, given))
  assert.deepEqual(
    { otlp, storage, rule_files },
    (({ otlp, storage, rule_files }) => ({ otlp, storage, rule_files }))(parse(base)),
  )
})

configs('reads rules from dashboards/out/rules, and those of RULES_DIR, relative to its folder', () => {
  const lab = join(projectDir, '.lab', 'unit', 'config')
  assert.deepEqual(
    (parse(base).rule_files as string[]).map(file => dirname(resolve(lab, file))),
    [join(projectDir, 'dashboards', 'out', 'rules'), join(lab, 'rules')],
  )
})

configs('is accepted by promtool', async () => {
  const dir = tempDir()
  const [file, tokenFile, caFile] = ['prometheus.yaml', 'token', 'ca.crt'].map(name => join(dir, name)) as [
    string,
    string,
    string,
  ]
  writeFileSync(tokenFile, 'token')
  writeFileSync(caFile, CERTIFICATE)
  writeFileSync(
    file,
    prometheusConfig(configDir, { ...given, metrics: 'both', alertmanager: '127.0.0.1:9', tokenFile, caFile }),
  )
  const { exitCode, stdout, stderr } = await run(await programPath('promtool'), ['check', 'config', file], {
    nothrow: true,
  })
  assert.equal(exitCode, 0, stdout + stderr)
  assert.match(stdout, /SUCCESS: .*prometheus\.yaml is valid/)
})
configs('discovers the kubelets in the API, and scrapes cAdvisor of each through the gateway', () => {
  const job = jobsOf(prometheusConfig(configDir, given)).find(each => each.job_name === 'kubelet-cadvisor')
  assert.deepEqual(fields(job)['kubernetes_sd_configs'], [{ role: 'node', kubeconfig_file: '/lab/prometheus.yaml' }])
  assert.equal(job?.proxy_url, 'http://127.0.0.1:10251')
  assert.deepEqual(job?.relabel_configs?.at(-1), { target_label: 'k8s_cluster_name', replacement: 'unit' })
  assert(!job?.relabel_configs?.some(rule => rule.target_label === '__address__'), 'the address is the node’s')
})

configs.run()

const writes = suite('writePrometheusConfig()')
writes(
  'writes a checked configuration once, and again after a change; an invalid one does not replace the old',
  async () => {
    const lab = tempLab()
    const record = `options: { ${['etcd', 'kubeApiserver', 'kubeControllerManager', 'kubeScheduler', 'kwokController'].map((part, i) => `${part}Port: ${i + 1}`).join(', ')} }\n`
    writeCluster(lab, { record, owner: lab.dir })
    // promtool looks for the files of token and CA.
    await assert.rejects(writePrometheusConfig(lab), /promtool\S* check config .*failed[\s\S]*prometheus\.token/)
    const file = join(lab.configDir, 'prometheus.yaml')
    assert.throws(() => readFileSync(file), { code: 'ENOENT' })
    mkdirSync(join(lab.clusterDir, 'pki'))
    writeFileSync(join(lab.clusterDir, 'pki', 'ca.crt'), CERTIFICATE)
    writeFileSync(join(lab.kubeconfigDir, 'prometheus.token'), 'token')
    await writePrometheusConfig(lab)
    const written = statSync(file).ino
    await writePrometheusConfig(lab)
    assert.equal(statSync(file).ino, written)
    assert.deepEqual(readdirSync(lab.configDir), ['prometheus.yaml'])
    const job = jobsOf(readFileSync(file, 'utf8')).find(({ job_name }) => job_name === 'kube-scheduler')
    assert.deepEqual(job?.static_configs?.[0]?.targets, ['127.0.0.1:4'])
    const slower = { ...lab, settings: { ...lab.settings, collectionInterval: 30_000 } }
    await writePrometheusConfig(slower)
    assert.notEqual(statSync(file).ino, written)
  },
)
writes.run()

const lookbacks = suite('lookbackMs()')
for (const [intervalMs, expectedMs] of [
  [1_000, 45_000],
  [10_000, 45_000],
  [15_000, 45_000],
  [20_000, 60_000],
  [300_000, 900_000],
] as const) {
  lookbacks(`${intervalMs} gives ${expectedMs}`, () => assert.equal(lookbackMs(intervalMs), expectedMs))
}
lookbacks.run()

const services = suite('prometheus')
services('listens on loopback, limits look-back and size, and receives OTLP', async () => {
  const lab = tempLab({ prometheusPort: '9191', collectionInterval: '20s' })
  const { command, args } = await prometheus.process.spec(lab)
  assert.equal(command, (await ensurePrograms(['prometheus'])).prometheus.path)
  assert.deepEqual(args, [
    `--config.file=${lab.configDir}/prometheus.yaml`,
    `--storage.tsdb.path=${lab.dataDir}/prometheus`,
    '--storage.tsdb.retention.size=2GB',
    '--web.listen-address=127.0.0.1:9191',
    '--web.external-url=http://127.0.0.1:9191',
    '--web.enable-otlp-receiver',
    '--query.lookback-delta=60s',
    '--log.level=warn',
  ])
  assert.equal(prometheusUrl(lab), 'http://127.0.0.1:9191')
})
services.run()

async function withServer(listener: RequestListener, use: (url: string) => Promise<void>): Promise<void> {
  const server = createServer(listener)
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  try {
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  } finally {
    server.closeAllConnections()
    await new Promise(done => server.close(done))
  }
}

const queries = suite('query()')

queries('posts the expression, and returns labels and value of each series', async () => {
  let asked = ''
  const result = [
    { metric: { a: 'x' }, value: [1, '1.5'] },
    { metric: {}, value: [1, '0'] },
    { metric: { a: 'y' }, value: [1, 'NaN'] },
  ]
  await withServer(
    async (request, response) => {
      for await (const chunk of request) asked += chunk
      asked = `${request.method} ${request.url} ${asked}`
      response.end(JSON.stringify({ status: 'success', data: { resultType: 'vector', result } }))
    },
    async url => {
      assert.deepEqual(await query(url, 'up{a="&"}'), [
        { labels: { a: 'x' }, value: 1.5 },
        { labels: {}, value: 0 },
        { labels: { a: 'y' }, value: Number.NaN },
      ])
    },
  )
  assert.equal(asked, 'POST /api/v1/query query=up%7Ba%3D%22%26%22%7D')
})

queries('reads Prometheus’s infinities', async () => {
  const result = ['+Inf', '-Inf'].map(value => ({ metric: {}, value: [1, value] }))
  await withServer(
    (_, response) => response.end(JSON.stringify({ status: 'success', data: { result } })),
    async url => {
      const values = (await query(url, 'x / 0')).map(({ value }) => value)
      assert.deepEqual(values, [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
    },
  )
})

queries('throws with Prometheus’s error', async () => {
  await withServer(
    (_, response) => {
      response.writeHead(400, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ status: 'error', errorType: 'bad_data', error: 'parse error: unexpected "}"' }))
    },
    url =>
      assert.rejects(query(url, 'up}'), {
        name: 'QueryError',
        message: 'Prometheus refused up}: parse error: unexpected "}"',
      }),
  )
})

queries('throws when the answer is not Prometheus’s', async () => {
  await withServer(
    (_, response) => response.writeHead(503).end('starting'),
    url =>
      assert.rejects(query(url, 'up'), {
        name: 'PrometheusUnreachable',
        message: `Cannot query Prometheus at ${url}: it answered HTTP 503 and no JSON: starting`,
      }),
  )
})

queries('throws with the reason when the connection fails', async () => {
  let gone = ''
  await withServer(
    () => {},
    async url => {
      gone = url
    },
  )
  await assert.rejects(query(gone, 'up'), {
    name: 'PrometheusUnreachable',
    message: new RegExp(`^Cannot query Prometheus at ${gone}: .*ECONNREFUSED`),
    next: 'make kwok-status',
  })
})
queries.run()
