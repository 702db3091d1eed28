import type { Bounds, Figures, UsageSource } from './usage.ts'

/**
 * Usage that is known several times over, each time a little otherwise: every number lies between the least and the most that one
 * of the sources says. Rates may be so much less or more again as `ratePart` says, a part
 * of them. Disks and volumes are those of the last.
 */
export function betweenUsages(sources: readonly UsageSource[], ratePart = 0): UsageSource {
  const last = sources.at(-1)
  if (last === undefined) throw new Error('usage needs at least one source')
  return {
    name: last.name,
    containers: (measured, window) =>
      span(
        sources.map(source => source.containers(measured, window)),
        isRate(measured) ? ratePart : 0,
      ),
    nodes: (measured, window) =>
      span(
        sources.map(source => source.nodes(measured, window)),
        isRate(measured) ? ratePart : 0,
      ),
    disks: () => last.disks(),
    volumes: () => last.volumes(),
  }
}

function isRate(measured: string): boolean {
  return measured === 'cpu-usage' || measured.startsWith('network-')
}

function span(all: readonly (Figures | undefined)[], part: number): Figures | undefined {
  const spans = new Map<string, Map<string, Bounds>>()
  for (const figures of all) {
    if (figures === undefined) return undefined
    for (const [of, parts] of figures) {
      const known = spans.get(of) ?? new Map<string, Bounds>()
      spans.set(of, known)
      for (const [name, bounds] of parts) known.set(name, wider(known.get(name), widened(bounds, part)))
    }
  }
  return spans
}

function widened({ least, most, ...rest }: Bounds, part: number): Bounds {
  return { ...rest, least: least * (1 - part), most: most * (1 + part) }
}

function wider(known: Bounds | undefined, { least, most, mayLack }: Bounds): Bounds {
  const isNew = mayLack === true || known?.mayLack === true
  return {
    least: Math.min(least, known?.least ?? least),
    most: Math.max(most, known?.most ?? most),
    ...(isNew ? { mayLack: true } : {}),
  }
}
