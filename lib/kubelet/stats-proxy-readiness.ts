import type { Reflector } from '../kube/reflector.ts'

/** How long the API may be away before the proxy says it isn't ready. */
const AWAY_MS = 15_000
/** An open watch says something at least once in its 60 s; one that doesn't hangs. */
const SILENT_MS = 80_000

/** Why what is served may be wrong, in one line; undefined when it is right. */
export function unreadyReason(
  reflectors: Record<string, Pick<Reflector, 'synced' | 'connected' | 'lastContactMs' | 'trouble'>>,
  nowMs: number,
): string | undefined {
  const kinds = Object.entries(reflectors)
  if (kinds.length === 0) return 'not connected to the Kubernetes API yet'
  for (const [kind, { synced, connected, lastContactMs, trouble }] of kinds) {
    const why = trouble === undefined ? '' : `: ${trouble}`
    if (!synced) return `${kind} have not been listed yet${why}`
    const ageMs = nowMs - (lastContactMs ?? Number.NEGATIVE_INFINITY)
    if (ageMs > (connected ? SILENT_MS : AWAY_MS)) {
      return `no contact with the Kubernetes API for ${Math.round(ageMs / 1_000)} s (${kind})${why}`
    }
  }
  return undefined
}
