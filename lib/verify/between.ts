import type { Bounds, Figures, UsageSource } from './usage.ts'

/**
 * Usage that is known several times over, each time a little otherwise: every number lies between the least and the most that one
 * of the sources says. Disks and volumes are those of the last.
 */
export function betweenUsages(sources: readonly UsageSource[]): UsageSource {
  const last = sources.at(-1)
  if (last === undefined) throw new Error('usage needs at least one source')
  return {
    name: last.name,
    containers: (measured, window) => span(sources.map(source => source.containers(measured, window))),
    nodes: (measured, window) => span(sources.map(source => source.nodes(measured, window))),
    disks: () => last.disks(),
    volumes: () => last.volumes(),
  }
}

function span(all: readonly (Figures | undefined)[]): Figures | undefined {
  const spans = new Map<string, Map<string, Bounds>>()
  for (const figures of all) {
    if (figures === undefined) return undefined
    for (const [of, parts] of figures) {
      const known = spans.get(of) ?? new Map<string, Bounds>()
      spans.set(of, known)
      for (const [name, bounds] of parts) known.set(name, wider(known.get(name), bounds))
    }
  }
  return spans
}

function wider(known: Bounds | undefined, { least, most, mayLack }: Bounds): Bounds {
  const isNew = mayLack === true || known?.mayLack === true
  return {
    least: Math.min(least, known?.least ?? least),
    most: Math.max(most, known?.most ?? most),
    ...(isNew ? { mayLack: true } : {}),
  }
}
