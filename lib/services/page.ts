import { join } from 'node:path'
import { flagArgs } from '../cli/daemon.ts'
import { projectDir } from '../lab/lab.ts'
import { isOk, probe } from '../system/probe.ts'
import { grafanaUrl } from './grafana.ts'
import type { Service } from './service.ts'

/** The lab's page: `tasks/view.ts --serve` in the background. */
export const page = {
  name: 'page',
  isOptional: true,
  process: {
    isWanted: lab => lab.settings.grafana !== 'none',
    ports: ['grafanaPort'],
    probe: async lab => await probe({ url: `${grafanaUrl(lab)}/healthz` }),
    spec: lab => {
      const { clusterName, grafanaPort, prometheusUrl, dashboardsDir } = lab.settings
      return {
        name: 'page',
        command: process.execPath,
        args: [
          // Without a limit the heap grows to twice the size before it is collected.
          '--max-old-space-size=1024',
          '--max-semi-space-size=8',
          join(projectDir, 'lib', 'cli', 'bundled.js'),
          join(projectDir, 'tasks', 'view.ts'),
          '--serve',
          ...flagArgs({
            'cluster-name': clusterName,
            'grafana-port': grafanaPort,
            'prometheus-url': prometheusUrl,
            // The page is this lab's, whatever the environment says.
            'kube-context': 'auto',
            'dashboards-dir': dashboardsDir,
          }),
        ],
        runsTools: true,
        ready: () => isOk(`${grafanaUrl(lab)}/healthz`),
      }
    },
  },
} as const satisfies Service
