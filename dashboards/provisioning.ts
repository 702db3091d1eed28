import { join } from 'node:path'
import { stringify } from 'yaml'
import { goDuration } from '../lib/cli/settings.ts'
import { provisionedFolder, requireDashboardsDir } from '../lib/grafana/dashboard-files.ts'
import type { Lab } from '../lib/lab/lab.ts'
import { TAG } from './uids.ts'
import { writeGenerated } from './write-generated.ts'

/** What Grafana is told of the lab. */
export interface ProvisioningTargets {
  prometheusUrl: string
  /** Undefined where there is none. */
  jaegerUrl: string | undefined
  /** How often there is a new value: the least that `$__rate_interval` is made from. */
  intervalMs: number
  /** The folder of the lab's dashboards. */
  jsonDir: string
  /** The user's own, when there is one. */
  ownDir: string | undefined
}

/** Where the other stores listen, as the LGTM image does by default. */
const TEMPO_URL = 'http://127.0.0.1:3200'
const LOKI_URL = 'http://127.0.0.1:3100'

/**
 * A folder from which a Grafana on this machine can load all of the user's own dashboards: `DASHBOARDS_DIR` itself, so that Grafana sees each change, or, where
 * that has dashboards of other forms than the classic one, a copy with those converted. Says which files were converted or left out. Undefined where there is none.
 *
 * Throws a UsageError when there is no such folder.
 */
export async function provisionedOwnDir(lab: Lab, onNote: (note: string) => void): Promise<string | undefined> {
  const ownDir = requireDashboardsDir(lab.settings)
  if (ownDir === undefined) return undefined
  const { texts, isConverted, notes } = provisionedFolder(ownDir)
  for (const note of notes) onNote(note)
  if (!isConverted) return ownDir
  const copy = join(lab.configDir, 'dashboards')
  writeGenerated(copy, texts, { removeOthers: true })
  onNote(`Grafana reads ${copy}, a copy: after a change in ${ownDir}, run this again`)
  return copy
}

/** `datasources/*.yaml`: https://grafana.com/docs/grafana/latest/administration/provisioning/#data-sources */
export function datasourcesYaml({ prometheusUrl, jaegerUrl, intervalMs }: ProvisioningTargets): string {
  const common = { access: 'proxy', editable: false }
  return stringify({
    apiVersion: 1,
    datasources: [
      {
        ...{
          name: 'Prometheus',
          uid: 'prometheus',
          type: 'prometheus',
          url: prometheusUrl,
          ...common,
          isDefault: true,
        },
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
    ...{ name, orgId: 1, folder, type: 'file', disableDeletion: true, allowUiUpdates: false },
    updateIntervalSeconds: 10,
    options: { path },
  }
}
