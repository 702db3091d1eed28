import { basename } from 'node:path'
import { mostFrequent } from '../../checks/lint/cause-lines.ts'
import type { LoadedRule } from '../../prometheus/prometheus-client.ts'
import { type Html, html } from './html.ts'

/** The rules of a Prometheus by group, each with its state, value and last evaluation; groups with an error or an alert first. */
export function rulesTables(rules: readonly LoadedRule[]): Html {
  const groups = mostFrequent(rules, ({ file, group }) => `${basename(file)} / ${group}`)
  const grave = (of: readonly LoadedRule[]) => of.filter(each => isWrong(each) || each.alerts.length > 0).length
  const sorted = groups.sort(([, a], [, b]) => grave(b) - grave(a))
  return html`<p>${rules.length} rules in ${groups.length} groups: ${rules.filter(isWrong).length} in error, ${rules.filter(({ state }) => state === 'firing').length} firing, ${rules.filter(({ state }) => state === 'pending').length} pending.</p>
${sorted.map(
  ([
    title,
    of,
  ]) => html`<h3>${title}</h3><div class="scroll" tabindex="0" role="region" aria-label="${title}"><table><thead><tr><th scope="col">Rule</th><th scope="col">State</th><th scope="col">Value</th><th scope="col">Last evaluation</th></tr></thead>
<tbody>${of.map(ruleRow)}</tbody></table></div>
`,
)}`
}

function isWrong({ health }: LoadedRule): boolean {
  return health === 'err'
}

function ruleRow(rule: LoadedRule): Html {
  const { name, state, health, lastError, alerts, evaluatedAt, evaluationSeconds } = rule
  const value = alerts[0]?.value ?? ''
  const shown = isWrong(rule)
    ? html`<span class="failed">✗ error</span><p class="note">${lastError}</p>`
    : health === 'unknown'
      ? 'not evaluated'
      : state === 'firing'
        ? html`<span class="failed">firing</span>`
        : (state ?? html`<span class="ok">✓ recorded</span>`)
  const values = alerts.length > 1 ? `${value} and ${alerts.length - 1} more` : value
  const time = evaluatedAt.startsWith('0001') ? 'never' : evaluatedAt.slice(0, 19).replace('T', ' ')
  return html`<tr><th scope="row">${name}</th><td>${shown}</td><td>${values}</td><td>${time}${evaluationSeconds < 1 ? '' : `, in ${evaluationSeconds.toFixed(1)} s`}</td></tr>
`
}
