import { join } from 'node:path'
import { flagArgs } from '../cli/daemon.ts'
import { addressesOf, insidePorts } from '../lab/addresses.ts'
import { containerName } from '../lab/container-names.ts'
import { caPath } from '../lab/kubeconfig.ts'
import { ensureKubeletCa } from '../lab/kubelet-ca.ts'
import type { Lab } from '../lab/lab.ts'
import { hasOtelMetrics } from '../lab/metrics-dialects.ts'
import { answersAt, defineService } from './define-service.ts'

const IS_HEALTHY = `fetch("http://127.0.0.1:${insidePorts.statsProxyPort}/healthz").then(a => process.exit(a.ok ? 0 : 1), () => process.exit(1))`

/** The stats proxy: a kubelet's API for each simulated node. It answers once it has listed all nodes and pods. */
export const statsProxy = defineService({
  name: 'stats-proxy',
  main: join('lib', 'kubelet', 'stats-proxy-process.ts'),
  // Most objects of a watch are short-lived: a larger young generation takes a third off the garbage collection.
  nodeFlags: ['--max-semi-space-size=16'],
  ports: ['statsProxyPort'],
  ...answersAt(lab => `${statsProxyUrl(lab)}/readyz`),
  async run(lab, place) {
    const { nodeIpRange, usagePreset, collectionInterval, clusterName } = lab.settings
    return {
      args: flagArgs({
        address: place.host,
        port: place.port('statsProxyPort'),
        'host-name': place.kind === 'container' ? containerName(clusterName, 'stats-proxy') : undefined,
        kubeconfig: place.kubeconfig('stats-proxy'),
        'usage-preset': usagePreset,
        'state-file': `${place.data('/data')}/counters.jsonl`,
        'kubelets-socket': place.sockets().kubelets,
        'node-range': nodeIpRange,
        'kubelet-ca': place.file((await ensureKubeletCa(lab, nodeIpRange)).file),
        'client-ca': place.file(caPath(lab)),
        'otlp-url': hasOtelMetrics(lab) ? `http://${addressesOf(lab).collectorHttp}` : undefined,
        'interval-ms': collectionInterval,
      }),
      // Listing 50,000 pods takes minutes on a busy machine.
      readyTimeoutMs: 180_000,
      health: `node -e '${IS_HEALTHY}'`,
    }
  },
})

export function statsProxyUrl(lab: Lab): string {
  return `http://127.0.0.1:${lab.settings.statsProxyPort}`
}
