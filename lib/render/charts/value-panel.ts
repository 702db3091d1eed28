import type { DataFrame } from '@grafana/data'
import type { Panel } from '../../grafana/dashboard-model.ts'
import { fieldConfigSource, grafanaData, grafanaTheme } from '../../grafana/grafana-data.ts'
import { fields, items, text } from '../../kube/json.ts'

/** One number of a stat, gauge or bar gauge, as it is written. */
export interface DrawnValue {
  /** Which one it is; empty where the panel has just one. */
  name: string
  text: string
  /** Of its threshold, where the panel colours by it. */
  color: string | undefined
  /** Between the least and the most, 0 to 1. */
  share: number
}

/** The numbers that a panel reduces its frames to, by its `reduceOptions`. */
export function valuesOf(panel: Panel, frames: DataFrame[]): DrawnValue[] {
  const { getFieldDisplayValues, formattedValueToString } = grafanaData()
  const reduce = fields(panel.options['reduceOptions'])
  const calcs = items(reduce['calcs']).filter(each => typeof each === 'string')
  const displayed = getFieldDisplayValues({
    data: frames,
    reduceOptions: {
      values: reduce['values'] === true,
      calcs: calcs.length > 0 ? calcs : ['lastNotNull'],
      fields: text(reduce['fields']) ?? '',
    },
    fieldConfig: fieldConfigSource(panel.type, panel.fieldConfig),
    replaceVariables: whole => whole,
    theme: grafanaTheme(),
    timeZone: 'utc',
  })
  const isPlain = panel.type === 'stat' && panel.options['colorMode'] === 'none'
  return displayed.map(({ display }) => ({
    name: displayed.length > 1 ? (display.title ?? '') : '',
    text: formattedValueToString(display),
    color: isPlain ? undefined : display.color,
    share: Math.min(1, Math.max(0, display.percent ?? 0)),
  }))
}
