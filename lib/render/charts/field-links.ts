import type { DataFrame } from '@grafana/data'
import type { VariableValues } from '../../grafana/interpolate.ts'

/** What links can refer to. */
export interface LinkContext {
  variables: VariableValues
  /** The time range: `from=now-1h&to=now`. */
  time: string
}

/** A link of a field: its title and URL. */
export interface DrawnLink {
  title: string
  url: string
}

/** A field's first link for one row, with its variables replaced; undefined for an unsafe URL. */
export function fieldLink(
  links: readonly { title: string; url: string }[] | undefined,
  given: { frame: DataFrame; row: number; context: LinkContext },
): DrawnLink | undefined {
  const [link] = links ?? []
  if (link === undefined) return undefined
  const url = link.url.replace(/\$\{([^}]+)\}/g, (_, name: string) => substituted(name, given))
  return isSafe(url) ? { title: link.title, url } : undefined
}

/** The URL of a link that is of no row, with its variables replaced; undefined for an unsafe one. */
export function linkUrl(url: string, context: LinkContext): string | undefined {
  const whole = url
    .replace(/\$\{([^}]+)\}/g, (_, name: string) => ofVariable(name, context))
    .replace(/\$(\w+)/g, (text, name: string) => (context.variables.has(name) ? ofVariable(name, context) : text))
  return isSafe(whole) ? whole : undefined
}

/** Whether a URL leads to a page, and runs no code. */
export function isSafe(url: string): boolean {
  return /^https?:\/\//i.test(url) || /^\/(?![/\\])/.test(url)
}

/** The uid in a link to a dashboard: `/d/<uid>/…?…`. */
export function dashboardOf(url: string): string | undefined {
  return /^\/d\/([\w-]+)/.exec(url)?.[1]
}

function substituted(
  name: string,
  { frame, row, context }: { frame: DataFrame; row: number; context: LinkContext },
): string {
  const [, column] = /^__data\.fields(?:\.|\[["']?)([^\]"']+)/.exec(name) ?? []
  if (column !== undefined) {
    const found = frame.fields.find(({ name: own, config }) => config.displayName === column || own === column)
    return encodeURIComponent(String(found?.values[row] ?? ''))
  }
  return ofVariable(name, context)
}

function ofVariable(name: string, context: LinkContext): string {
  if (name === '__url_time_range') return context.time
  const [, variable = name, format] = /^(\w+)(?::(\w+))?$/.exec(name) ?? []
  const values = context.variables.get(variable)?.values ?? []
  if (format === 'queryparam') return values.map(value => `var-${variable}=${encodeURIComponent(value)}`).join('&')
  return encodeURIComponent(values.join(','))
}
