import type { Quantity } from '../../lib/checks/verify/query-expectations.ts'
import type { Query } from './query.ts'
import type { Scope } from './scope.ts'

const BY = ['cluster', 'namespace'] as const
const NO_QUOTA = { because: 'a namespace may have no quota, or none for this resource' }

/** The quotas of CPU requests and of the sum of CPU limits, in cores. */
export const cpuQuotas = (scope: Scope) => [
  quota('requests.cpu', 'quota-cpu-requests', scope),
  quota('limits.cpu', 'quota-cpu-limits', scope),
]

/** The quotas of memory requests and of the sum of memory limits, in bytes. */
export const memoryQuotas = (scope: Scope) => [
  quota('requests.memory', 'quota-memory-requests', scope),
  quota('limits.memory', 'quota-memory-limits', scope),
]

/** The smallest of several quotas of a namespace applies. Requests have a short name too: `cpu` is `requests.cpu`. */
function quota(resource: string, of: Quantity, { filter }: Scope): Query {
  const hard = (matcher: string) => `k8s_resource_quota_hard_limit{${filter}, resource${matcher}}`
  const [kind, name = ''] = resource.split('.')
  const hasShort = kind === 'requests'
  // The k8s_cluster receiver reports keys ending in `.cpu` in millicores, and `cpu` in cores.
  const inCores = `${hard(`="${resource}"`)} / 1000${hasShort ? ` or ${hard(`="${name}"`)}` : ''}`
  const inBytes = hasShort ? hard(`=~"${resource}|${name}"`) : hard(`="${resource}"`)
  return {
    expr: `min by (k8s_cluster_name, k8s_namespace_name) (${name === 'cpu' ? inCores : inBytes})`,
    legend: `{{k8s_namespace_name}} quota - ${kind}`,
    truth: { of, by: BY },
    emptyWhen: NO_QUOTA,
  }
}
