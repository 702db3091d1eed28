import { items } from '../../kube/json.ts'
import { hash } from '../usage/pseudo-random.ts'
import { type CpuCurve, constant, type MemoryCurve, type Pulse, type Ramp, type Wave } from '../usage/usage-curves.ts'
import type { CoreCount, CoreTime } from './core-times.ts'
import { kubeletWork, WORK } from './kubelet-work.ts'
import type { ContainerMeter, PodMeter } from './pod-counters.ts'
import { noRetiredPods, RETIRED, type RetiredPods } from './retired-pods.ts'

/** A pod's meter as last saved. */
export interface SavedPod {
  nodeUid: string
  meter: PodMeter
}

/** A pod's meter as compact JSON: the state has up to 50,000 of them. */
export function savePod(nodeUid: string, { startMs, endMs, containers, work }: PodMeter): unknown {
  return [nodeUid, startMs, endMs ?? 0, containers.map(saveContainer), WORK.map(name => work[name])]
}

/** Reads the JSON of `savePod`; undefined for other JSON. */
export function loadPod(uid: string, saved: unknown): SavedPod | undefined {
  const [nodeUid, startMs, endMs, containers, work] = items(saved)
  if (typeof nodeUid !== 'string' || typeof startMs !== 'number') return undefined
  const meters = items(containers).map(each => loadContainer(uid, each))
  if (meters.some(each => each === undefined)) return undefined
  return {
    nodeUid,
    meter: {
      startMs,
      ...(typeof endMs === 'number' && endMs > 0 ? { endMs } : {}),
      seed: hash(uid),
      containers: meters.filter(each => each !== undefined),
      work: kubeletWork(items(work).map(Number)),
    },
  }
}

/** The counters of a node's deleted pods as JSON. */
export function saveRetired(retired: RetiredPods): unknown {
  const counters = RETIRED.map(name => retired[name])
  const { idleCoreNanoSeconds, cores, work, faultyMs } = retired
  const rest = [idleCoreNanoSeconds, saveCores(cores), WORK.map(name => work[name]), faultyMs]
  return [String(retired.usageCoreNanoSeconds), ...counters, ...rest]
}

/** Reads the JSON of `saveRetired`; undefined for other JSON. */
export function loadRetired(saved: unknown): RetiredPods | undefined {
  const [cpu, ...rest] = items(saved)
  if (typeof cpu !== 'string' || !/^\d+$/.test(cpu)) return undefined
  const numbers = rest.map(each => (typeof each === 'number' && each >= 0 ? each : 0))
  return {
    ...noRetiredPods(numbers),
    usageCoreNanoSeconds: BigInt(cpu),
    idleCoreNanoSeconds: numbers[RETIRED.length] ?? 0,
    cores: loadCores(rest[RETIRED.length + 1]),
    work: kubeletWork(items(rest[RETIRED.length + 2]).map(Number)),
    faultyMs: numbers[RETIRED.length + 3] ?? 0,
  }
}

function saveCores(cores: CoreCount | undefined): unknown {
  if (cores === undefined) return 0
  const { count, sinceMs, busyNs, idleNs, before } = cores
  return [count, sinceMs, busyNs, idleNs, before.flatMap(core => [core.busyNs, core.idleNs])]
}

function loadCores(saved: unknown): CoreCount | undefined {
  const [count, sinceMs, busyNs, idleNs] = items(saved)
  if (typeof count !== 'number' || typeof sinceMs !== 'number') return undefined
  const numbers = items(items(saved)[4]).map(Number)
  const before = Array.from({ length: numbers.length / 2 }, (_, at): CoreTime => {
    return { busyNs: numbers[2 * at] ?? 0, idleNs: numbers[2 * at + 1] ?? 0 }
  })
  return { count, sinceMs, busyNs: Number(busyNs), idleNs: Number(idleNs), before }
}

function saveContainer({ name, sinceMs, counters, usage, restarts, ended }: ContainerMeter): unknown {
  const { coreNanoSeconds, limitedMs, overMs, throttledMs, memoryOverMs } = counters
  return [
    name,
    sinceMs,
    [coreNanoSeconds, limitedMs, overMs, throttledMs, memoryOverMs],
    usage.cpu.kind === 'sampled' ? 0 : saveCurve(usage.cpu),
    usage.memory.kind === 'sampled' ? 0 : saveCurve(usage.memory),
    Number.isFinite(usage.cpuLimitNanoCores) ? usage.cpuLimitNanoCores : -1,
    Number.isFinite(usage.memoryLimitBytes) ? usage.memoryLimitBytes : -1,
    restarts,
    ...(ended === undefined ? [] : [ended.runs, ended.coreNanoSeconds]),
  ]
}

function loadContainer(uid: string, saved: unknown): ContainerMeter | undefined {
  const [name, sinceMs, counters, cpu, memory, cpuLimit, memoryLimit, restarts, runs, endedCpu] = items(saved)
  if (typeof name !== 'string' || typeof sinceMs !== 'number') return undefined
  const [coreNanoSeconds = 0, limitedMs = 0, overMs = 0, throttledMs = 0, memoryOverMs = 0] =
    items(counters).map(Number)
  const cpuCurve = loadCurve(cpu)
  const memoryCurve = loadCurve(memory)
  return {
    name,
    seed: hash(`${uid}/${name}`),
    sinceMs,
    counters: { coreNanoSeconds, limitedMs, overMs, throttledMs, memoryOverMs },
    restarts: Number(restarts),
    ...(typeof runs === 'number' ? { ended: { runs, coreNanoSeconds: Number(endedCpu) } } : {}),
    usage: {
      // For sampled usage, the saved counters include all that was served; the usage is 0 until the pod is set again.
      cpu: cpuCurve === undefined || cpuCurve.kind === 'ramp' ? constant(0) : cpuCurve,
      memory: memoryCurve === undefined || memoryCurve.kind === 'pulse' ? constant(0) : memoryCurve,
      cpuLimitNanoCores: limit(cpuLimit),
      memoryLimitBytes: limit(memoryLimit),
    },
  }
}

function saveCurve(curve: CpuCurve | MemoryCurve): unknown {
  switch (curve.kind) {
    case 'wave':
      return curve.swing === 0 ? curve.mean : ['w', curve.mean, curve.swing, curve.periodMs, curve.phase]
    case 'pulse':
      return ['p', curve.low, curve.high, curve.onMs, curve.periodMs, curve.phaseMs]
    case 'ramp':
      return ['r', curve.from, curve.perHour, curve.sinceMs, curve.most]
  }
}

function loadCurve(saved: unknown): Wave | Pulse | Ramp | undefined {
  if (typeof saved === 'number') return constant(saved)
  const [kind, ...rest] = items(saved)
  const [a = 0, b = 0, c = 0, d = 0, e = 0] = rest.map(Number)
  if (kind === 'w') return { kind: 'wave', mean: a, swing: b, periodMs: c, phase: d }
  if (kind === 'p') return { kind: 'pulse', low: a, high: b, onMs: c, periodMs: d, phaseMs: e }
  if (kind === 'r') return { kind: 'ramp', from: a, perHour: b, sinceMs: c, most: d }
  return undefined
}

function limit(saved: unknown): number {
  return typeof saved === 'number' && saved >= 0 ? saved : Number.POSITIVE_INFINITY
}
