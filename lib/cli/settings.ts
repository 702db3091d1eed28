import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { messageOf, UsageError } from './errors.ts'
import { ipRange } from './ip-range.ts'

/** A setting. Its value comes from the flag, else the environment variable, else the lab's creation, else the default. */
export interface Setting<T> {
  default: string
  help: string
  /** Parses the text; throws an Error whose message states the valid values. */
  parse: (text: string) => T
  /** Chosen when the lab is created, and unchanged until `kwok-down`. */
  fixed?: boolean
}

const definitions = {
  clusterName: {
    default: 'queries-testing',
    help: 'name of the KWOK cluster; its context is kwok-<name>',
    // A DNS label that leaves room for `kwok-` and `-kube-controller-manager` around it in names of 63 characters.
    parse: matching(/^[a-z0-9]([-a-z0-9]{0,30}[a-z0-9])?$/, 'be 1 to 32 lower-case letters, digits and inner dashes'),
  },
  runtime: {
    default: 'auto',
    help: 'how the parts run: docker, as containers; binary, as processes; auto, docker if a Docker engine answers, else binary',
    parse: oneOf(['auto', 'docker', 'binary'] as const),
    fixed: true,
  },
  nodeCount: { default: '50', help: 'number of simulated nodes', parse: integer(1, 20_000) },
  nodeCpu: { default: '8', help: 'CPUs of each node', parse: integer(1, 4096), fixed: true },
  podCount: {
    default: '200',
    help: 'number of pods that kwok-pods creates; the pods of the workloads are additional',
    parse: integer(0, 500_000),
  },
  collectionInterval: {
    default: '10s',
    help: 'interval of collection and scraping, 1s to 5m; without a value, 10s longer for each 1,500 pods after the first 3,000',
    parse: duration(1_000, 300_000),
    fixed: true,
  },
  usagePreset: {
    default: 'steady',
    help: 'CPU and memory usage of pods without annotations or usage objects: steady, diurnal, bursty, leak or idle',
    parse: oneOf(['steady', 'diurnal', 'bursty', 'leak', 'idle'] as const),
  },
  prometheusPort: port('9090', 'port of Prometheus on 127.0.0.1'),
  otlpGrpcPort: port('4317', 'OTLP over gRPC: of the collector, in the Docker runtime of LGTM'),
  otlpHttpPort: port('4318', 'OTLP over HTTP: of the collector, in the Docker runtime of LGTM'),
  statsProxyPort: port('10250', 'port of the stats proxy'),
  kubeletProxyPort: port(
    '10251',
    "port of the HTTP proxy (CONNECT) to the nodes' own addresses, for tools on this machine",
  ),
  nodeIpRange: {
    default: '198.18.0.0/16',
    help: 'range of the InternalIP addresses of the nodes',
    parse: nodeIpRange,
    fixed: true,
  },
  jaegerPort: port('16686', "port of Jaeger's UI and API on 127.0.0.1"),
  jaeger: {
    default: 'auto',
    help: 'when Jaeger runs: auto, in the binary runtime; true, also in the Docker runtime, in addition to Tempo',
    parse: oneOf(['auto', 'true'] as const),
    fixed: true,
  },
  jaegerOtlpPort: port('14317', 'OTLP over gRPC of Jaeger, for the collector'),
  traceRate: {
    default: '5',
    help: 'requests a second that the trace simulator simulates, over all entry workloads; 0 disables it',
    parse: decimal(0, 10_000),
  },
  tracing: {
    default: 'true',
    help: 'whether etcd, kube-apiserver and kwok-controller send traces: true or false',
    parse: truth,
    fixed: true,
  },
  traceSampling: {
    default: '1',
    help: 'percentage of control plane requests that are traced, 0.0001 to 100',
    parse: decimal(0.0001, 100),
    fixed: true,
  },
  metricsServerPort: port('4443', 'port of metrics-server'),
  metrics: {
    default: 'otel',
    help: 'names of the metrics: otel, of the OpenTelemetry Collector; prometheus, of kube-state-metrics, kubelets and node exporters, with the labels of kube-prometheus; both. The lab keeps the last choice',
    parse: oneOf(['otel', 'prometheus', 'both'] as const),
  },
  kubeStateMetricsPort: port('18080', 'port of kube-state-metrics'),
  kubeStateMetricsTelemetryPort: port('18081', "port of kube-state-metrics' own metrics"),
  alertmanager: {
    default: 'false',
    help: 'whether Alertmanager runs, and Prometheus sends it the alerts: true or false. The lab keeps the last choice',
    parse: truth,
  },
  alertmanagerPort: { ...port('9093', "port of Alertmanager's page and API on 127.0.0.1"), fixed: false },
  boutiqueReplicas: {
    default: '1',
    help: 'number of pods of each of the twelve services of Online Boutique',
    parse: integer(1, 5_000),
  },
  metricsFile: {
    default: 'kwok-config/kwok-metrics.yaml',
    help: 'file with the Metric objects for kwok-metrics',
    parse: path => path,
  },
  grafana: {
    default: 'auto',
    help: "what shows the dashboards: grafana, a Grafana binary; page, the lab's page; none, nothing; auto, Grafana if its binary is installed, else the page. The Docker runtime always uses LGTM's Grafana",
    parse: grafanaChoice,
  },
  grafanaPort: { ...port('3000', "port of Grafana or the lab's page on 127.0.0.1"), fixed: false },
  prometheusUrl: {
    default: 'auto',
    help: 'the Prometheus that verify queries; auto is that of the lab',
    parse: httpUrl,
  },
  dashboardsDir: {
    default: 'none',
    help: "your own dashboards: files, folders and patterns, separated by colons; Grafana, the page, lint, verify and report use them in addition to the lab's",
    parse: paths,
  },
  rulesDir: {
    default: 'none',
    help: "your own recording rules and alerts: files, folders and patterns, separated by colons; Prometheus, lint and verify use them in addition to the lab's",
    parse: paths,
  },
  kubeContext: {
    default: 'auto',
    help: 'the kubeconfig context for the k3d steps, verify, report, view, scenarios and verify-alerts; auto is k3d-<CLUSTER_NAME> for the k3d steps, and the KWOK lab for the others',
    // The name of a context can contain nearly any character: `arn:aws:eks:eu-west-1:1:cluster/x`.
    parse: matching(/^[^\s-]\S{0,252}$/, 'be auto, or the name of a context'),
  },
  shards: {
    default: '1',
    help: 'number of stats proxies and of collectors inside a cluster, which share its simulated nodes',
    parse: integer(1, 100),
  },
  otlpEndpoint: {
    default: 'auto',
    help: 'where the collectors inside a cluster send metrics, as OTLP over HTTP; auto is the LGTM that the lab installs there',
    parse: httpUrl,
  },
  clusterEvents: {
    default: 'true',
    help: 'whether the collectors inside a cluster send events of simulated pods as logs: true or false; false for a collector without the receiver k8s_events',
    parse: truth,
  },
  nodePrefix: {
    default: 'sim',
    help: "what the names of simulated nodes inside a cluster begin with; no other node's may",
    parse: matching(/^[a-z0-9]([-a-z0-9]{0,30}[a-z0-9])?$/, 'be 1 to 32 lower-case letters, digits and inner dashes'),
  },
  storageClass: {
    default: 'auto',
    help: "the StorageClass of the counters inside a cluster; auto is the cluster's default; none keeps them in the pods",
    parse: matching(/^[a-z0-9][-a-z0-9.]{0,252}$/, 'be auto, none, or the name of a StorageClass'),
  },
  allow: {
    default: 'none',
    help: 'what make in-cluster found and may disregard: the names that it gave, separated by commas; none',
    parse: matching(/^\S+$/, 'be none, or names separated by commas'),
  },
  otelChart: {
    default: 'https://open-telemetry.github.io/opentelemetry-helm-charts',
    help: "source of the Helm chart opentelemetry-collector: a repository's URL, a chart's oci:// URL, or a local folder or .tgz",
    parse: matching(
      /^(?:https:\/\/|oci:\/\/|(?![a-z]+:\/\/))/,
      'begin with https:// or oci://, or be the path of a chart',
    ),
  },
  kubeletInsecureTls: {
    default: 'false',
    help: 'true skips the check of kubelet certificates, for clusters with self-signed ones',
    parse: truth,
  },
  scenario: {
    default: 'auto',
    help: 'the scenario: a name of the list; auto and list print the list, and for kwok-heal auto is all that run',
    parse: matching(/^[a-z][-a-z0-9]*$/, 'be auto, list, or the name of a scenario'),
  },
  target: {
    default: 'auto',
    help: "the scenario's target: <namespace>/<pod>, <namespace>/<service>, a node, a namespace or a part of the lab; auto is the first that fits, and for kwok-heal all",
    parse: matching(/^[^\s-]\S{0,316}$/, 'be auto, or the name of a target'),
  },
  scenarios: {
    default: 'all',
    help: 'the scenarios of verify-alerts: names of the list, separated by commas; all',
    parse: matching(/^[a-z][-a-z0-9]*(,[a-z][-a-z0-9]*)*$/, 'be all, or names of scenarios, separated by commas'),
  },
  speed: {
    default: '30',
    help: 'by what verify-alerts divides the times that alerts wait (for and keep_firing_for), 1 to 1000',
    parse: decimal(1, 1_000),
  },
  for: { default: '10m', help: 'how long the scenario lasts, 10s to 1440m', parse: duration(10_000, 86_400_000) },
  before: {
    default: 'none',
    help: 'the JSON file of an earlier report, with which report compares; none',
    parse: text => (text === 'none' ? text : resolve(text)),
  },
  yes: { default: 'false', help: 'true or 1 confirms the question that a step would ask', parse: yes },
} as const satisfies Record<string, Setting<unknown>>

type Definitions = typeof definitions
export type SettingName = keyof Definitions
/** Every setting with its value: counts as numbers, durations in milliseconds. */
export type Settings = { [Name in SettingName]: ReturnType<Definitions[Name]['parse']> }
/** The texts of settings by name, before they are parsed. */
export type SettingTexts = Partial<Record<SettingName, string>>

export const settingNames = Object.keys(definitions) as SettingName[]
/** The settings that are fixed when a lab is created. */
export const fixedSettingNames = settingNames.filter(name => setting(name).fixed === true)

/** The definition of a setting. */
export function setting(name: SettingName): Setting<unknown> {
  return definitions[name]
}

/** `nodeCount` as an environment variable: `NODE_COUNT`. */
export function variableOf(name: string): string {
  return name.replace(/[A-Z]/g, letter => `_${letter}`).toUpperCase()
}

/** `nodeCount` as a flag, without its dashes: `node-count`. */
export function flagOf(name: string): string {
  return variableOf(name).toLowerCase().replaceAll('_', '-')
}

/**
 * The value of every setting. It checks every variable, also those that a task does not read, so that the first of several steps reports an
 * invalid one. An empty variable counts as not set.
 *
 * Throws a UsageError with the flag or variable, its value and the valid values; also when a fixed setting differs from the lab's
 * (`created`).
 */
export function resolveSettings(given: {
  flags: SettingTexts
  env: NodeJS.ProcessEnv
  created?: SettingTexts | undefined
  /** Whether fixed settings must be those of `created`. */
  isFixed?: boolean
  /** The target that takes the lab down. */
  down?: 'kwok-down' | 'k3d-down'
}): Settings {
  const values: Record<string, unknown> = {}
  for (const name of settingNames) {
    const chosen = chosenText(name, given)
    const was = given.created?.[name]
    // "auto" agrees with any choice at creation.
    const isOpen = chosen?.text === 'auto' && setting(name).fixed === true
    const text = (isOpen ? was : undefined) ?? chosen?.text ?? was ?? setting(name).default
    values[name] = parseSetting(name, text, chosen?.by ?? variableOf(name))
    if (
      setting(name).fixed === true &&
      given.isFixed !== false &&
      chosen !== undefined &&
      was !== undefined &&
      setting(name).parse(text) !== setting(name).parse(was)
    ) {
      throw new UsageError(`${chosen.by}=${text} differs from what the lab was created with`, {
        why: `${variableOf(name)} is ${was} until it is taken down`,
        next: `${makeCommand(given.down ?? 'kwok-down', String(values['clusterName']))}, then run this again; or leave the setting out to keep what the lab has`,
      })
    }
  }
  if (chosenText('collectionInterval', given) === undefined && given.created?.collectionInterval === undefined) {
    values['collectionInterval'] = intervalFor(Number(values['podCount']))
  }
  return values as Settings
}

/**
 * The default collection interval in milliseconds for a number of pods: a pod gives about 80 samples each time, and 10,000 pods every 10 s
 * are more than two cores can process. On a slow machine with two cores they were also too many every 40 s.
 */
export function intervalFor(podCount: number): number {
  return Math.min(300_000, (1 + Math.ceil(Math.max(0, podCount - 3_000) / 1_500)) * 10_000)
}

/** The text of a setting and its origin, the flag or the variable; undefined when neither is set. */
export function chosenText(
  name: SettingName,
  given: { flags: SettingTexts; env: NodeJS.ProcessEnv },
): { text: string; by: string } | undefined {
  const flag = given.flags[name]
  if (flag !== undefined) return { text: flag, by: `--${flagOf(name)}` }
  const variable = given.env[variableOf(name)]
  return variable === undefined || variable === '' ? undefined : { text: variable, by: variableOf(name) }
}

/** A parsed command line: settings, the task's own flags and options, and positional arguments. */
export interface CommandLine {
  settings: SettingTexts
  flags: ReadonlySet<string>
  /** The values of each option, which can be repeated. */
  options: Readonly<Record<string, readonly string[]>>
  positional: readonly string[]
}

/** Parses a command line. An unknown flag is a UsageError that lists the valid flags. */
export function parseCommandLine(
  args: string[],
  accepts: {
    settings: readonly SettingName[]
    flags?: readonly string[]
    options?: readonly string[]
    /** The most positional arguments. */
    positional?: number
  },
): CommandLine {
  const declared: Record<string, { type: 'string' | 'boolean'; multiple?: boolean }> = { help: { type: 'boolean' } }
  for (const name of accepts.settings) declared[flagOf(name)] = { type: 'string' }
  for (const name of accepts.flags ?? []) declared[name] = { type: 'boolean' }
  for (const name of accepts.options ?? []) declared[name] = { type: 'string', multiple: true }
  try {
    const parsed = parseArgs({ args, options: declared, allowPositionals: (accepts.positional ?? 0) > 0, strict: true })
    const settings: SettingTexts = {}
    for (const name of accepts.settings) {
      const value = parsed.values[flagOf(name)]
      if (typeof value === 'string') settings[name] = value
    }
    const flags = new Set(Object.keys(parsed.values).filter(key => parsed.values[key] === true))
    const options = Object.fromEntries(
      (accepts.options ?? []).flatMap(name => {
        const given = parsed.values[name]
        return Array.isArray(given) ? [[name, given.filter(each => typeof each === 'string')]] : []
      }),
    )
    const positional = parsed.positionals
    const more = positional[accepts.positional ?? 0]
    if (more !== undefined) throw new Error(`Unexpected argument '${more}'`)
    return { settings, flags, options, positional }
  } catch (error) {
    const why = error instanceof Error ? (error.message.split(/\.\s/)[0] ?? error.message) : String(error)
    const known = Object.keys(declared).map(flag => `--${flag}`)
    throw new UsageError('Cannot read the command line', { why, next: `use one of ${known.join(' ')}` })
  }
}

/** The command for a target as a person would type it for this cluster: `make kwok-down CLUSTER_NAME=small`. */
export function makeCommand(target: string, clusterName: string): string {
  return clusterName === definitions.clusterName.default
    ? `make ${target}`
    : `make ${target} CLUSTER_NAME=${clusterName}`
}

/** A duration in the syntax of Go and Prometheus: `10s`, `1500ms`. */
export function goDuration(durationMs: number): string {
  return durationMs % 1000 === 0 ? `${durationMs / 1000}s` : `${durationMs}ms`
}

/** The text that parses to a setting's value. */
export function settingText(name: SettingName, settings: Settings): string {
  return name === 'collectionInterval' || name === 'for' ? goDuration(settings[name]) : String(settings[name])
}

function parseSetting(name: SettingName, text: string, by: string): unknown {
  try {
    return setting(name).parse(text)
  } catch (error) {
    const why = messageOf(error)
    throw new UsageError(`${by}=${text} is invalid`, { why, next: `set ${by} to another value` })
  }
}

/** A port that is fixed when a lab is created. */
function port(number: string, help: string) {
  return { default: number, help, parse: integer(1, 65_535), fixed: true }
}

function integer(least: number, most: number): (text: string) => number {
  return inRange(/^\d{1,9}$/, `it must be a whole number from ${least} to ${most}`, least, most)
}

function decimal(least: number, most: number): (text: string) => number {
  return inRange(/^\d{1,9}(\.\d{1,4})?$/, `it must be a number from ${least} to ${most}`, least, most)
}

function inRange(form: RegExp, rule: string, least: number, most: number): (text: string) => number {
  return text => {
    const value = form.test(text) ? Number(text) : Number.NaN
    if (!(value >= least && value <= most)) throw new Error(rule)
    return value
  }
}

function truth(text: string): boolean {
  return oneOf(['true', 'false'])(text) === 'true'
}

function duration(leastMs: number, mostMs: number): (text: string) => number {
  const unitMs: Record<string, number> = { ms: 1, s: 1000, m: 60_000 }
  return text => {
    const [, count, unit = ''] = /^(\d{1,6})(ms|s|m)$/.exec(text) ?? []
    const valueMs = Number(count) * (unitMs[unit] ?? Number.NaN)
    if (valueMs >= leastMs && valueMs <= mostMs) return valueMs
    throw new Error(`it must be a duration like 10s, from ${goDuration(leastMs)} to ${goDuration(mostMs)}`)
  }
}

function oneOf<T extends string>(values: readonly T[]): (text: string) => T {
  return text => {
    const value = values.find(each => each === text)
    if (value === undefined) throw new Error(`it must be one of ${values.join(', ')}`)
    return value
  }
}

function grafanaChoice(text: string): 'auto' | 'grafana' | 'page' | 'none' {
  if (text === 'own') throw new Error('its name is now grafana')
  return oneOf(['auto', 'grafana', 'page', 'none'] as const)(text)
}

/** A range of IPv4 addresses outside of loopback, which proxies exclude. */
function nodeIpRange(text: string): string {
  const range = ipRange(text)
  // Of 16 addresses at least.
  if (range !== undefined && range.size >= 16 && !text.startsWith('127.')) return text
  throw new Error('it must be a range of IPv4 addresses like 198.18.0.0/16, of 8 to 28 bits and outside of 127.0.0.0/8')
}

/** `auto`, or a URL without a slash at its end. */
function httpUrl(text: string): string {
  if (text === 'auto') return text
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new Error('it must be auto, or a URL like http://127.0.0.1:9090')
  }
  return text.replace(/\/+$/, '')
}

/** A parser that accepts the texts of a form. */
function matching(form: RegExp, rule: string): (text: string) => string {
  return text => {
    if (!form.test(text)) throw new Error(`it must ${rule}`)
    return text
  }
}

function yes(text: string): boolean {
  return truth(text.replace(/^1$/, 'true').replace(/^0$/, 'false'))
}

/** `none`, or absolute paths, because the lab's record keeps them. */
function paths(text: string): string {
  const all = text.split(':')
  if (all.includes('') || all.includes('-'))
    throw new Error('it must be none, or paths of files or folders, separated by ":"')
  return text === 'none' ? text : all.map(path => resolve(path)).join(':')
}
