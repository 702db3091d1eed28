/** DNS names, with all below them, that no certificate of a kubelet has: an API server answers to them. */
export const reservedNames = [
  'localhost',
  'svc',
  'cluster.local',
  'kubernetes',
  'kubernetes.default',
  'host.docker.internal',
] as const
