/** A panel or line of kubernetes-mixin that the lab's dashboards do not have. */
export interface NotPorted {
  /** The title of kubernetes-mixin's dashboard, without "Kubernetes / ". */
  dashboard: string
  panel: string
  reason: string
}

/** Panels of kubernetes-mixin that the lab does not have, and the reason: nothing in the lab measures their data. */
export const notPorted: readonly NotPorted[] = [
  {
    dashboard: 'Networking / Cluster',
    panel: 'Rate of TCP Retransmits out of all sent segments',
    reason: 'only node-exporter counts TCP segments; no OpenTelemetry receiver and no kubelet does',
  },
  {
    dashboard: 'Networking / Cluster',
    panel: 'Rate of TCP SYN Retransmits out of all retransmits',
    reason: 'only node-exporter counts TCP segments; no OpenTelemetry receiver and no kubelet does',
  },
  {
    dashboard: 'Compute Resources / Node (Pods)',
    panel: 'CPU Usage, the line "max capacity"',
    reason: "no receiver gives a node's CPU capacity; the line of what pods may use is there",
  },
  {
    dashboard: 'Scheduler',
    panel: 'Scheduling Rate and latency, the lines of volumes',
    reason: 'the scheduler has no metric of volume scheduling any more',
  },
  {
    dashboard: 'API server',
    panel: 'Notice',
    reason: "a text without a number; the availability panel's description says it",
  },
  {
    dashboard: 'Kubelet',
    panel: 'all',
    reason: 'simulated nodes run no kubelet whose own work could be measured',
  },
  { dashboard: 'Proxy', panel: 'all', reason: 'no kube-proxy runs for simulated nodes' },
  { dashboard: 'Windows (5 dashboards)', panel: 'all', reason: 'the lab has no Windows nodes' },
]
