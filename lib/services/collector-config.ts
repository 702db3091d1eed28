import { parse, stringify } from 'yaml'
import { goDuration } from '../cli/settings.ts'
import { fields, merged } from '../kube/json.ts'
import { KUBELET_PORT } from '../kube/node-address.ts'

/** The values of a collector configuration, beside its base. */
export interface CollectorInput {
  clusterName: string
  /** The host name of this machine, for its own host metrics. */
  hostName: string
  intervalMs: number
  /** Whether it measures the cluster; it always receives OTLP and measures this machine. */
  measuresCluster: boolean
  /** The InternalIP of each node to collect from, by the node's name, in any order. */
  nodes: ReadonlyMap<string, string>
  /** The files by which the collector and the kubelets authenticate each other, as the collector sees them. */
  kubeletTls: { ca_file: string; cert_file: string; key_file: string }
  otlpGrpcEndpoint: string
  otlpHttpEndpoint: string
  /** The URL of the OTLP/HTTP metrics endpoint to send to. */
  metricsUrl: string
  /** The OTLP/gRPC receivers of traces, `host:port`, by the name of their exporter. */
  tracesEndpoints: Readonly<Record<string, string>>
  /** In a container: the path of the machine's files, and the mount point of the one measured file system. */
  host?: { rootPath: string; mountPoint: string }
  /** The URL of the OTLP/HTTP logs endpoint for the cluster's events; without it they are not sent. */
  eventsUrl?: string
}

/**
 * A collector configuration: the base with one `kubelet_stats/<node>` receiver for each node, sorted by name, so that the same nodes give
 * the same text.
 */
export function collectorConfig(base: string, input: CollectorInput): string {
  const config = fields(parse(base))
  const { kubelet_stats: kubeletStats } = fields(config['receivers'])
  const { 'otlp_grpc/jaeger': tracesExporter } = fields(config['exporters'])
  const interval = { collection_interval: goDuration(input.intervalMs) }
  const tracesExporters = Object.entries(input.tracesEndpoints).map(([word, endpoint]) => [
    `otlp_grpc/${word}`,
    merged(tracesExporter, { endpoint }),
  ])
  const names = input.measuresCluster ? [...input.nodes.keys()].sort() : []
  const kubelets = names.map((node, index) => [
    `kubelet_stats/${node}`,
    merged(kubeletStats, {
      endpoint: `https://${input.nodes.get(node)}:${KUBELET_PORT}`,
      ...input.kubeletTls,
      ...interval,
      initial_delay: goDuration(FIRST_DELAY_MS + Math.round(index * spacingMs(input))),
    }),
  ])
  const hasEvents = input.eventsUrl !== undefined
  const ownMetrics = { otlp: { protocol: 'http/protobuf', endpoint: input.metricsUrl } }
  const filled = merged(config, {
    receivers: {
      kubelet_stats: undefined,
      k8s_cluster: input.measuresCluster ? interval : undefined,
      host_metrics: { ...interval, ...(input.host && hostOptions(input.host)) },
      k8s_events: hasEvents ? { auth_type: 'kubeConfig' } : undefined,
      otlp: { protocols: { grpc: { endpoint: input.otlpGrpcEndpoint }, http: { endpoint: input.otlpHttpEndpoint } } },
      ...Object.fromEntries(kubelets),
    },
    processors: {
      'resource/cluster': upsert('k8s.cluster.name', input.clusterName),
      'resource/host': upsert('host.name', input.hostName),
    },
    exporters: {
      'otlp_grpc/jaeger': undefined,
      otlp_http: { metrics_endpoint: input.metricsUrl, logs_endpoint: input.eventsUrl },
      ...Object.fromEntries(tracesExporters),
    },
    connectors: { span_metrics: { metrics_flush_interval: interval.collection_interval } },
    service: {
      pipelines: {
        traces: { exporters: tracesExporters.map(([name]) => name) },
        'logs/events': hasEvents ? eventsPipeline : undefined,
        'metrics/kubernetes': input.measuresCluster
          ? { receivers: ['k8s_cluster', ...kubelets.map(([name]) => name)] }
          : undefined,
      },
      telemetry: {
        resource: { 'k8s.cluster.name': input.clusterName },
        metrics: { readers: [{ periodic: { interval: input.intervalMs, exporter: ownMetrics } }] },
      },
    },
  })
  // No YAML aliases: people read this file.
  return stringify(filled, { aliasDuplicateObjects: false })
}

function hostOptions({ rootPath, mountPoint }: NonNullable<CollectorInput['host']>) {
  const onlyOwn = { include_mount_points: { match_type: 'strict', mount_points: [mountPoint] } }
  return { root_path: rootPath, scrapers: { filesystem: onlyOwn } }
}

/** The initial delay of every receiver, as in the base: exporters and processors start first. */
const FIRST_DELAY_MS = 1_000

/**
 * The time between the scrapes of two receivers. Each scrapes at the same moment of every interval; a thousand at once delay each other,
 * and the timestamp of a sample is the time of the response, seconds after the measurement.
 */
function spacingMs({ nodes, intervalMs }: CollectorInput): number {
  return Math.min(MOST_SPACING_MS, (0.8 * intervalMs) / nodes.size)
}

/** A small lab gets its first samples early. */
const MOST_SPACING_MS = 20

const eventsPipeline = {
  receivers: ['k8s_events'],
  processors: ['memory_limiter', 'resource/cluster', 'batch'],
  exporters: ['otlp_http'],
}

function upsert(key: string, value: string): unknown {
  return { attributes: [{ key, action: 'upsert', value }] }
}
