import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { kubeconfigPath } from '../kubeconfig.ts'
import { type Lab, projectDir } from '../lab.ts'
import type { ServiceSpec, Services } from '../services.ts'

/** How the lab's trace simulator is started; it is ready once it has listed workloads, Services and pods. */
export function tracesService(lab: Lab, services: Services): ServiceSpec {
  const { otlpHttpPort, traceRate, usagePreset, collectionInterval } = lab.settings
  const readyFile = join(lab.configDir, 'traces.ready')
  return {
    name: 'traces',
    command: process.execPath,
    args: [
      '--max-semi-space-size=16',
      '--import',
      import.meta.resolve('tsx'),
      join(projectDir, 'lib', 'traces', 'main.ts'),
      '--kubeconfig',
      kubeconfigPath(lab, 'traces'),
      '--otlp-url',
      `http://127.0.0.1:${otlpHttpPort}`,
      '--rate',
      String(traceRate),
      '--usage-preset',
      usagePreset,
      '--interval-ms',
      String(collectionInterval),
      '--ready-file',
      readyFile,
    ],
    ready: async () => {
      const pid = (await services.state('traces')).process?.pid
      return pid !== undefined && existsSync(readyFile) && readFileSync(readyFile, 'utf8') === String(pid)
    },
    readyTimeoutMs: 60_000,
  }
}
