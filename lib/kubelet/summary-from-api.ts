import { LabError } from '../cli/errors.ts'
import { connect } from '../kube/api-client.ts'
import { fields, items } from '../kube/json.ts'
import { measureNode } from './endpoints/node-measurement.ts'
import { buildSummary, type Summary } from './endpoints/stats-summary.ts'
import type { PresetName } from './objects/facts.ts'
import { nodeFacts, podFacts } from './objects/object-facts.ts'
import { createStore } from './store/stats-store.ts'
import { usageObject } from './usage/usage-objects.ts'

/**
 * One node's summary computed from the API, without a running stats proxy. It assumes that usage has not changed since the
 * start of each pod.
 *
 * Throws a LabError when the API cannot be read or has no such node.
 */
export async function summaryFromApi(
  node: string,
  options: { kubeconfig: string; preset: PresetName },
): Promise<Summary> {
  const client = await connect({ kubeconfig: options.kubeconfig })
  const list = async (path: string): Promise<unknown[]> => {
    // 404: the cluster does not have this kind.
    const { status, body } = await client.request('GET', path)
    if (status === 404) return []
    if (status !== 200) throw new LabError(`Cannot read ${path}`, { why: `the API answers ${status}` })
    return items(fields(body).items)
  }
  try {
    const store = createStore({ preset: options.preset })
    for (const kind of ['ResourceUsage', 'ClusterResourceUsage'] as const) {
      for (const raw of await list(`/apis/kwok.x-k8s.io/v1alpha1/${kind.toLowerCase()}s`)) {
        const object = usageObject(kind, raw)
        if (object !== undefined) store.setUsageObject(object)
      }
    }
    const named = (selector: string) => new URLSearchParams({ fieldSelector: selector })
    for (const raw of await list(`/api/v1/nodes?${named(`metadata.name=${node}`)}`)) {
      const facts = nodeFacts(raw)
      if (facts !== undefined) store.setNode(facts)
    }
    const read = store.read(node)
    if (read === undefined) throw new LabError(`There is no node "${node}"`, { next: 'kubectl get nodes' })
    for (const raw of await list(`/api/v1/pods?${named(`spec.nodeName=${node}`)}`)) {
      const facts = podFacts(raw)
      if (facts !== undefined) store.setPod(facts)
    }
    return buildSummary(measureNode(read.entry, store.now()))
  } finally {
    client.close()
  }
}
