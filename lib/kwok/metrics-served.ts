import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { LabError, UsageError } from '../cli/errors.ts'
import { fields, items, text } from '../kube/json.ts'
import { applyManifests, kubectl } from '../lab/kubectl.ts'
import { type Lab, projectDir, writeFileAtomically } from '../lab/lab.ts'
import { waitUntil } from '../system/wait.ts'
import { componentPorts, controlPlaneOf } from './kwok-cluster.ts'
import { INFO_METRIC, METRIC_NAME, type MetricManifest, trialManifest } from './metric-objects.ts'
import { podNamespaces } from './pods.ts'
import { workloadNamespaces } from './workloads.ts'

/** Nodes asked at once; KWOK evaluates every expression anew for each. */
const CONCURRENCY = 8
/** How long KWOK may take to see a changed object. */
const NOTICE_MS = 15_000

/** Refuses other Metric objects of nodes: two of them push each other's series out. Throws a UsageError that names them. */
export async function refuseOtherMetrics(lab: Lab): Promise<void> {
  const path = '{range .items[*]}{.metadata.name} {.spec.path}{"\\n"}{end}'
  const { stdout } = await kubectl(lab, ['get', 'metrics.kwok.x-k8s.io', '-o', `jsonpath=${path}`])
  const others = stdout.split('\n').flatMap(line => {
    const [name = '', at = ''] = line.split(' ')
    return name !== METRIC_NAME && at.includes('{nodeName}') ? [name] : []
  })
  if (others.length === 0) return
  throw new UsageError(`There are other Metric objects: ${others.join(', ')}`, {
    why: 'KWOK serves one for a node; two push out each other’s series',
    next: `kubectl --context ${lab.context} delete metrics.kwok.x-k8s.io ${others.join(' ')}, and put what they have into METRICS_FILE`,
  })
}

/** The namespaces that no ClusterResourceUsage speaks of; `said` are those there are, `known` all namespaces. */
export function namespacesUnsaid(said: readonly unknown[], known: readonly string[], own: string): string[] {
  const taken = new Set<string>()
  for (const each of said) {
    if (fields(fields(each)['metadata'])['name'] === own) continue
    const namespaces = items(fields(fields(fields(each)['spec'])['selector'])['matchNamespaces'])
    // One without namespaces speaks of all.
    if (namespaces.length === 0) return []
    for (const namespace of namespaces) taken.add(String(namespace))
  }
  return [...new Set(known)].filter(namespace => !taken.has(namespace)).sort()
}

/** Has KWOK know of every pod: kwok-config/kwok-usage-nothing-said.yaml for the namespaces that nothing else speaks of. */
export async function coverAllNamespaces(lab: Lab): Promise<void> {
  const base = parse(readFileSync(join(projectDir, 'kwok-config', 'kwok-usage-nothing-said.yaml'), 'utf8')) as unknown
  const list = async (kind: string) =>
    items(fields(JSON.parse((await kubectl(lab, ['get', kind, '-o', 'json'])).stdout))['items'])
  const [usages, namespaces] = await Promise.all([list('clusterresourceusages.kwok.x-k8s.io'), list('namespaces')])
  const there = namespaces.map(each => String(fields(fields(each)['metadata'])['name']))
  const own = String(fields(fields(base)['metadata'])['name'])
  // Also those that the lab may make later.
  const known = [...there, ...podNamespaces, ...workloadNamespaces, 'online-boutique']
  const unsaid = namespacesUnsaid(usages, known, own)
  if (unsaid.length === 0) {
    await kubectl(lab, ['delete', 'clusterresourceusages.kwok.x-k8s.io', own, '--ignore-not-found'])
    return
  }
  const path = join(lab.configDir, 'kwok-usage-nothing-said.yaml')
  const spec = { ...fields(fields(base)['spec']), selector: { matchNamespaces: unsaid } }
  writeFileAtomically(path, stringify({ ...fields(base), spec }))
  await applyManifests(lab, path)
}

/** Applies a Metric object. Throws a LabError with the API server's words when it is refused. */
export async function applyMetrics(lab: Lab, manifest: MetricManifest): Promise<void> {
  const path = join(lab.configDir, `${manifest.metadata.name}.yaml`)
  writeFileAtomically(path, stringify(manifest, { aliasDuplicateObjects: false }))
  await applyManifests(lab, path)
}

/**
 * What KWOK can't make of the metrics, as a trial of every node shows; what it serves already is not touched.
 *
 * Throws a LabError with the API server's words when that refuses the object.
 */
export async function tryMetrics(lab: Lab, manifest: MetricManifest, nodes: readonly string[]): Promise<MetricFault[]> {
  const trial = trialManifest(manifest)
  try {
    await applyMetrics(lab, trial).catch((error: unknown) => {
      // After the first line, which is how kubectl was called.
      const [first = '', ...said] = error instanceof Error ? error.message.split(/\s*\n\s*/) : [String(error)]
      throw new LabError("The API server doesn't take the metrics", {
        why: said.join(' ') || first,
        next: 'fix METRICS_FILE; what was served before goes on',
        cause: error,
      })
    })
    return (await readServed(lab, trial, nodes)).faults
  } finally {
    await kubectl(lab, ['delete', 'metrics.kwok.x-k8s.io', trial.metadata.name, '--ignore-not-found'])
  }
}

/** What KWOK can't serve: the metric, and its own words. */
export interface MetricFault {
  metric: string
  node: string
  why: string
}

/**
 * Asks every node for its page until it is of the applied object, and gives the metrics that each serves, and what KWOK says
 * of those it can't: it leaves a metric out and writes why to its log, the rest of the page is not harmed.
 *
 * Throws a LabError when KWOK doesn't take the object up.
 */
export async function readServed(
  lab: Lab,
  manifest: MetricManifest,
  nodes: readonly string[],
): Promise<{ served: Map<string, Set<string>>; faults: MetricFault[] }> {
  const first = controlPlaneOf(lab).followLog(lab, 'kwok-controller')
  const served = await askAll(lab, manifest, nodes)
  // A metric may fail once when two ask at the same moment and both make it; what fails a second time is at fault.
  const doubtful = [...new Set(faultsIn(await first()).map(({ node }) => node))].filter(node => served.has(node))
  if (doubtful.length === 0) return { served, faults: [] }
  const second = controlPlaneOf(lab).followLog(lab, 'kwok-controller')
  for (const [node, names] of await askAll(lab, manifest, doubtful)) served.set(node, names)
  const defined = new Set(manifest.spec.metrics.map(({ name }) => name))
  const faults = faultsIn(await second()).filter(({ metric, node }) => {
    return defined.has(metric) && served.get(node)?.has(metric) !== true
  })
  return { served, faults }
}

/** The faults that lines of KWOK's log tell of, in its JSON; each metric once a node. */
export function faultsIn(logText: string): MetricFault[] {
  const found = new Map<string, MetricFault>()
  for (const line of logText.split('\n')) {
    if (!line.includes('"failed to update metrics"')) continue
    try {
      const { metric, node, err } = fields(JSON.parse(line))
      const why = (text(err) ?? 'it does not say why').replace(/\s*\n\s*/g, ' ')
      found.set(`${metric}/${node}`, { metric: String(metric), node: String(node), why })
    } catch {
      // Half a line, at the end of what was read.
    }
  }
  return [...found.values()]
}

/** The names of the metrics on a page: of a histogram its base name. */
export function familiesOf(page: string): Set<string> {
  const typed = [...page.matchAll(/^# TYPE (\S+) /gm)].map(([, name = '']) => name)
  return new Set(typed)
}

async function askAll(lab: Lab, manifest: MetricManifest, nodes: readonly string[]): Promise<Map<string, Set<string>>> {
  const info = manifest.spec.metrics.find(({ name }) => name === INFO_METRIC)
  const mark = `${INFO_METRIC}{digest=${String(fields(items(info?.['labels'])[0])['value'])}}`
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
    return { status: 0, text: error instanceof Error ? error.message : String(error) }
  }
}
