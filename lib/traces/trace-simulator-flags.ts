import { strictFlags } from '../cli/daemon.ts'
import { UsageError } from '../cli/errors.ts'
import { CLUSTER_USAGE, clusterFlags, clusterOptions } from '../kubelet/cluster-flags.ts'

/** The command line of the trace simulator, as `USAGE` describes it. */
export type TraceSimulatorFlags = NonNullable<ReturnType<typeof parseFlags>>

/** The text of `--help`. */
export const USAGE = `The trace simulator: sends the spans of workloads that call each other by *_ADDR variables.

  node --import tsx lib/traces/trace-simulator-process.ts --otlp-url URL [flags]

${CLUSTER_USAGE}  --otlp-url URL      where spans are sent, as OTLP/HTTP
  --rate N            requests per second of all load generators together (default 5)
  --interval-ms N     the interval at which its own metrics are sent (default 10000)
  --ready-file FILE   gets the pid when everything is listed
`

/** Reads the command line; undefined for `--help`. Throws a UsageError that names the invalid flag. */
export function parseFlags(args: string[]) {
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
