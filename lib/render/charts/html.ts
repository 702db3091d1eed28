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
