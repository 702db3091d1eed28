/** What a variable stands for in a query. */
export interface VariableValue {
  /** The values that are chosen; of All without a text of its own, every one. */
  values: readonly string[]
  /** The text that stands for All (`allValue`), which Grafana puts in as it is. */
  allText?: string
  /** All is chosen. */
  isAll?: boolean
  /** The variable may have several values (`multi` or `includeAll`), and so is written as a regular expression. */
  several: boolean
}

/** Variables by name. */
export type VariableValues = ReadonlyMap<string, VariableValue>

/** Where Grafana finds a variable in a text: `$name`, `[[name:format]]`, `${name.path:format}` (packages/data, templating). */
const VARIABLE = /\$(\w+)|\[\[(\w+?)(?::(\w+))?\]\]|\$\{(\w+)(?:\.([^:^}]+))?(?::([^}]+))?\}/g

/**
 * A query's text with its variables filled in as Grafana's Prometheus datasource does it. Without a format a variable that may
 * have several values becomes a regular expression, `(a|b)`, escaped for a PromQL string; any other its value. A variable
 * that isn't known stays as it is. `otherwise` is the format where none is written.
 */
export function interpolate(text: string, variables: VariableValues, otherwise?: 'regex'): string {
  return text.replace(VARIABLE, (whole, plain, square, squareFormat, braced, _path, bracedFormat) => {
    const variable = variables.get(plain ?? square ?? braced)
    if (variable === undefined) return whole
    const format: string | undefined = squareFormat ?? bracedFormat ?? otherwise
    if (variable.allText !== undefined) return variable.allText
    return format === undefined ? promqlText(variable) : formatted(variable.values, format)
  })
}

/** A title or another text for people with its variables filled in: `a + b`, or `All`. */
export function inWords(text: string, variables: VariableValues): string {
  return text.replace(VARIABLE, (whole, plain, square, squareFormat, braced, _path, bracedFormat) => {
    const variable = variables.get(plain ?? square ?? braced)
    if (variable === undefined) return whole
    return variable.isAll === true ? 'All' : formatted(variable.values, squareFormat ?? bracedFormat ?? 'text')
  })
}

/** The names of all variables that a text refers to, Grafana's own (`__interval`) included. */
export function variablesIn(text: string): Set<string> {
  return new Set([...text.matchAll(VARIABLE)].map(([, plain, square, , braced]) => plain ?? square ?? braced ?? ''))
}

/** As `interpolateQueryExpr` of Grafana's Prometheus datasource. */
function promqlText({ values, several }: VariableValue): string {
  if (!several) return (values[0] ?? '').replace(/\\/g, '\\\\').replace(/'/g, "\\\\'")
  // Twice escaped: once for the regular expression and once for the string it stands in.
  const escaped = values.map(value => value.replace(/\\/g, '\\\\\\\\').replace(/[$^*{}[\]'+?.()|]/g, '\\\\$&'))
  return escaped.length === 1 ? (escaped[0] ?? '') : `(${escaped.join('|')})`
}

/** As Grafana's formats do it (grafana.com/docs: "Advanced variable format options"); one that isn't known is `glob`. */
function formatted(values: readonly string[], format: string): string {
  const only = values.length === 1 ? values[0] : undefined
  switch (format) {
    case 'regex': {
      const escaped = values.map(value => value.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
      return only === undefined ? `(${escaped.join('|')})` : (escaped[0] ?? '')
    }
    case 'pipe':
      return values.join('|')
    case 'csv':
    case 'raw':
      return values.join(',')
    case 'text':
      return values.join(' + ')
    case 'json':
      return only === undefined ? JSON.stringify(values) : JSON.stringify(only)
    case 'singlequote':
      return values.map(value => `'${value.replaceAll("'", "\\'")}'`).join(',')
    case 'doublequote':
      return values.map(value => `"${value.replaceAll('"', '\\"')}"`).join(',')
    case 'percentencode':
      return encodeURIComponent(only ?? `{${values.join(',')}}`)
    default:
      return only ?? `{${values.join(',')}}`
  }
}
