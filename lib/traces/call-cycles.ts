import { type CallGraph, workloadKey } from './call-graph.ts'
import { selects } from './traced-objects.ts'

/**
 * One way round each cycle of the graph, as `a → b → a` of workloads' names. Not every way: of those that share a way back,
 * the first.
 */
export function cyclesOf({ callers, services }: CallGraph): string[] {
  const behind = new Map<string, string[]>()
  for (const [key, service] of services) {
    const keys: string[] = []
    for (const [callerKey, { workload }] of callers) {
      if (workload.namespace === service.namespace && selects(service.selector, workload.labels)) keys.push(callerKey)
    }
    behind.set(key, keys)
  }
  const cycles: string[] = []
  const done = new Set<string>()
  const way: string[] = []
  const visit = (key: string): void => {
    const at = way.indexOf(key)
    if (at >= 0) {
      cycles.push([...way.slice(at), key].map(each => callers.get(each)?.workload.name ?? each).join(' → '))
      return
    }
    if (done.has(key)) return
    way.push(key)
    for (const { service } of callers.get(key)?.calls ?? []) for (const next of behind.get(service) ?? []) visit(next)
    way.pop()
    done.add(key)
  }
  for (const { workload } of callers.values()) visit(workloadKey(workload))
  return cycles
}
