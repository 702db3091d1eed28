import { strictFlags } from '../cli/daemon.ts'
import { UsageError } from '../cli/errors.ts'
import { CLUSTER_USAGE, type ClusterFlags, clusterFlags, clusterOptions } from '../kubelet/cluster-flags.ts'

/** How the trace simulator was started. */
export interface Flags extends ClusterFlags {
  otlpUrl: string
  rate: number
  /** Gets the process's pid once everything has been listed. */
  readyFile: string | undefined
}

/** The text of `--help`. */
export const USAGE = `The trace simulator: the spans that workloads would send that name each other in *_ADDR variables.

  node --import tsx lib/traces/trace-simulator-process.ts --otlp-url URL [flags]

${CLUSTER_USAGE}  --otlp-url URL      where the spans go, as OTLP/HTTP
  --rate N            requests a second, all load generators together (default 5)
  --interval-ms N     how often its own figures are sent (default 10000)
  --ready-file FILE   is written, with the pid, when all has been listed
`

/** Reads the command line; undefined when it asks for help. Throws a UsageError that names what is wrong. */
export function parseFlags(args: string[]): Flags | undefined {
  const values = strictFlags(args, {
    what: 'the trace simulator',
    options: {
      ...clusterOptions,
      'otlp-url': { type: 'string' },
      rate: { type: 'string', default: '5' },
      'ready-file': { type: 'string' },
    },
  })
  if (values.help === true) return undefined
  const otlpUrl = values['otlp-url'] ?? ''
  if (!/^https?:\/\/./.test(otlpUrl)) {
    throw new UsageError(`Cannot use --otlp-url ${otlpUrl}`, { next: 'give a URL such as http://127.0.0.1:4318' })
  }
  const rate = Number(values.rate)
  if (!(rate >= 0 && rate <= 10_000) || values.rate === '') {
    throw new UsageError(`Cannot use --rate ${values.rate}`, { next: 'give a number from 0 to 10000' })
  }
  return { ...clusterFlags(values), otlpUrl: otlpUrl.replace(/\/$/, ''), rate, readyFile: values['ready-file'] }
}
