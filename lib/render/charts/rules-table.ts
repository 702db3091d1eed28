import { basename } from 'node:path'
import { mostFrequent } from '../../checks/lint/cause-lines.ts'
import type { RuleResult } from '../../checks/verify/verify-report.ts'
import type { LoadedRule } from '../../prometheus/prometheus-client.ts'
import { type Html, html, scrollTable } from './html.ts'

const COLUMNS = ['Rule', 'State', 'Value', 'Last evaluation']

/** A rule, as Prometheus has loaded it and as verify found it: one of both can be missing. */
interface ShownRule {
  source: string
  group: string
  name: string
  loaded?: LoadedRule | undefined
  found?: RuleResult | undefined
}

/**
 * The rules of a Prometheus by group, each with its state, value and last evaluation, and those of the user with what verify found; groups
 * with an error or an alert first.
 */
export function rulesTables(loaded: readonly LoadedRule[], found: readonly RuleResult[] = []): Html {
  const rules = shownRules(loaded, found)
  const groups = mostFrequent(rules, ({ source, group }) => `${source} / ${group}`)
  const grave = (of: readonly ShownRule[]) => of.filter(each => isWrong(each) || isActive(each)).length
  const sorted = groups.sort(([, a], [, b]) => grave(b) - grave(a))
  const count = (state: string) => rules.filter(each => stateOf(each) === state).length
  const empty = count('no series')
  return html`<p>${rules.length} rules in ${groups.length} groups: ${count('error')} in error, ${empty === 0 ? '' : `${empty} without series, `}${count('firing')} firing, ${count('pending')} pending.</p>
${sorted.map(([title, of]) => html`<h3>${title}</h3>${scrollTable(title, COLUMNS, of.map(ruleRow))}`)}`
}

function shownRules(loaded: readonly LoadedRule[], found: readonly RuleResult[]): ShownRule[] {
  const keyOf = (each: { file: string; group: string; index: number }) =>
    [basename(each.file), each.group, each.index].join('\0')
  const left = new Map(found.map(each => [keyOf(each), each]))
  const both = loaded.map((rule): ShownRule => {
    const known = left.get(keyOf(rule))
    // A file can have changed since verify.
    const result = known?.name === rule.name ? known : undefined
    if (result !== undefined) left.delete(keyOf(rule))
    const { group, name } = rule
    const source = result?.source ?? basename(rule.file)
    return { source, group, name, loaded: rule, found: result }
  })
  return [...both, ...[...left.values()].map(each => ({ ...each, found: each }))]
}

/** The state that Prometheus has, and for a recording the one that verify found. */
function stateOf({ loaded, found }: ShownRule): string {
  if (loaded === undefined) return found?.state ?? ''
  if (loaded.health === 'err') return 'error'
  if (loaded.health === 'unknown') return 'not evaluated'
  return loaded.state ?? (found === undefined || found.state === 'error' ? 'recorded' : found.state)
}

function isWrong(rule: ShownRule): boolean {
  return ['error', 'no series'].includes(stateOf(rule))
}

function isActive(rule: ShownRule): boolean {
  return ['firing', 'pending'].includes(stateOf(rule))
}

function ruleRow(rule: ShownRule): Html {
  const { name, loaded, found } = rule
  const state = stateOf(rule)
  const shown = isWrong(rule)
    ? html`<span class="failed">✗ ${state}</span>`
    : state === 'firing'
      ? html`<span class="failed">firing</span>`
      : state === 'recorded'
        ? html`<span class="ok">✓ recorded</span>`
        : state
  const why = loaded?.lastError || found?.why
  const [alert, ...others] = loaded?.alerts ?? []
  const values = alert === undefined ? '' : others.length > 0 ? `${alert.value} and ${others.length} more` : alert.value
  return html`<tr><th scope="row">${name}</th><td>${shown}${why && html`<p class="note">${why}</p>`}</td><td>${values}</td><td>${evaluation(loaded)}</td></tr>
`
}

/** When a rule was last evaluated, and how long that took where it is long. */
function evaluation(loaded: LoadedRule | undefined): string {
  if (loaded === undefined) return 'not loaded'
  const { lastEvaluation, evaluationTime } = loaded
  const time = lastEvaluation.startsWith('0001') ? 'never' : lastEvaluation.slice(0, 19).replace('T', ' ')
  return `${time}${evaluationTime < 1 ? '' : `, in ${evaluationTime.toFixed(1)} s`}`
}
