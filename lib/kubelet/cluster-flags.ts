import type { strictFlags } from '../cli/daemon.ts'
import { UsageError } from '../cli/errors.ts'
import { isPresetName, presetNames } from './objects/facts.ts'

/** The flags of every process that watches a cluster and its pods' usage, for parseArgs. */
export const clusterOptions = {
  kubeconfig: { type: 'string' },
  context: { type: 'string' },
  'usage-preset': { type: 'string', default: 'steady' },
  'interval-ms': { type: 'string', default: '10000' },
  help: { type: 'boolean' },
} as const

/** Their part of `--help`. */
export const CLUSTER_USAGE = `  --kubeconfig FILE   the cluster (default: the pod's own, else KUBECONFIG, else ~/.kube/config)
  --context NAME      a context in it (default: its current one)
  --usage-preset NAME the usage of pods without any other source of usage: ${presetNames.join(', ')} (default steady)
`

/** Node.js runs a timer of more than 24 days after 1 ms. */
const DAY_MS = 86_400_000

/** Validates these flags. Throws a UsageError that names the invalid one. */
export function clusterFlags(values: ReturnType<typeof strictFlags<typeof clusterOptions>>) {
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
  return { kubeconfig: values.kubeconfig, context: values.context, preset, intervalMs }
}
