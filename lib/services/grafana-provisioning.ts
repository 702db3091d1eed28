import { join } from 'node:path'
import { stringify } from 'yaml'
import { goDuration } from '../cli/settings.ts'
import { provisionedDashboards } from '../grafana/dashboard-files.ts'
import { TAG } from '../grafana/generated-files.ts'
import { requireSources } from '../kube/source-files.ts'
import type { Lab } from '../lab/lab.ts'
import { writeGenerated } from '../lab/write-generated.ts'

/** The targets of Grafana's provisioning. */
export interface ProvisioningTargets {
  prometheusUrl: string
  /** Undefined without Jaeger. */
  jaegerUrl: string | undefined
  /** The collection interval, the base of `$__rate_interval`. */
  intervalMs: number
  /** The folder of the lab's dashboards. */
  jsonDir: string
  /** DASHBOARDS_DIR, if set. */
  ownDir: string | undefined
}

/** The addresses of the other stores, the defaults of the LGTM image. */
const TEMPO_URL = 'http://127.0.0.1:3200'
const LOKI_URL = 'http://127.0.0.1:3100'

/**
 * The folder from which a Grafana on this machine loads the dashboards of DASHBOARDS_DIR: if that is one folder of classic dashboards, the
 * folder itself, so that Grafana sees each change; else a copy with converted dashboards. Notes which files were
 * converted or omitted. Undefined without DASHBOARDS_DIR.
 *
 * Throws a UsageError when a path does not exist.
 */
export async function provisionedOwnDir(lab: Lab, onNote: (note: string) => void): Promise<string | undefined> {
  const paths = requireSources(lab.settings, 'dashboardsDir')
  if (paths.length === 0) return undefined
  const { texts, folder, notes } = provisionedDashboards(paths)
  for (const note of notes) onNote(note)
  if (folder !== undefined) return folder
  const copy = join(lab.configDir, 'dashboards')
  writeGenerated(copy, texts, { removeOthers: true })
  onNote(`Grafana reads ${copy}, a copy: after a change in ${paths.join(', ')}, run this again`)
  return copy
}

/** `datasources/*.yaml`: https://grafana.com/docs/grafana/latest/administration/provisioning/#data-sources */
export function datasourcesYaml({ prometheusUrl, jaegerUrl, intervalMs }: ProvisioningTargets): string {
  const common = { access: 'proxy', editable: false }
  return stringify({
    apiVersion: 1,
    datasources: [
      {
        name: 'Prometheus',
        uid: 'prometheus',
        type: 'prometheus',
        url: prometheusUrl,
        ...common,
        isDefault: true,
        jsonData: { httpMethod: 'POST', timeInterval: goDuration(intervalMs), prometheusType: 'Prometheus' },
      },
      { name: 'Tempo', uid: 'tempo', type: 'tempo', url: TEMPO_URL, ...common },
      { name: 'Loki', uid: 'loki', type: 'loki', url: LOKI_URL, ...common },
      ...(jaegerUrl === undefined
        ? []
        : [{ name: 'Jaeger', uid: 'jaeger', type: 'jaeger', url: jaegerUrl, ...common }]),
    ],
  })
}

/** `dashboards/*.yaml`: https://grafana.com/docs/grafana/latest/administration/provisioning/#dashboards */
export function providersYaml({ jsonDir, ownDir }: ProvisioningTargets): string {
  return stringify({
    apiVersion: 1,
    providers: [provider(TAG, 'Lab', jsonDir), ...(ownDir === undefined ? [] : [provider('own', 'Own', ownDir)])],
  })
}

function provider(name: string, folder: string, path: string): unknown {
  return {
    name,
    orgId: 1,
    folder,
    type: 'file',
    disableDeletion: true,
    allowUiUpdates: false,
    updateIntervalSeconds: 10,
    options: { path },
  }
}
