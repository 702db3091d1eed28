/** The value of a variable in a query. */
export interface VariableValue {
  /** The selected values; with All and no `allValue`, all values. */
  values: readonly string[]
  /** The value of All (`allValue`), which Grafana inserts unchanged. */
  allText?: string
  /** All is selected. */
  isAll?: boolean
  /** The variable allows several values (`multi` or `includeAll`), so that it becomes a regular expression. */
  several: boolean
}

/** Variables by name. */
export type VariableValues = ReadonlyMap<string, VariableValue>

/** Variables in a text: `$name`, `[[name:format]]`, `${name.path:format}` (packages/data, templating). */
const VARIABLE = /\$(\w+)|\[\[(\w+?)(?::(\w+))?\]\]|\$\{(\w+)(?:\.([^:^}]+))?(?::([^}]+))?\}/g

/**
 * Replaces the variables in a query as Grafana's Prometheus datasource does. Without a format, a variable that allows
 * several values becomes a regular expression, `(a|b)`, escaped for a PromQL string; another one its value. An
 * unknown variable stays. `otherwise` is the default format.
 */
export function interpolate(text: string, variables: VariableValues, otherwise?: 'regex'): string {
  return replaced(text, variables, (variable, given) => {
    const format = given ?? otherwise
    if (variable.allText !== undefined) return variable.allText
    return format === undefined ? promqlText(variable) : formatted(variable.values, format)
  })
}

/** Replaces the variables in a title or another text: `a + b`, or `All`. */
export function inWords(text: string, variables: VariableValues): string {
  return replaced(text, variables, ({ values, isAll }, format = 'text') =>
    isAll === true ? 'All' : formatted(values, format),
  )
}

/** Replaces the known variables in a text; `textOf` gets the value and the format, if the text has one. */
function replaced(
  text: string,
  variables: VariableValues,
  textOf: (variable: VariableValue, format: string | undefined) => string,
): string {
  return text.replace(VARIABLE, (whole, plain, square, squareFormat, braced, _path, bracedFormat) => {
    const variable = variables.get(plain ?? square ?? braced)
    return variable === undefined ? whole : textOf(variable, squareFormat ?? bracedFormat)
  })
}

/** The names of the variables in a text, Grafana's own (`__interval`) included. */
export function variablesIn(text: string): Set<string> {
  return new Set([...text.matchAll(VARIABLE)].map(([, plain, square, , braced]) => plain ?? square ?? braced ?? ''))
}

/** As `interpolateQueryExpr` of Grafana's Prometheus datasource. */
function promqlText({ values, several }: VariableValue): string {
  if (!several) return (values[0] ?? '').replace(/\\/g, '\\\\').replace(/'/g, "\\\\'")
  // Escaped twice: for the regular expression and for the string around it.
  const escaped = values.map(value => value.replace(/\\/g, '\\\\\\\\').replace(/[$^*{}[\]'+?.()|]/g, '\\\\$&'))
  return escaped.length === 1 ? (escaped[0] ?? '') : `(${escaped.join('|')})`
}

/** Grafana's formats (grafana.com/docs: "Advanced variable format options"); an unknown format is `glob`. */
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
