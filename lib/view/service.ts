import { join, resolve } from 'node:path'
import { type Lab, projectDir } from '../lab.ts'
import type { ServiceSpec } from '../services.ts'

/** Where the lab's page is. */
export function pageUrl(lab: Lab): string {
  return `http://127.0.0.1:${lab.settings.grafanaPort}`
}

/** How the lab's page is started: the task itself, told to serve. */
export function pageService(lab: Lab): ServiceSpec {
  const { clusterName, grafanaPort, prometheusUrl, dashboardsDir } = lab.settings
  return {
    name: 'page',
    command: process.execPath,
    args: [
      ...['--import', import.meta.resolve('tsx'), join(projectDir, 'tasks', 'view.ts'), '--serve'],
      ...['--cluster-name', clusterName, '--grafana-port', String(grafanaPort), '--prometheus-url', prometheusUrl],
      ...['--dashboards-dir', dashboardsDir === 'none' ? 'none' : resolve(dashboardsDir)],
    ],
    ready: async () => {
      const signal = AbortSignal.timeout(2_000)
      const answer = await fetch(`${pageUrl(lab)}/healthz`, { signal }).catch(() => undefined)
      return answer?.ok === true
    },
  }
}
