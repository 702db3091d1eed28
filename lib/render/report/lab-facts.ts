import { settingNames, settingText, variableOf } from '../../cli/settings.ts'
import { countAll } from '../../kwok/lab-status.ts'
import type { Lab } from '../../lab/lab.ts'
import { versions } from '../../programs/versions.ts'
import { type PrometheusApi, QueryError } from '../../prometheus/prometheus-client.ts'
import { runningScenarios } from '../../scenarios/scenario-journal.ts'

/** Facts of a lab: names and values in their order. */
export type Facts = readonly (readonly [name: string, value: string])[]

/** The facts of a lab: its cluster, counts of its objects, and the versions of its programs. */
export async function labFacts(lab: Lab): Promise<Facts> {
  const { nodes, podPhases, labPods, series } = await countAll(lab)
  const phases = [...(podPhases ?? [])].map(([phase, count]) => `${count} ${phase}`)
  const known = (value: number | undefined) => (value === undefined ? 'unknown' : String(value))
  return [
    ['Cluster', lab.settings.clusterName],
    [
      'Scenarios',
      runningScenarios(lab)
        .map(({ text }) => text)
        .join(', ') || 'none',
    ],
    ['Nodes', known(nodes)],
    ['Pods', podPhases === undefined ? 'unknown' : `${phases.join(', ') || 'none'}; ${known(labPods)} by kwok-pods`],
    ['Series in Prometheus', known(series)],
    ['Versions', [...Object.entries(versions), ['node', process.versions.node]].map(each => each.join(' ')).join(', ')],
    ['Settings', settingNames.map(name => `${variableOf(name)}=${settingText(name, lab.settings)}`).join(' ')],
  ]
}

/** The facts of a Prometheus that is not a lab's. */
export async function prometheusFacts(api: Pick<PrometheusApi, 'version'>): Promise<Facts> {
  return [['Prometheus', (await api.version().catch(() => undefined)) ?? 'of an unknown version']]
}

/** The firing alerts at a time: names and counts. */
export async function firingAlerts(api: PrometheusApi, timeMs: number): Promise<Facts> {
  const query = 'count by (alertname, severity) (ALERTS{alertstate="firing"})'
  const samples = await api.instant(query, timeMs).catch((error: unknown) => {
    if (error instanceof QueryError) return error
    throw error
  })
  if (samples instanceof QueryError) return [['unknown', samples.message]]
  return samples.map(({ labels, value }) => [
    `${labels['alertname'] ?? ''}${labels['severity'] === undefined ? '' : ` (${labels['severity']})`}`,
    String(value),
  ])
}
