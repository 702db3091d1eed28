const TURN = 2 * Math.PI

/**
 * A level over time: `mean · (1 + swing · sin)`, repeating each `periodMs`. Its integral is known exactly, so a counter needs
 * no sampling. Units are the caller's (nanocores, bytes). `swing` is below 1, so it never goes negative.
 */
export interface Wave {
  kind: 'wave'
  mean: number
  swing: number
  periodMs: number
  /** Where in the period the epoch lies, 0 to 1. */
  phase: number
}

/** `high` for the first `onMs` of each period and `low` for the rest. All times whole, so that time spent high is exact. */
export interface Pulse {
  kind: 'pulse'
  low: number
  high: number
  onMs: number
  periodMs: number
  /** The periods begin so long before the epoch. */
  phaseMs: number
}

/** From a level at a time, growing evenly up to a most. */
export interface Ramp {
  kind: 'ramp'
  from: number
  perHour: number
  /** Epoch. */
  sinceMs: number
  most: number
}

/** What CPU demand can look like: its integral is exact and never falls. */
export type CpuCurve = Wave | Pulse
/** What memory demand can look like: nobody integrates it. */
export type MemoryCurve = Wave | Ramp

/** What a container gained of CPU in some time. */
export interface CpuGain {
  /** Level · seconds of what it got. */
  coreNanoSeconds: number
  /** How long it wanted more than its limit. */
  overMs: number
  /** Of that, how long the kernel held it still: with twice the limit wanted, half of each period. */
  throttledMs: number
}

/** The same level for ever. */
export function constant(mean: number): Wave {
  return { kind: 'wave', mean, swing: 0, periodMs: 1, phase: 0 }
}

/** The level at a time (epoch). */
export function levelAt(curve: Wave | Pulse | Ramp, timeMs: number): number {
  switch (curve.kind) {
    case 'wave':
      return curve.swing === 0 ? curve.mean : curve.mean * (1 + curve.swing * Math.sin(angleAt(curve, timeMs)))
    case 'pulse':
      return remainder(timeMs + curve.phaseMs, curve.periodMs) < curve.onMs ? curve.high : curve.low
    case 'ramp':
      return Math.min(curve.most, curve.from + (curve.perHour * Math.max(0, timeMs - curve.sinceMs)) / 3_600_000)
  }
}

/** The level integrated from one time to a later one, in level · seconds; 0 when the end isn't later. Grows with `untilMs`. */
export function integral(curve: CpuCurve, fromMs: number, untilMs: number): number {
  if (untilMs <= fromMs) return 0
  const seconds = (untilMs - fromMs) / 1_000
  if (curve.kind === 'pulse') {
    return curve.low * seconds + ((curve.high - curve.low) * (highMs(curve, untilMs) - highMs(curve, fromMs))) / 1_000
  }
  if (curve.swing === 0) return curve.mean * seconds
  const swung = Math.cos(angleAt(curve, fromMs)) - Math.cos(angleAt(curve, untilMs))
  return curve.mean * seconds + ((curve.mean * curve.swing * curve.periodMs) / 1_000 / TURN) * swung
}

/** What a container gains whose CPU is cut at its limit. A wave that swings has to fit under the limit (`waveBelow()`). */
export function cpuGain(curve: CpuCurve, limit: number, fromMs: number, untilMs: number): CpuGain {
  if (untilMs <= fromMs) return { coreNanoSeconds: 0, overMs: 0, throttledMs: 0 }
  const most = curve.kind === 'pulse' ? curve.high : curve.mean
  if (most <= limit || (curve.kind === 'wave' && curve.swing > 0)) {
    return { coreNanoSeconds: integral(curve, fromMs, untilMs), overMs: 0, throttledMs: 0 }
  }
  if (curve.kind === 'wave' || curve.low > limit) {
    // A pulse that is over even when it is low: seldom, and then its low time counts as its high time.
    const overMs = untilMs - fromMs
    return {
      coreNanoSeconds: integral(constant(limit), fromMs, untilMs),
      overMs,
      throttledMs: overMs * (1 - limit / most),
    }
  }
  const overMs = highMs(curve, untilMs) - highMs(curve, fromMs)
  return {
    coreNanoSeconds: integral({ ...curve, high: limit }, fromMs, untilMs),
    overMs,
    throttledMs: overMs * (1 - limit / curve.high),
  }
}

/** How long a demand was over a limit, in milliseconds: of a wave that swings, never. */
export function overMsOf(curve: MemoryCurve, limit: number, fromMs: number, untilMs: number): number {
  if (untilMs <= fromMs) return 0
  if (curve.kind === 'wave') return curve.swing === 0 && curve.mean > limit ? untilMs - fromMs : 0
  if (curve.most <= limit || curve.perHour <= 0) return curve.from > limit ? untilMs - fromMs : 0
  const crossedMs = curve.sinceMs + Math.ceil((Math.max(0, limit - curve.from) / curve.perHour) * 3_600_000)
  return Math.max(0, untilMs - Math.max(fromMs, crossedMs))
}

/** A wave that never exceeds a limit: where it would, it is made smaller. */
export function waveBelow(limit: number, { mean, swing, periodMs, phase }: Omit<Wave, 'kind'>): Wave {
  return { kind: 'wave', mean: Math.min(mean, limit / (1 + swing)), swing, periodMs, phase }
}

/** Whether two curves are the same level at every time. */
export function sameCurve(a: Wave | Pulse | Ramp, b: Wave | Pulse | Ramp): boolean {
  if (a.kind === 'wave' && b.kind === 'wave') {
    return a.mean === b.mean && a.swing === b.swing && a.periodMs === b.periodMs && a.phase === b.phase
  }
  if (a.kind === 'pulse' && b.kind === 'pulse') {
    const sameTimes = a.onMs === b.onMs && a.periodMs === b.periodMs && a.phaseMs === b.phaseMs
    return sameTimes && a.low === b.low && a.high === b.high
  }
  if (a.kind === 'ramp' && b.kind === 'ramp') {
    return a.from === b.from && a.perHour === b.perHour && a.sinceMs === b.sinceMs && a.most === b.most
  }
  return false
}

function highMs({ onMs, periodMs, phaseMs }: Pulse, timeMs: number): number {
  const at = timeMs + phaseMs
  return Math.floor(at / periodMs) * onMs + Math.min(remainder(at, periodMs), onMs)
}

function remainder(value: number, divisor: number): number {
  return value - Math.floor(value / divisor) * divisor
}

function angleAt(wave: Wave, timeMs: number): number {
  // The fraction first: an angle of 10^10 turns would have lost the digits that count.
  return TURN * ((timeMs % wave.periodMs) / wave.periodMs + wave.phase)
}
