/** Escaped HTML. */
export class Html {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

type Part = Html | string | number | undefined | readonly Part[]

/** A template that escapes its values unless they are `Html`, joins lists and omits undefined. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html(strings.map((text, at) => `${text}${textOf(parts[at])}`).join(''))
}

/** The head of a column of numbers. */
export interface NumberColumn {
  number: Html | string
}

/** A table in a part that scrolls; `rows` are `<tr>` elements. Without columns it has no head. */
export function scrollTable(
  label: string,
  columns: readonly (NumberColumn | Html | string)[],
  rows: readonly Html[],
  kind = 'scroll',
): Html {
  const heads = columns.map(column =>
    typeof column === 'object' && 'number' in column
      ? html`<th scope="col" class="number">${column.number}</th>`
      : html`<th scope="col">${column}</th>`,
  )
  const head = heads.length === 0 ? undefined : html`<thead><tr>${heads}</tr></thead>`
  return html`<div class="${kind}" tabindex="0" role="region" aria-label="${label}"><table>
${head}
<tbody>${rows}</tbody></table></div>`
}

/** A row of numbers, as text. */
export function numberRow(name: Html | string, numbers: readonly (string | undefined)[], kind = ''): Html {
  const cells = numbers.map(number => html`<td class="number">${number}</td>`)
  return html`<tr${kind && html` class="${kind}"`}><th scope="row">${name}</th>${cells}</tr>
`
}

/** Escapes text for an element or a quoted attribute. */
function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, letter => `&#${letter.charCodeAt(0)};`)
}

/** A color of a dashboard or palette; grey for anything else. */
export function drawnColor(color: string | undefined): string {
  return safeColor(color) ?? '#808080'
}

/** A color of a dashboard or palette; undefined for anything else. */
export function safeColor(color: string | undefined): string | undefined {
  return color !== undefined && /^(#[\da-f]{3,8}|rgba?\([\d.,%\s]+\))$/i.test(color) ? color : undefined
}

function textOf(part: Part): string {
  if (part === undefined) return ''
  if (part instanceof Html) return part.text
  if (Array.isArray(part)) return part.map(textOf).join('')
  return escapeHtml(String(part))
}
