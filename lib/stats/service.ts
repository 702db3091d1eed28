import { join } from 'node:path'
import { kubeconfigPath } from '../kubeconfig.ts'
import { type Lab, projectDir } from '../lab.ts'
import type { ServiceSpec } from '../services.ts'

/** How the lab's stats proxy is started; it answers once it has listed all nodes and pods. */
export function statsProxyService(lab: Lab): ServiceSpec {
  const port = String(lab.settings.statsProxyPort)
  return {
    name: 'stats-proxy',
    command: process.execPath,
    args: [
      // Objects of a watch die young: with room for them, a third less time goes into collecting garbage.
      '--max-semi-space-size=16',
      '--import',
      import.meta.resolve('tsx'),
      join(projectDir, 'lib', 'stats', 'main.ts'),
      '--kubeconfig',
      kubeconfigPath(lab, 'stats-proxy'),
      '--port',
      port,
      '--usage-preset',
      lab.settings.usagePreset,
      '--state-file',
      join(lab.dataDir, 'stats-proxy', 'counters.jsonl'),
      '--otlp-url',
      `http://127.0.0.1:${lab.settings.otlpHttpPort}`,
      '--interval-ms',
      String(lab.settings.collectionInterval),
    ],
    ready: async () => {
      const answer = await fetch(`${statsProxyUrl(lab)}/readyz`, { signal: AbortSignal.timeout(2_000) }).catch(
        () => undefined,
      )
      return answer?.ok === true
    },
    // Of 50,000 pods the first list takes its time on a busy machine.
    readyTimeoutMs: 180_000,
  }
}

export function statsProxyUrl(lab: Lab): string {
  return `http://127.0.0.1:${lab.settings.statsProxyPort}`
}

/** A node's summary as the running proxy serves it; undefined when it doesn't run, or isn't ready, or has no such node. */
export async function servedSummary(lab: Lab, node: string): Promise<unknown> {
  const url = `${statsProxyUrl(lab)}/nodes/${encodeURIComponent(node)}/stats/summary`
  const answer = await fetch(url, { signal: AbortSignal.timeout(5_000) }).catch(() => undefined)
  return answer?.ok === true ? await answer.json() : undefined
}
