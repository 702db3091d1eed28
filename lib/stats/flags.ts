import { parseArgs } from 'node:util'
import { UsageError } from '../errors.ts'
import { isPresetName, type PresetName, presetNames } from './presets.ts'

/** How the stats proxy was started. */
export interface Flags {
  kubeconfig: string | undefined
  context: string | undefined
  address: string
  port: number
  preset: PresetName
  /** Without it, counters begin anew with each start. */
  stateFile: string | undefined
  /** Without it, no host metrics are pushed. */
  otlpUrl: string | undefined
  intervalMs: number
}

/** The text of `--help`. */
export const USAGE = `The stats proxy: a kubelet's API for each simulated node.

  node --import tsx lib/stats/main.ts --port N [flags]

  --kubeconfig FILE   the cluster (default: the pod's own, else KUBECONFIG, else ~/.kube/config)
  --context NAME      a context in it (default: its current one)
  --port N            where it listens; 0 takes a free port and says which
  --address HOST      default 127.0.0.1
  --usage-preset NAME how pods use what nothing else is said about: ${presetNames.join(', ')} (default steady)
  --state-file FILE   where counters are kept over restarts (default: nowhere)
  --otlp-url URL      where the nodes' host metrics are pushed, as OTLP/HTTP (default: nowhere)
  --interval-ms N     how often (default 10000)
`

/** Node.js takes a timer of more than 24 days for one of 1 ms. */
const DAY_MS = 86_400_000

/** Reads the command line; undefined when it asks for help. Throws a UsageError that names what is wrong. */
export function parseFlags(args: string[]): Flags | undefined {
  const { values } = parseStrict(args)
  if (values.help === true) return undefined
  const port = Number(values.port)
  if (!/^\d+$/.test(values.port ?? '') || port > 65_535) {
    throw new UsageError(`Cannot use --port ${values.port ?? ''}`, { next: 'give a number from 0 to 65535' })
  }
  const preset = values['usage-preset']
  if (!isPresetName(preset)) {
    throw new UsageError(`Cannot use --usage-preset ${preset}`, { next: `name one of ${presetNames.join(', ')}` })
  }
  const intervalMs = Number(values['interval-ms'])
  if (!(intervalMs >= 100 && intervalMs <= DAY_MS)) {
    throw new UsageError(`Cannot use --interval-ms ${values['interval-ms']}`, {
      next: `give a number from 100 to ${DAY_MS}`,
    })
  }
  const { kubeconfig, context, address } = values
  return {
    kubeconfig,
    context,
    address,
    port,
    preset,
    stateFile: values['state-file'],
    otlpUrl: values['otlp-url'],
    intervalMs,
  }
}

function parseStrict(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        kubeconfig: { type: 'string' },
        context: { type: 'string' },
        port: { type: 'string' },
        address: { type: 'string', default: '127.0.0.1' },
        'usage-preset': { type: 'string', default: 'steady' },
        'state-file': { type: 'string' },
        'otlp-url': { type: 'string' },
        'interval-ms': { type: 'string', default: '10000' },
        help: { type: 'boolean' },
      },
    })
  } catch (error) {
    throw new UsageError('Cannot start the stats proxy', {
      why: error instanceof Error ? error.message : String(error),
    })
  }
}
