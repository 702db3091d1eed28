/** The parts of a control plane, in the order kwokctl starts them. */
export const components = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kwok-controller',
] as const
export type Component = (typeof components)[number]
