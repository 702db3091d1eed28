/** Text that is HTML already. */
export class Html {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

type Part = Html | string | number | undefined | readonly Part[]

/** A template whose values are escaped unless they are HTML; lists are put together, undefined is nothing. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html(strings.map((text, at) => `${text}${textOf(parts[at])}`).join(''))
}

/** Text as it can stand in an element or a quoted attribute. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, letter => `&#${letter.charCodeAt(0)};`)
}

/** A colour of a dashboard's JSON or a palette, if it is nothing but a colour. */
export function safeColor(color: string | undefined): string | undefined {
  return color !== undefined && /^(#[\da-f]{3,8}|rgba?\([\d.,%\s]+\))$/i.test(color) ? color : undefined
}

function textOf(part: Part): string {
  if (part === undefined) return ''
  if (part instanceof Html) return part.text
  if (Array.isArray(part)) return part.map(textOf).join('')
  return escapeHtml(String(part))
}
