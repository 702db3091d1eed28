import { join } from 'node:path'
import { type Lab, projectDir } from '../lab/lab.ts'
import { grafanaUrl } from './grafana.ts'
import type { ServiceSpec } from './process-services.ts'

/** How the lab's page is started: the task itself, told to serve. */
export function pageService(lab: Lab): ServiceSpec {
  const { clusterName, grafanaPort, prometheusUrl, dashboardsDir } = lab.settings
  return {
    name: 'page',
    command: process.execPath,
    args: [
      ...['--import', import.meta.resolve('tsx'), join(projectDir, 'tasks', 'view.ts'), '--serve'],
      ...['--cluster-name', clusterName, '--grafana-port', String(grafanaPort), '--prometheus-url', prometheusUrl],
      // Whatever the environment says: it is this lab's.
      ...['--kube-context', 'auto', '--dashboards-dir', dashboardsDir],
    ],
    runsTools: true,
    ready: async () => {
      const signal = AbortSignal.timeout(2_000)
      const answer = await fetch(`${grafanaUrl(lab)}/healthz`, { signal }).catch(() => undefined)
      return answer?.ok === true
    },
  }
}
