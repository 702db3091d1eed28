import { parseArgs } from 'node:util'
import { UsageError } from '../errors.ts'
import { isPresetName, type PresetName, presetNames } from '../stats/presets.ts'

/** How the trace simulator was started. */
export interface Flags {
  kubeconfig: string | undefined
  context: string | undefined
  otlpUrl: string
  rate: number
  preset: PresetName
  intervalMs: number
  /** Gets the process's pid once everything has been listed. */
  readyFile: string | undefined
}

/** The text of `--help`. */
export const USAGE = `The trace simulator: the spans that workloads would send that name each other in *_ADDR variables.

  node --import tsx lib/traces/main.ts --otlp-url URL [flags]

  --kubeconfig FILE   the cluster (default: the pod's own, else KUBECONFIG, else ~/.kube/config)
  --context NAME      a context in it (default: its current one)
  --otlp-url URL      where the spans go, as OTLP/HTTP
  --rate N            requests a second, all load generators together (default 5)
  --usage-preset NAME how pods use what nothing else is said about: ${presetNames.join(', ')} (default steady)
  --interval-ms N     how often its own figures are sent (default 10000)
  --ready-file FILE   is written, with the pid, when all has been listed
`

/** Reads the command line; undefined when it asks for help. Throws a UsageError that names what is wrong. */
export function parseFlags(args: string[]): Flags | undefined {
  const { values } = parseStrict(args)
  if (values.help === true) return undefined
  const { kubeconfig, context } = values
  const otlpUrl = values['otlp-url'] ?? ''
  if (!/^https?:\/\/./.test(otlpUrl)) {
    throw new UsageError(`Cannot use --otlp-url ${otlpUrl}`, { next: 'give a URL such as http://127.0.0.1:4318' })
  }
  const rate = Number(values.rate)
  if (!(rate >= 0 && rate <= 10_000) || values.rate === '') {
    throw new UsageError(`Cannot use --rate ${values.rate}`, { next: 'give a number from 0 to 10000' })
  }
  const preset = values['usage-preset']
  if (!isPresetName(preset)) {
    throw new UsageError(`Cannot use --usage-preset ${preset}`, { next: `name one of ${presetNames.join(', ')}` })
  }
  const intervalMs = Number(values['interval-ms'])
  if (!(intervalMs >= 100)) {
    throw new UsageError(`Cannot use --interval-ms ${values['interval-ms']}`, { next: 'give a number from 100' })
  }
  return {
    kubeconfig,
    context,
    otlpUrl: otlpUrl.replace(/\/$/, ''),
    rate,
    preset,
    intervalMs,
    readyFile: values['ready-file'],
  }
}

function parseStrict(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        kubeconfig: { type: 'string' },
        context: { type: 'string' },
        'otlp-url': { type: 'string' },
        rate: { type: 'string', default: '5' },
        'usage-preset': { type: 'string', default: 'steady' },
        'interval-ms': { type: 'string', default: '10000' },
        'ready-file': { type: 'string' },
        help: { type: 'boolean' },
      },
    })
  } catch (error) {
    throw new UsageError('Cannot start the trace simulator', {
      why: error instanceof Error ? error.message : String(error),
    })
  }
}
