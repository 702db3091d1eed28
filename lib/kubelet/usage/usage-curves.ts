const TURN = 2 * Math.PI

/**
 * A level over time: `mean · (1 + swing · sin)` with the period `periodMs`. Its integral is exact, so a counter needs no
 * sampling. The caller chooses the unit (nanocores, bytes). `swing` is below 1, so the level is never negative.
 */
export interface Wave {
  kind: 'wave'
  mean: number
  swing: number
  periodMs: number
  /** The position of the epoch in the period, 0 to 1. */
  phase: number
}

/** `high` for the first `onMs` of each period and `low` for the rest. All times are whole, so that the time at `high` is exact. */
export interface Pulse {
  kind: 'pulse'
  low: number
  high: number
  onMs: number
  periodMs: number
  /** How long before the epoch a period begins. */
  phaseMs: number
}

/** Linear growth from a level at a time, up to `most`. */
export interface Ramp {
  kind: 'ramp'
  from: number
  perHour: number
  /** Epoch. */
  sinceMs: number
  most: number
}

/** CPU demand: its integral is exact and never decreases. */
export type CpuCurve = Wave | Pulse
/** Memory demand, which is not integrated. */
export type MemoryCurve = Wave | Ramp

/** A constant level. */
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

/** The integral of the level between two times, in level · seconds; 0 for an empty span. Grows with `untilMs`. */
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

/**
 * CPU counters under a limit: the CPU time used, in level · seconds; how long the demand exceeds the limit; and the part of that time in which
 * the kernel throttles the container: half of each period at a demand of twice the limit. A wave that swings must stay below the limit
 * (`waveBelow()`).
 */
export function cpuGain(curve: CpuCurve, limit: number, fromMs: number, untilMs: number) {
  if (untilMs <= fromMs) return { coreNanoSeconds: 0, overMs: 0, throttledMs: 0 }
  const most = curve.kind === 'pulse' ? curve.high : curve.mean
  if (most <= limit || (curve.kind === 'wave' && curve.swing > 0)) {
    return { coreNanoSeconds: integral(curve, fromMs, untilMs), overMs: 0, throttledMs: 0 }
  }
  if (curve.kind === 'wave' || curve.low > limit) {
    // A pulse whose low level exceeds the limit is rare; its low time counts as high time.
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

/** How long a demand exceeded a limit, in milliseconds. A wave that swings never does. */
export function overMsOf(curve: MemoryCurve, limit: number, fromMs: number, untilMs: number): number {
  if (untilMs <= fromMs) return 0
  if (curve.kind === 'wave') return curve.swing === 0 && curve.mean > limit ? untilMs - fromMs : 0
  if (curve.most <= limit || curve.perHour <= 0) return curve.from > limit ? untilMs - fromMs : 0
  const crossedMs = curve.sinceMs + Math.ceil((Math.max(0, limit - curve.from) / curve.perHour) * 3_600_000)
  return Math.max(0, untilMs - Math.max(fromMs, crossedMs))
}

/** A wave below a limit: its mean is reduced if necessary. */
export function waveBelow(limit: number, { mean, swing, periodMs, phase }: Omit<Wave, 'kind'>): Wave {
  return { kind: 'wave', mean: Math.min(mean, limit / (1 + swing)), swing, periodMs, phase }
}

/** Whether two curves are equal. */
export function sameCurve(a: Wave | Pulse | Ramp, b: Wave | Pulse | Ramp): boolean {
  if (a.kind !== b.kind) return false
  // Curves of one kind have the same keys.
  for (const key in a) if (a[key as keyof typeof a] !== b[key as keyof typeof b]) return false
  return true
}

function highMs({ onMs, periodMs, phaseMs }: Pulse, timeMs: number): number {
  const at = timeMs + phaseMs
  return Math.floor(at / periodMs) * onMs + Math.min(remainder(at, periodMs), onMs)
}

function remainder(value: number, divisor: number): number {
  return value - Math.floor(value / divisor) * divisor
}

function angleAt(wave: Wave, timeMs: number): number {
  // The fraction of a period first: an angle of 10^10 turns has lost its significant digits.
  return TURN * ((timeMs % wave.periodMs) / wave.periodMs + wave.phase)
}
