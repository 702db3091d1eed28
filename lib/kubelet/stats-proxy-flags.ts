import { strictFlags } from '../cli/daemon.ts'
import { UsageError } from '../cli/errors.ts'
import { CLUSTER_USAGE, type ClusterFlags, clusterFlags, clusterOptions } from './cluster-flags.ts'

/** The command line of the stats proxy. */
export interface StatsProxyFlags extends ClusterFlags {
  address: string
  port: number
  /** A host name it answers to, besides those of loopback. */
  hostName: string | undefined
  /** Without it, counters start at zero with each start. */
  stateFile: string | undefined
  /** Without it, no host metrics are pushed. */
  otlpUrl: string | undefined
}

/** The text of `--help`. */
export const USAGE = `The stats proxy: a kubelet's API for each simulated node.

  node --import tsx lib/kubelet/stats-proxy-process.ts --port N [flags]

${CLUSTER_USAGE}  --port N            where it listens; 0 takes a free port and logs it
  --address HOST      default 127.0.0.1
  --host-name NAME    answers to this name too, besides localhost and the address
  --state-file FILE   keeps counters over restarts (default: they are not kept)
  --otlp-url URL      pushes the nodes' host metrics to it, as OTLP/HTTP (default: they are not pushed)
  --interval-ms N     the interval of these pushes (default 10000)
`

/** Reads the command line; undefined for `--help`. Throws a UsageError that names the invalid flag. */
export function parseFlags(args: string[]): StatsProxyFlags | undefined {
  const values = strictFlags(args, {
    what: 'the stats proxy',
    options: {
      ...clusterOptions,
      port: { type: 'string' },
      address: { type: 'string', default: '127.0.0.1' },
      'host-name': { type: 'string' },
      'state-file': { type: 'string' },
      'otlp-url': { type: 'string' },
    },
  })
  if (values.help === true) return undefined
  const port = Number(values.port)
  if (!/^\d+$/.test(values.port ?? '') || port > 65_535) {
    throw new UsageError(`Cannot use --port ${values.port ?? ''}`, { next: 'give a number from 0 to 65535' })
  }
  const { address, 'host-name': hostName, 'state-file': stateFile, 'otlp-url': otlpUrl } = values
  return { ...clusterFlags(values), address, port, hostName, stateFile, otlpUrl }
}
