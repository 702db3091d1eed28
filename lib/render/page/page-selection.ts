import { skippedVariables, type VariableSelection } from '../../checks/verify/variable-selection.ts'
import { failedPart } from '../../cli/errors.ts'
import type { Dashboard, Variable } from '../../grafana/dashboard-model.ts'
import type { VariableValue } from '../../grafana/interpolate.ts'
import { isEpoch, rangeMs } from '../../grafana/query-interval.ts'
import { ALL, chosenValue, variableOptions } from '../../grafana/variable-values.ts'
import type { PrometheusApi, TimeRange } from '../../prometheus/prometheus-client.ts'
import type { PanelChoices } from '../charts/panel-html.ts'

/** A variable in the form of a page. */
export interface SelectableVariable {
  variable: Variable
  options: readonly string[]
  /** The selected values; `$__all` for All. */
  selected: readonly string[]
  /** Why it has no options. */
  refused: string | undefined
}

/** The time ranges in the form, back from now. */
export const TIME_RANGES = ['5m', '15m', '30m', '1h', '3h', '6h', '12h', '24h', '7d'] as const
export const REFRESHES = ['off', '5s', '10s', '30s', '1m', '5m'] as const

const [LEAST_MS, MOST_MS] = [60_000, 31 * 86_400_000]

/**
 * A dashboard with the time range and refresh interval of a URL: `from=now-15m`, two epoch times in `from` and `to`, or
 * two times of the form in `start` and `end`; its own time range where the URL has no valid one.
 */
export function withTime(dashboard: Dashboard, query: URLSearchParams): Dashboard {
  const refresh = query.get('refresh') ?? dashboard.time.refresh
  const isRefresh = (REFRESHES as readonly string[]).includes(refresh)
  // A button that sets a time comes after the list of the form.
  const from = query.getAll('from').at(-1) ?? ''
  const to = isEpoch(from) ? (query.getAll('to').at(-1) ?? '') : 'now'
  const fixed =
    query.get('range') === 'fixed' ? { from: epochOf(query.get('start')), to: epochOf(query.get('end')) } : undefined
  const wanted = fixed ?? { from, to }
  const lengthMs = rangeMs(wanted.from, wanted.to) ?? 0
  const range = lengthMs < LEAST_MS || lengthMs > MOST_MS ? undefined : wanted
  return { ...dashboard, time: { ...dashboard.time, ...range, refresh: isRefresh ? refresh : 'off' } }
}

/** A time of the form, such as `2026-11-29T15:04` in UTC, as epoch; empty where it is none. */
function epochOf(time: string | null): string {
  const ms = Date.parse(`${time}Z`)
  return Number.isNaN(ms) ? '' : String(ms)
}

/** The choices for single panels in a URL: `only=3/web` and `table=3/on`; nothing after the slash removes the choice. */
export function panelChoices(query: URLSearchParams): PanelChoices {
  return {
    only: byPanel(query.getAll('only')),
    tables: new Set(byPanel(query.getAll('table')).keys()),
    // The button of a tab comes after the field of the form.
    tab: query.getAll('tab').at(-1) ?? '',
  }
}

function byPanel(texts: readonly string[]): Map<string, string> {
  const all = new Map<string, string>()
  for (const text of texts) {
    const [, id = '', value = ''] = /^(\d+(?:-\d+)?)\/(.*)$/s.exec(text) ?? []
    if (value === '') all.delete(id)
    else all.set(id, value)
  }
  return all
}

/** The choices for single panels as fields of a form or URL. */
export function choiceFields({ only, tables, tab }: PanelChoices): [name: string, value: string][] {
  return [
    ...[...only].map(([id, name]): [string, string] => ['only', `${id}/${name}`]),
    ...[...tables].map((id): [string, string] => ['table', `${id}/on`]),
    ...(tab === '' ? [] : [['tab', tab] as [string, string]]),
  ]
}

/**
 * The variables of a dashboard as a URL selects them (`var-namespace=a&var-namespace=b`), each with its options,
 * which depend on the variables before it. The default is All, or the dashboard's own value, or the first option.
 */
export async function selectedVariables(
  dashboard: Dashboard,
  query: URLSearchParams,
  { api, range }: { api: PrometheusApi; range: TimeRange },
): Promise<{ variables: SelectableVariable[]; selection: VariableSelection }> {
  const values = new Map<string, VariableValue>()
  const listed = new Map<string, readonly string[]>()
  const variables: SelectableVariable[] = []
  const elsewhere = skippedVariables(dashboard)
  for (const variable of dashboard.variables) {
    if (variable.type === 'adhoc') continue
    let refused: string | undefined
    // The lists of other datasources are unknown; the saved value is the only one.
    const options = elsewhere.has(variable.name)
      ? variable.current.filter(value => value !== ALL)
      : await variableOptions(variable, { api, range, known: values }).catch((error: unknown) => {
          refused = failedPart(error).what
          return []
        })
    const selected = selectedOf(variable, options, query.getAll(`var-${variable.name}`))
    const isAll = selected.includes(ALL)
    values.set(variable.name, chosenValue(variable, isAll ? 'all' : selected, options))
    listed.set(variable.name, isAll ? options : selected)
    variables.push({ variable, options, selected, refused })
  }
  return { variables, selection: { name: 'several', values, options: listed } }
}

/** The selection as a URL query. */
export function urlQuery(variables: readonly SelectableVariable[], { time }: Pick<Dashboard, 'time'>): URLSearchParams {
  const query = new URLSearchParams()
  for (const { variable, selected } of variables)
    for (const value of selected) query.append(`var-${variable.name}`, value)
  query.set('from', time.from)
  query.set('to', time.to)
  query.set('refresh', time.refresh)
  return query
}

function selectedOf(variable: Variable, options: readonly string[], requested: readonly string[]): string[] {
  const isFree = variable.type === 'textbox'
  const wanted = requested.map(value => (value === 'All' ? ALL : value))
  if (variable.includeAll && wanted.includes(ALL)) return [ALL]
  const known = wanted.filter(value => isFree || options.includes(value))
  if (known.length > 0) return variable.multi ? known : known.slice(0, 1)
  if (variable.includeAll && (variable.current.length === 0 || variable.current.includes(ALL))) return [ALL]
  const current = variable.current.filter(value => options.includes(value))
  // As in Grafana, if the dashboard's own value is not an option.
  if (current.length === 0 && variable.includeAll) return [ALL]
  return current.length > 0 ? current : options.slice(0, 1)
}
