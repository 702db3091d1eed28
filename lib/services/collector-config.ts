import { parse, stringify } from 'yaml'
import { goDuration } from '../cli/settings.ts'
import { fields } from '../kube/json.ts'

/** The values of a collector configuration, beside its base. */
export interface CollectorInput {
  clusterName: string
  /** The host name of this machine, for its own host metrics. */
  hostName: string
  intervalMs: number
  /** Names of the nodes to collect from, in any order. */
  nodes: readonly string[]
  /** Base URL of the stats proxy, where `/nodes/<node>` is a kubelet. */
  statsProxyUrl: string
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
  const config = parse(base) as Record<string, unknown>
  const receivers = fields(config['receivers'])
  const processors = fields(config['processors'])
  const exporters = fields(config['exporters'])
  const connectors = fields(config['connectors'])
  const service = fields(config['service'])
  const pipelines = fields(service['pipelines'])
  const kubernetes = fields(pipelines['metrics/kubernetes'])
  const interval = { collection_interval: goDuration(input.intervalMs) }
  const { kubelet_stats: kubeletStats, ...others } = receivers
  const { 'otlp_grpc/jaeger': tracesExporter, ...otherExporters } = exporters
  const tracesExporters = Object.entries(input.tracesEndpoints).map(([word, endpoint]) => [
    `otlp_grpc/${word}`,
    { ...fields(tracesExporter), endpoint },
  ])
  const kubelets = [...input.nodes].sort().map((node, index) => [
    `kubelet_stats/${node}`,
    {
      ...fields(kubeletStats),
      endpoint: `${input.statsProxyUrl}/nodes/${encodeURIComponent(node)}`,
      ...interval,
      initial_delay: goDuration(FIRST_DELAY_MS + Math.round(index * spacingMs(input))),
    },
  ])
  return stringify(
    {
      ...config,
      receivers: {
        ...others,
        k8s_cluster: { ...fields(receivers['k8s_cluster']), ...interval },
        host_metrics: { ...hostMetrics(fields(receivers['host_metrics']), input.host), ...interval },
        ...(input.eventsUrl === undefined ? {} : { k8s_events: { auth_type: 'kubeConfig' } }),
        otlp: { protocols: { grpc: { endpoint: input.otlpGrpcEndpoint }, http: { endpoint: input.otlpHttpEndpoint } } },
        ...Object.fromEntries(kubelets),
      },
      processors: {
        ...processors,
        'resource/cluster': upsert('k8s.cluster.name', input.clusterName),
        'resource/host': upsert('host.name', input.hostName),
      },
      exporters: {
        ...otherExporters,
        otlp_http: {
          ...fields(exporters['otlp_http']),
          metrics_endpoint: input.metricsUrl,
          ...(input.eventsUrl === undefined ? {} : { logs_endpoint: input.eventsUrl }),
        },
        ...Object.fromEntries(tracesExporters),
      },
      connectors: {
        ...connectors,
        span_metrics: { ...fields(connectors['span_metrics']), metrics_flush_interval: interval.collection_interval },
      },
      service: {
        ...service,
        pipelines: {
          ...pipelines,
          traces: { ...fields(pipelines['traces']), exporters: tracesExporters.map(([name]) => name) },
          ...(input.eventsUrl === undefined ? {} : { 'logs/events': eventsPipeline }),
          'metrics/kubernetes': { ...kubernetes, receivers: ['k8s_cluster', ...kubelets.map(([name]) => name)] },
        },
        telemetry: {
          ...fields(service['telemetry']),
          resource: { 'k8s.cluster.name': input.clusterName },
          metrics: {
            ...fields(fields(service['telemetry'])['metrics']),
            readers: [
              {
                periodic: {
                  interval: input.intervalMs,
                  exporter: { otlp: { protocol: 'http/protobuf', endpoint: input.metricsUrl } },
                },
              },
            ],
          },
        },
      },
    },
    // No YAML aliases: people read this file.
    { aliasDuplicateObjects: false },
  )
}

function hostMetrics(base: Record<string, unknown>, host: CollectorInput['host']): Record<string, unknown> {
  if (host === undefined) return base
  const scrapers = fields(base['scrapers'])
  const only = { include_mount_points: { match_type: 'strict', mount_points: [host.mountPoint] } }
  const filesystem = { ...fields(scrapers['filesystem']), ...only }
  return { ...base, root_path: host.rootPath, scrapers: { ...scrapers, filesystem } }
}

/** The initial delay of every receiver, as in the base: exporters and processors start first. */
const FIRST_DELAY_MS = 1_000

/**
 * The time between the scrapes of two receivers. Each scrapes at the same moment of every interval; a thousand at once delay each other,
 * and the timestamp of a sample is the time of the response, seconds after the measurement.
 */
function spacingMs({ nodes, intervalMs }: CollectorInput): number {
  return Math.min(MOST_SPACING_MS, (0.8 * intervalMs) / nodes.length)
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
