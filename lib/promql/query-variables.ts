/** Grafana's three spellings, with an optional field and format: `$name`, `[[name:format]]`, `${name.field:format}`. */
const variablePattern = /\$(\w+)|\[\[(\w+)(?:\.[^:\]]+)?(?::\w+)?\]\]|\$\{(\w+)(?:\.[^:}]+)?(?::[^}]+)?\}/y

/** Grafana's own variables that are numbers. */
const numbers = ['__interval_ms', '__rate_interval_ms', '__range_s', '__range_ms', '__from', '__to']
/** Grafana's own variables that are durations. */
const durations = ['__interval', '__rate_interval', '__range']

/** A variable in the written text, and its replacement. */
export interface StandIn {
  name: string
  /** As written. */
  text: string
  /** Its offset in the written text, and that of the replacement in the neutral text. */
  from: number
  to: number
  standsFrom: number
  standsTo: number
}

/** A text that PromQL's grammar can parse. */
export interface NeutralText {
  text: string
  standIns: readonly StandIn[]
}

/** The variable at an offset, if there is one. `$1` is none: it belongs to `label_replace`. */
export function variableAt(text: string, at: number): { name: string; text: string } | undefined {
  variablePattern.lastIndex = at
  const match = variablePattern.exec(text)
  const name = match?.slice(1).find(each => each !== undefined)
  return match === null || name === undefined || /^\d+$/.test(name) ? undefined : { name, text: match[0] }
}

/** The names of the variables in a text, each once, also in strings and comments. */
export function variablesIn(text: string): string[] {
  const names = new Set<string>()
  for (let at = 0; at < text.length; ) {
    const variable = variableAt(text, at)
    if (variable !== undefined) names.add(variable.name)
    at += variable?.text.length ?? 1
  }
  return [...names]
}

/**
 * Replaces each variable by what the grammar expects there: a name, a duration, a number, a matcher or an operator.
 * Strings and comments stay, because they parse in any case.
 */
export function neutralText(written: string): NeutralText {
  const standIns: StandIn[] = []
  const open: string[] = []
  let text = ''
  for (let at = 0; at < written.length; ) {
    const verbatim = /(?:"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|`[^`]*`?|#[^\n]*)/sy
    verbatim.lastIndex = at
    const fixed = verbatim.exec(written)?.[0]
    if (fixed !== undefined) {
      text += fixed
      at += fixed.length
      continue
    }
    const variable = variableAt(written, at)
    if (variable === undefined) {
      const char = written.charAt(at)
      if (/[([{]/.test(char)) open.push(char === '(' && namesLabels.test(text) ? 'labels' : char)
      if (/[)\]}]/.test(char)) open.pop()
      text += char
      at++
      continue
    }
    const to = at + variable.text.length
    const stand = standIn(variable.name, { before: text, after: written.slice(to), inside: open.at(-1) })
    standIns.push({ ...variable, from: at, to, standsFrom: text.length, standsTo: text.length + stand.length })
    text += stand
    at = to
  }
  return { text, standIns }
}

const namesLabels = /\b(?:by|without|on|ignoring|group_left|group_right)\s*$/i
/** After these words an operand follows. */
const wantsOperand =
  /(?:^|[^\w)\]}"'])$|\b(?:and|or|unless|atan2|bool|offset|by|without|on|ignoring|group_left|group_right)$/i
/** At the place of an aggregation it takes `by`; elsewhere `(` is enough. */
const callFollows = /^\s*(?:\(|(?:by|without)\s*\()/i

function standIn(name: string, around: { before: string; after: string; inside: string | undefined }): string {
  const { before, after, inside } = around
  const follows = after.charAt(0)
  if (inside === '[') {
    if (/^(?:ms|[smhdwy])/.test(after)) return '5'
    return /\d$/.test(before) ? 'm' : '5m'
  }
  const inName = /[\w:]$/.test(before) || /^[\w:]/.test(after) || /^(?:\$\w|\$\{|\[\[)/.test(after)
  if (inside === '{') {
    if (/(?:=~|!~|!=|=)\s*$/.test(before)) return '"x"'
    return inName || /^\s*(?:=|!=|!~)/.test(after) ? 'x' : 'x="x"'
  }
  if (inside === 'labels') return 'x'
  if (/(?:^|[^\w:])\d+\.?$/.test(before) || (before.endsWith('.') && /\d/.test(before.at(-2) ?? ''))) return '5'
  if (inName) return 'x'
  if (/\boffset\s*-?\s*$/i.test(before)) return '5m'
  if (/@\s*$/.test(before)) return '1'
  if (!wantsOperand.test(before.trimEnd())) return '+'
  if (callFollows.test(after)) return 'sum'
  if (numbers.includes(name)) return '1'
  if (durations.includes(name)) return '5m'
  return follows === '.' ? '5' : 'x'
}

/** The span in the written text for a span of the neutral text. A variable is included whole or not at all. */
export function writtenSpan(
  { standIns }: NeutralText,
  span: { from: number; to: number },
): { from: number; to: number } {
  const place = (at: number, edge: 'from' | 'to') => {
    let shift = 0
    for (const stand of standIns) {
      if (at >= stand.standsTo) shift = stand.to - stand.standsTo
      else if (at > stand.standsFrom) return stand[edge]
    }
    return at + shift
  }
  return { from: place(span.from, 'from'), to: place(span.to, 'to') }
}
