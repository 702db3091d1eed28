import { apiTime, fields, text } from '../../kube/json.ts'
import { kubeletCertificates } from '../../lab/manifest.ts'
import { versions } from '../../programs/versions.ts'
import { sumOfWork, workAt } from '../counters/kubelet-work.ts'
import type { NodeEntry } from '../store/stats-store.ts'
import { pseudoRandom } from '../usage/pseudo-random.ts'
import { labelText } from './exposition.ts'
import { volumeStats } from './filesystem-stats.ts'
import {
  type Durations,
  type Family,
  type KubeletActivity,
  kubeletFamilies,
  type VolumeOfClaim,
} from './kubelet-families.ts'
import metricHelp from './metric-help.json' with { type: 'json' }
import type { MeasuredNode } from './node-measurement.ts'

const familyNames = Object.keys(kubeletFamilies) as (keyof typeof kubeletFamilies)[]
const DEFAULT_STEEPNESS = 4

/** A node's metrics as a kubelet serves them at `/metrics`: those that kubernetes-mixin reads. */
export function kubeletMetricsText(measured: MeasuredNode, entry: NodeEntry): string {
  const activity = activityOf(measured, entry)
  // The operations of one node are up to a fifth faster or slower than those of another.
  const pace = 0.8 + 0.4 * pseudoRandom(measured.seed, 90)
  return familyNames.map(name => familyText(name, activity, pace)).join('')
}

function activityOf(measured: MeasuredNode, { pods, retired }: NodeEntry): KubeletActivity {
  const { facts, nowMs, startMs, system } = measured
  const started = [...pods.values()].flatMap(({ facts, meter }) => (meter === undefined ? [] : [{ facts, meter }]))
  const containers = started.flatMap(pod => pod.facts.containers)
  const runningContainers = containers.filter(({ running }) => running).length
  const kubelet = system.find(({ name }) => name === 'kubelet')?.sample
  return {
    node: facts.name,
    version: versionOf(facts.object),
    ageS: Math.floor((nowMs - startMs) / 1_000),
    startS: startMs / 1_000,
    hasOldCertificates: facts.scenario === kubeletCertificates,
    work: sumOfWork([retired.work, ...started.map(({ meter }) => workAt(meter, nowMs))]),
    removed: retired.work,
    runningPods: measured.pods.length,
    runningContainers,
    exitedContainers: containers.length - runningContainers,
    volumes: sumOfWork(measured.pods.map(pod => pod.facts.work)),
    claims: claimsOf(measured),
    cpuSeconds: (kubelet?.usageCoreNanoSeconds ?? 0) / 1e9,
    residentBytes: kubelet?.rssBytes ?? 0,
  }
}

/** The version in the Node, or that of the lab for a Node of KWOK, which has KWOK's version there: nodes of several versions are an alert of kubernetes-mixin. */
function versionOf(node: Readonly<Record<string, unknown>>): string {
  const version = text(fields(fields(node.status).nodeInfo).kubeletVersion) ?? ''
  return /^v\d+\.\d+/.test(version) ? version : `v${versions.kubernetes}`
}

/** Once for each claim, although several pods may use it. */
function claimsOf({ pods, disk, facts, nowMs }: MeasuredNode): VolumeOfClaim[] {
  const claims = new Map<string, VolumeOfClaim>()
  const time = apiTime(nowMs)
  for (const pod of pods) {
    if (pod.facts.volumes.every(({ kind }) => kind !== 'claim')) continue
    for (const stats of volumeStats(pod.facts, pod.storage, disk, facts.memoryCapacityBytes, time)) {
      if (stats.pvcRef !== undefined)
        claims.set(`${stats.pvcRef.namespace}/${stats.pvcRef.name}`, { ...stats.pvcRef, stats })
    }
  }
  return [...claims.values()]
}

function familyText(name: keyof typeof kubeletFamilies, activity: KubeletActivity, pace: number): string {
  const family: Family = kubeletFamilies[name]
  const lines: string[] = []
  if (family.type === 'histogram') {
    for (const [labels, durations] of family.samples(activity)) {
      if (!hasNotHappened(labels, durations[0]))
        addHistogram(lines, { name, labels: labelText(labels), buckets: family.buckets, durations, pace })
    }
  } else {
    for (const [labels, value] of family.samples(activity)) {
      if (family.type === 'gauge' || !hasNotHappened(labels, value))
        lines.push(`${name}${braced(labelText(labels))} ${value}\n`)
    }
  }
  const help = metricHelp.kubelet[name]
  return lines.length === 0 ? '' : `# HELP ${name} ${help}\n# TYPE ${name} ${family.type}\n${lines.join('')}`
}

/** A kubelet has no series of a label for what has not happened yet. */
function hasNotHappened(labels: Record<string, string>, count: number): boolean {
  return count === 0 && Object.keys(labels).length > 0
}

interface Histogram {
  name: string
  labels: string
  buckets: readonly number[]
  durations: Durations
  pace: number
}

/**
 * A histogram of a log-logistic distribution. With a constant distribution each bucket is a growing function of the count alone: no bucket decreases, and
 * none has more than the next one.
 */
function addHistogram(lines: string[], histogram: Histogram): void {
  const { name, labels, buckets, pace } = histogram
  const [count, medianS, steepness] = histogram.durations
  // A given steepness is that of a clock, which is the same on all nodes.
  const median = steepness === undefined ? medianS * pace : medianS
  const exponent = steepness ?? DEFAULT_STEEPNESS
  const before = labels === '' ? '' : `${labels},`
  for (const bound of buckets) {
    const atMost = Math.round(count / (1 + (median / bound) ** exponent))
    lines.push(`${name}_bucket{${before}le="${bound}"} ${atMost}\n`)
  }
  const angle = Math.PI / exponent
  const mean = (median * angle) / Math.sin(angle)
  const of = braced(labels)
  lines.push(
    `${name}_bucket{${before}le="+Inf"} ${count}\n`,
    `${name}_sum${of} ${count * mean}\n`,
    `${name}_count${of} ${count}\n`,
  )
}

function braced(labels: string): string {
  return labels === '' ? '' : `{${labels}}`
}
