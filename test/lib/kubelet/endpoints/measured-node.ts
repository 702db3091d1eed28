import { hostExtras } from '../../../../lib/kubelet/endpoints/host-extras.ts'
import { measureNode } from '../../../../lib/kubelet/endpoints/node-measurement.ts'
import { createStore } from '../../../../lib/kubelet/store/stats-store.ts'
import { node, pod, START_MS, there } from '../kubelet-fixtures.ts'

export const NOW_MS = START_MS + 600_000

/** A node with one pod of half a core, measured ten minutes after its start. */
export function measuredNode() {
  const store = createStore({ clock: () => NOW_MS })
  store.setNode(node())
  store.setPod(pod({ annotations: { 'kwok.x-k8s.io/usage-cpu': '500m' } }))
  const entry = there(store.node('node-0'))
  const from = measureNode(entry, NOW_MS)
  return { from, extras: hostExtras(entry, from, store) }
}
