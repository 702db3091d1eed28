import type { DataFrame } from '@grafana/data'
import type { Panel } from '../../grafana/dashboard-model.ts'
import { fieldConfigSource, grafanaData, grafanaTheme } from '../../grafana/grafana-data.ts'
import { fields, items, text } from '../../kube/json.ts'

/** One drawn value of a stat, gauge or bar gauge. */
export interface DrawnValue {
  /** Its name; empty where the panel has only one value. */
  name: string
  text: string
  /** Undefined for what is no number. */
  value: number | undefined
  /** The color of its threshold, if the panel is colored by it. */
  color: string | undefined
  /** Its share between minimum and maximum, 0 to 1. */
  share: number
}

/** The values of a panel by its `reduceOptions`. */
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
    value: Number.isFinite(display.numeric) ? display.numeric : undefined,
    color: isPlain ? undefined : display.color,
    share: Math.min(1, Math.max(0, display.percent ?? 0)),
  }))
}
