/** What the tests of the control plane read and compare. */
import { fields, items, text } from '../../lib/kube/json.ts'
import type { TestLab } from './lab.ts'

/** How far apart two ways to measure the same may be. */
const APART = 0.05

/** Fails unless a value is within a twentieth of what is expected. */
export function near(actual: unknown, expected: number, what: string): void {
  const value = typeof actual === 'number' ? actual : Number.NaN
  if (Math.abs(value - expected) <= expected * APART) return
  throw new Error(`${what} is ${String(actual)}, and not ${expected}`)
}

export function nodeOf({ labels }: { labels: Readonly<Record<string, string>> }): string {
  return labels['k8s_node_name'] ?? ''
}

/** Every pod of the cluster. */
export async function allPods(lab: TestLab) {
  return items(fields(await lab.get('/api/v1/pods'))['items']).map(item => {
    const { metadata, spec, status } = fields(item)
    const { namespace, name } = fields(metadata)
    return {
      key: `${namespace}/${name}`,
      namespace: String(namespace),
      node: text(fields(spec)['nodeName']) ?? '',
      phase: text(fields(status)['phase']) ?? '',
      containers: items(fields(spec)['containers']).map(each => String(fields(each)['name'])),
    }
  })
}
