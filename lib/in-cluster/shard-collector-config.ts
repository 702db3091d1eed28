import { parse, stringify } from 'yaml'
import { goDuration } from '../cli/settings.ts'
import { fields, items, merged } from '../kube/json.ts'
import { kubeletReceivers } from '../services/collector-config.ts'

/** Receivers of the whole cluster, which one collector of all has. */
const CLUSTER_RECEIVERS = ['k8s_cluster', 'k8s_events']

/**
 * The configuration of one of several collectors: the base with a `kubelet_stats/<node>` receiver for each of its nodes, by name, and the
 * receivers of the whole cluster only at the leader.
 */
export function shardCollectorConfig(
  base: string,
  given: { nodes: ReadonlyMap<string, string>; isLeader: boolean; intervalMs: number },
): string {
  const config = fields(parse(base))
  const { kubelet_stats: kubeletStats, ...others } = fields(config['receivers'])
  const endpoints = [...given.nodes].sort(([a], [b]) => (a < b ? -1 : 1))
  const kubelets = kubeletReceivers(kubeletStats, endpoints, given.intervalMs)
  const own = Object.entries(others).filter(([name]) => given.isLeader || !CLUSTER_RECEIVERS.includes(name))
  const receivers = Object.fromEntries(
    own.map(([name, receiver]) => {
      const hasInterval = 'collection_interval' in fields(receiver)
      return [name, hasInterval ? merged(receiver, { collection_interval: goDuration(given.intervalMs) }) : receiver]
    }),
  )
  const service = fields(config['service'])
  const pipelines = Object.entries(fields(service['pipelines'])).flatMap(([name, pipeline]) => {
    const wanted = items(fields(pipeline)['receivers']).flatMap(each =>
      each === 'kubelet_stats'
        ? kubelets.map(([receiver]) => receiver)
        : String(each) in receivers
          ? [String(each)]
          : [],
    )
    return wanted.length === 0 ? [] : [[name, { ...fields(pipeline), receivers: wanted }]]
  })
  const filled = {
    ...config,
    receivers: { ...receivers, ...Object.fromEntries(kubelets) },
    service: { ...service, pipelines: Object.fromEntries(pipelines) },
  }
  return stringify(filled, { aliasDuplicateObjects: false })
}
