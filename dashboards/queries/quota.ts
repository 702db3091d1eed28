import type { Quantity } from '../../lib/verify/marks.ts'
import type { Query } from './query.ts'
import type { Scope } from './scope.ts'

const BY = ['cluster', 'namespace'] as const
const NO_QUOTA = 'a namespace need not have a quota, or one of this resource'

/** The quota of requested cores. */
export function quotaCpuRequests(scope: Scope): Query {
  return quota('requests.cpu', 'quota-cpu-requests', 'quota - requests', scope)
}

/** The quota of the sum of CPU limits. */
export function quotaCpuLimits(scope: Scope): Query {
  return quota('limits.cpu', 'quota-cpu-limits', 'quota - limits', scope)
}

/** The quota of requested bytes. */
export function quotaMemoryRequests(scope: Scope): Query {
  return quota('requests.memory', 'quota-memory-requests', 'quota - requests', scope)
}

/** The quota of the sum of memory limits. */
export function quotaMemoryLimits(scope: Scope): Query {
  return quota('limits.memory', 'quota-memory-limits', 'quota - limits', scope)
}

/** Of several quotas on one namespace the least one counts. */
function quota(resource: string, of: Quantity, legend: string, { filter }: Scope): Query {
  const limit = `min by (k8s_cluster_name, k8s_namespace_name) (k8s_resource_quota_hard_limit{${filter}, resource="${resource}"})`
  return {
    // The k8s_cluster receiver gives keys that end in `.cpu` in thousandths of a core.
    expr: resource.endsWith('.cpu') ? `${limit} / 1000` : limit,
    legend: `{{k8s_namespace_name}} ${legend}`,
    truth: { of, by: BY },
    emptyBecause: NO_QUOTA,
  }
}
