import { fields } from '../../kube/json.ts'
import type { NodeFacts } from '../objects/facts.ts'
import defaults from './kubelet-config.json' with { type: 'json' }

/** A node's `/configz`: the defaults of a kubelet v1.37 (pkg/kubelet/apis/config/v1beta1) that tools are likely to read. */
export function kubeletConfigText({ object }: NodeFacts): string {
  const maxPods = Number(fields(fields(object.status).capacity).pods ?? defaults.maxPods)
  return JSON.stringify({ kubeletconfig: { ...defaults, ...(Number.isFinite(maxPods) ? { maxPods } : {}) } })
}
