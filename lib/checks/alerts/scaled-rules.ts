import { stringify } from 'yaml'
import { fields } from '../../kube/json.ts'
import type { ActiveAlert } from '../../prometheus/prometheus-client.ts'
import { type RuleFile, rulesOf, type UserRule } from '../../prometheus/rule-files.ts'
import { durationMs, durationText } from '../../promql/durations.ts'
import { walk } from '../../promql/promql-ast.ts'
import { parsePromql, selectorsOf } from '../../promql/promql-parser.ts'

/** An alert of a rule file, and its copy. */
export interface AlertRule {
  name: string
  /** A rule of the lab; the others are the user's. */
  isOwn: boolean
  source: string
  /** The group of the copy, and the place of the copy there. */
  group: string
  index: number
  /** `for` of the rule. */
  forMs: number
  /** `for` and `keep_firing_for` of the copy. */
  waitMs: number
  keepMs: number
  /** The longest range of its query, with that of the recordings in it. */
  rangeMs: number
  /** The metrics of its query, and of the recordings in it. */
  metrics: readonly string[]
  templates: readonly { kind: 'labels' | 'annotations'; name: string; text: string }[]
}

/** Rule files of the lab, and of the user. */
export interface RuleSources {
  own: readonly RuleFile[]
  user: readonly RuleFile[]
}

/**
 * A copy of the alerts of rule files in other groups, with `for` and `keep_firing_for` divided by the speed, as a rule file. The alerts are
 * evaluated each `intervalMs`. Recordings are copied unchanged, from files that Prometheus has not loaded.
 */
export function scaledRules(
  { own, user }: RuleSources,
  { speed, intervalMs, isLoaded }: { speed: number; intervalMs: number; isLoaded: (file: RuleFile) => boolean },
): { alerts: AlertRule[]; text: string } {
  const recordings = recordingsOf([...own, ...user])
  const alerts: AlertRule[] = []
  const groups: unknown[] = []
  for (const file of [...own, ...user]) {
    for (const group of file.groups) {
      const { interval: _, partial_response_strategy: __, ...kept } = fields(group)
      const name = `verify-alerts ${file.fileName}: ${group.name}`
      const copies = group.rules.filter(rule => rule.alert !== undefined)
      const recorded = isLoaded(file) ? [] : group.rules.filter(rule => rule.alert === undefined)
      if (recorded.length > 0) groups.push({ ...kept, name: `${name} (recordings)`, rules: recorded })
      const interval = durationText(intervalMs)
      if (copies.length > 0)
        groups.push({ ...kept, name, interval, rules: copies.map(rule => scaledRule(rule, speed)) })
      for (const [index, rule] of copies.entries()) {
        const [forMs, keepMs] = [timeOf(rule.for), timeOf(rule['keep_firing_for'])]
        alerts.push({
          name: rule.alert ?? '',
          isOwn: own.includes(file),
          source: file.source,
          group: name,
          index,
          forMs,
          waitMs: Math.ceil(forMs / speed),
          keepMs: Math.ceil(keepMs / speed),
          ...reach(rule.expr, recordings),
          templates: (['labels', 'annotations'] as const).flatMap(kind =>
            Object.entries(rule[kind]).map(([name, text]) => ({ kind, name, text: String(text) })),
          ),
        })
      }
    }
  }
  return { alerts, text: stringify({ groups }, { aliasDuplicateObjects: false, lineWidth: 0 }) }
}

function scaledRule(rule: UserRule, speed: number): UserRule {
  const scaled = { ...rule }
  for (const name of ['for', 'keep_firing_for'] as const) {
    const ms = timeOf(rule[name])
    if (ms > 0) scaled[name] = durationText(Math.ceil(ms / speed))
  }
  return scaled
}

function timeOf(duration: unknown): number {
  return durationMs(String(duration)) ?? 0
}

/** The expressions of each recorded name. */
function recordingsOf(files: readonly RuleFile[]): Map<string, string[]> {
  const recordings = new Map<string, string[]>()
  for (const { rule } of rulesOf(files)) {
    if (rule.record !== undefined) recordings.set(rule.record, [...(recordings.get(rule.record) ?? []), rule.expr])
  }
  return recordings
}

/** How far back a query looks, and which metrics it reads, through recordings. */
function reach(
  query: string,
  recordings: ReadonlyMap<string, readonly string[]>,
  above: readonly string[] = [],
): Pick<AlertRule, 'rangeMs' | 'metrics'> {
  const { expr } = parsePromql(query)
  if (expr === undefined) return { rangeMs: 0, metrics: [] }
  const ranges = [...walk(expr)].map(({ expr: each }) => ('range' in each ? timeOf(each.range) : 0))
  const names = [...new Set(selectorsOf(expr).flatMap(({ metric }) => metric ?? []))]
  const parts = names.flatMap(name =>
    above.includes(name) ? [] : (recordings.get(name) ?? []).map(each => reach(each, recordings, [...above, name])),
  )
  const metrics = [...names.filter(name => !recordings.has(name)), ...parts.flatMap(part => part.metrics)]
  const rangeMs = Math.max(0, ...ranges) + Math.max(0, ...parts.map(part => part.rangeMs))
  return { rangeMs, metrics: [...new Set(metrics)] }
}

/** What a template gives for a missing value, and for an error. */
const UNRENDERED = /<no value>|<error expanding template[^>]*>/
/** An action of a template that writes a value: not a condition, a loop or an assignment. */
const OUTPUT = /\{\{-?(?!\s*(?:(?:if|else|end|with|range|define|template|block)\b|\$\w+\s*:?=))([^}]*)\}\}/g
const LABEL = /\$labels\.(\w+)|index \$labels "([^"]+)"/g

/** The labels and annotations of an alert that have empty places, each with the reason. */
export function emptyPlaces({ templates }: AlertRule, alert: Pick<ActiveAlert, 'labels' | 'annotations'>): string[] {
  const faults = templates.flatMap(({ kind, name, text }) => {
    const where = `${kind.slice(0, -1)} ${name}`
    const rendered = alert[kind][name] ?? ''
    const [unrendered] = UNRENDERED.exec(rendered) ?? []
    if (unrendered !== undefined) return [`${where} has ${unrendered}`]
    const missing = [...text.matchAll(OUTPUT)]
      .flatMap(([, action = '']) => [...action.matchAll(LABEL)])
      .map(([, plain, quoted]) => plain ?? quoted ?? '')
      .filter(label => (alert.labels[label] ?? '') === '')
    if (missing.length > 0) return [...new Set(missing)].map(label => `${where}: the alert has no label ${label}`)
    return text.trim() !== '' && rendered.trim() === '' ? [`${where} is empty`] : []
  })
  return [...new Set(faults)]
}
