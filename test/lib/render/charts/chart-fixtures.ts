import type { Panel } from '../../../../lib/grafana/dashboard-model.ts'
import { readDashboard } from '../../../../lib/grafana/read-dashboard.ts'
import { fields } from '../../../../lib/kube/json.ts'
import type { Labels } from '../../../../lib/prometheus/prometheus-client.ts'
import type { Answer } from '../../../../lib/render/charts/data-frames.ts'

/** A time that all samples stand at. */
export const AT_MS = Date.UTC(2026, 0, 2, 3, 4, 5)

/** A panel as its JSON says, with a target for each query. */
export function panelOf(json: Record<string, unknown>, targets: Record<string, unknown>[] = [{}]): Panel {
  const given = targets.map((target, at) => ({ refId: 'ABCD'[at], expr: 'up', ...target }))
  const panels = [{ id: 7, title: 'A panel', type: 'stat', targets: given, ...json }]
  const [panel] = readDashboard({ title: 'T', uid: 't', panels }, 'test').panels
  if (panel === undefined) throw new Error('no panel')
  return panel
}

/** What Prometheus answered to each of a panel's targets: labels and a value each, or several values a minute apart. */
export function answersOf(panel: Panel, given: readonly (readonly [Labels, ...number[]])[][]): Answer[] {
  return panel.targets.map((target, at) => ({
    target,
    kind: target.instant ? 'instant' : 'range',
    expr: target.expr,
    legend: target.legendFormat,
    series: (given[at] ?? []).map(([labels, ...values]) => ({
      labels,
      points: values.map((value, index) => [AT_MS - (values.length - 1 - index) * 60_000, value] as const),
    })),
  }))
}

/** The JSON of a panel in table form as the lab's own are: merged, and organized. */
export function mergedTable(more: Record<string, unknown> = {}): Panel {
  const renameByName = { k8s_pod_name: 'Pod', 'Value #A': 'CPU', 'Value #B': 'Memory', ...fields(more['rename']) }
  return panelOf(
    {
      type: 'table',
      transformations: [
        { id: 'merge', options: {} },
        { id: 'organize', options: { excludeByName: { Time: true }, indexByName: { k8s_pod_name: 0 }, renameByName } },
      ],
      fieldConfig: {
        defaults: { unit: 'short' },
        overrides: [
          { matcher: { id: 'byName', options: 'Memory' }, properties: [{ id: 'unit', value: 'bytes' }] },
          {
            matcher: { id: 'byName', options: 'Pod' },
            properties: [
              {
                id: 'links',
                value: [
                  {
                    title: 'The pod',
                    url: '/d/pod?${datasource:queryparam}&var-pod=${__data.fields.Pod}&${__url_time_range}',
                  },
                ],
              },
            ],
          },
        ],
      },
    },
    [
      { format: 'table', instant: true },
      { format: 'table', instant: true },
    ],
  )
}
