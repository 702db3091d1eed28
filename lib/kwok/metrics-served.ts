import { join } from 'node:path'
import { LabError, messageOf, UsageError } from '../cli/errors.ts'
import { fields, items, merged, nameOf, text } from '../kube/json.ts'
import { componentPorts } from '../lab/components.ts'
import { applyManifests, getCollection, kubectl } from '../lab/kubectl.ts'
import { type Lab, projectDir, writeFileAtomically } from '../lab/lab.ts'
import { readManifest } from '../lab/manifest.ts'
import { waitUntil } from '../system/wait.ts'
import { yamlText } from '../system/yaml-files.ts'
import { controlPlaneOf } from './kwok-cluster.ts'
import { INFO_METRIC, infoDigest, METRIC_NAME, type MetricManifest, trialManifest } from './metric-objects.ts'
import { podNamespaces } from './pods.ts'
import { workloadNamespaces } from './workloads.ts'

/** Concurrent requests. KWOK evaluates every expression again for each request. */
const CONCURRENCY = 8
/** How long KWOK may take to notice a changed object. */
const NOTICE_MS = 15_000

/** Throws a UsageError when the cluster has other Metric objects for nodes: KWOK would mix the series of both. */
export async function requireNoOtherMetrics(lab: Lab): Promise<void> {
  const metrics = await getCollection(lab, '/apis/kwok.x-k8s.io/v1alpha1/metrics')
  const ofNodes = metrics.filter(({ spec }) => text(fields(spec)['path'])?.includes('{nodeName}'))
  const others = ofNodes.map(nameOf).filter(name => name !== METRIC_NAME)
  if (others.length === 0) return
  throw new UsageError(`The cluster has other Metric objects: ${others.join(', ')}`, {
    why: 'KWOK supports one for a node; with two, each replaces the series of the other',
    next: `kubectl --context ${lab.context} delete metrics.kwok.x-k8s.io ${others.join(' ')}, and move their metrics into METRICS_FILE`,
  })
}

/** The namespaces without a ClusterResourceUsage. `own` is the name of the lab's default one, which does not count. */
export function uncoveredNamespaces(usages: readonly unknown[], namespaces: readonly string[], own: string): string[] {
  const covered = new Set<string>()
  for (const usage of usages) {
    if (nameOf(usage) === own) continue
    const selected = items(fields(fields(fields(usage)['spec'])['selector'])['matchNamespaces'])
    // Without namespaces it covers all.
    if (selected.length === 0) return []
    for (const namespace of selected) covered.add(String(namespace))
  }
  return [...new Set(namespaces)].filter(namespace => !covered.has(namespace)).sort()
}

/** Gives every pod a resource usage in KWOK: kwok-config/kwok-usage-default.yaml for the namespaces without one. */
export async function coverAllNamespaces(lab: Lab): Promise<void> {
  const base = readManifest(join(projectDir, 'kwok-config', 'kwok-usage-default.yaml'), 'ClusterResourceUsage')
  const [usages, namespaces] = await Promise.all([
    getCollection(lab, '/apis/kwok.x-k8s.io/v1alpha1/clusterresourceusages'),
    getCollection(lab, '/api/v1/namespaces'),
  ])
  const existing = namespaces.map(nameOf)
  const own = base.metadata.name
  // Includes the namespaces that the lab may create later.
  const all = [...existing, ...podNamespaces, ...workloadNamespaces, 'online-boutique']
  const uncovered = uncoveredNamespaces(usages, all, own)
  if (uncovered.length === 0) {
    await kubectl(lab, ['delete', 'clusterresourceusages.kwok.x-k8s.io', own, '--ignore-not-found'])
    return
  }
  const path = join(lab.configDir, 'kwok-usage-default.yaml')
  writeFileAtomically(path, yamlText([merged(base, { spec: { selector: { matchNamespaces: uncovered } } })]))
  await applyManifests(lab, path)
}

/** Applies a Metric object. Throws a LabError with the API server's message. */
export async function applyMetrics(lab: Lab, manifest: MetricManifest): Promise<void> {
  const path = join(lab.configDir, `${manifest.metadata.name}.yaml`)
  writeFileAtomically(path, yamlText([manifest]))
  await applyManifests(lab, path)
}

/**
 * Tries the metrics on every node and gives those that KWOK cannot serve. The metrics that KWOK serves already do not change.
 *
 * Throws a LabError with the API server's message when it refuses the object.
 */
export async function tryMetrics(
  lab: Lab,
  manifest: MetricManifest,
  nodes: readonly string[],
): Promise<MetricFailure[]> {
  const trial = trialManifest(manifest)
  try {
    await applyMetrics(lab, trial).catch((error: unknown) => {
      // The first line is the kubectl command.
      const [first = '', ...others] = error instanceof Error ? error.message.split(/\s*\n\s*/) : [String(error)]
      throw new LabError('The API server refuses the metrics', {
        why: others.join(' ') || first,
        next: 'fix METRICS_FILE; KWOK still serves the metrics of before',
        cause: error,
      })
    })
    return (await readServed(lab, trial, nodes)).failures
  } finally {
    await kubectl(lab, ['delete', 'metrics.kwok.x-k8s.io', trial.metadata.name, '--ignore-not-found'])
  }
}

/** A metric that KWOK cannot serve, with KWOK's message. */
export interface MetricFailure {
  metric: string
  node: string
  why: string
}

/**
 * Requests the metrics of every node until they are those of the applied object. Gives the names of the metrics by node, and the failures in
 * KWOK's log: KWOK leaves out a metric that fails and serves the others.
 *
 * Throws a LabError when KWOK does not apply the object.
 */
export async function readServed(
  lab: Lab,
  manifest: MetricManifest,
  nodes: readonly string[],
): Promise<{ served: Map<string, Set<string>>; failures: MetricFailure[] }> {
  const first = controlPlaneOf(lab).followLog(lab, 'kwok-controller')
  const served = await requestAll(lab, manifest, nodes)
  // A valid metric fails once when two requests create it at the same time. An invalid one fails again.
  const suspects = [...new Set(failuresIn(await first()).map(({ node }) => node))].filter(node => served.has(node))
  if (suspects.length === 0) return { served, failures: [] }
  const second = controlPlaneOf(lab).followLog(lab, 'kwok-controller')
  for (const [node, names] of await requestAll(lab, manifest, suspects)) served.set(node, names)
  const defined = new Set(manifest.spec.metrics.map(({ name }) => name))
  const failures = failuresIn(await second()).filter(({ metric, node }) => {
    return defined.has(metric) && served.get(node)?.has(metric) !== true
  })
  return { served, failures }
}

/** The failures in lines of KWOK's JSON log, one for each metric and node. */
export function failuresIn(logText: string): MetricFailure[] {
  const found = new Map<string, MetricFailure>()
  for (const line of logText.split('\n')) {
    if (!line.includes('"failed to update metrics"')) continue
    try {
      const { metric, node, err } = fields(JSON.parse(line))
      const why = (text(err) ?? 'the log has no reason').replace(/\s*\n\s*/g, ' ')
      found.set(`${metric}/${node}`, { metric: String(metric), node: String(node), why })
    } catch {
      // An incomplete line at the end.
    }
  }
  return [...found.values()]
}

/** The names of the metric families in a response. */
export function familiesOf(page: string): Set<string> {
  const typed = [...page.matchAll(/^# TYPE (\S+) /gm)].map(([, name = '']) => name)
  return new Set(typed)
}

async function requestAll(
  lab: Lab,
  manifest: MetricManifest,
  nodes: readonly string[],
): Promise<Map<string, Set<string>>> {
  const mark = `${INFO_METRIC}{digest=${infoDigest(manifest)}}`
  const base = `http://127.0.0.1:${componentPorts(lab)['kwok-controller']}`
  const served = new Map<string, Set<string>>()
  const queue = nodes.values()
  const work = async () => {
    for (const node of queue) {
      const url = `${base}${manifest.spec.path.replace(/\{nodeName[^}]*\}/, encodeURIComponent(node))}`
      const page = await waitUntil<string>({
        what: `the metrics of node ${node} from KWOK`,
        timeoutMs: NOTICE_MS,
        everyMs: 250,
        check: async () => {
          const { status, text } = await pageAt(url)
          if (text.includes(mark)) return { done: text }
          return { pending: `${url} answers ${status} ${text.slice(0, 400).trim()}` }
        },
        next: `read ${controlPlaneOf(lab).log(lab, 'kwok-controller')}`,
      })
      served.set(node, familiesOf(page))
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, work))
  return served
}

async function pageAt(url: string): Promise<{ status: number; text: string }> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(10_000) })
    return { status: answer.status, text: await answer.text() }
  } catch (error) {
    return { status: 0, text: messageOf(error) }
  }
}
