import { labelText } from './exposition.ts'
import type { HostExtras } from './host-extras.ts'
import metricHelp from './metric-help.json' with { type: 'json' }
import { type Host, hostOf, type Name, SERIES, VALUES } from './node-exporter-families.ts'
import type { MeasuredNode } from './node-measurement.ts'

/**
 * The metrics of a node exporter 1.12.1 with default collectors that its mixin and the common dashboards query, for a node. CPU, load,
 * memory, disk, filesystem and network are the numbers of the OTLP host metrics. The clock is synchronized, and no device has errors.
 */
export function nodeExporterText(measured: MeasuredNode, extras: HostExtras): string {
  templates ??= compile()
  const host = hostOf(measured, extras)
  const parts = [templates.constant]
  for (const { head, value } of templates.rows) parts.push(head, String(value(host)), '\n')
  for (const [name, series] of entries(SERIES)) {
    parts.push(header(name))
    for (const [labels, value] of series(host)) parts.push(`${name}{${labelText(labels)}} ${value}\n`)
  }
  return parts.join('')
}

let templates: ReturnType<typeof compile> | undefined

/** The text of everything that is equal on all nodes. */
function compile() {
  const constant = new Map<string, string>()
  const rows: { head: string; value: (host: Host) => number }[] = []
  for (const [labels, values] of VALUES) {
    for (const [name, value] of entries(values)) {
      const series = `${name}${labels === undefined ? '' : `{${labels}}`} `
      if (typeof value === 'number') constant.set(name, `${constant.get(name) ?? header(name)}${series}${value}\n`)
      else rows.push({ head: header(name) + series, value })
    }
  }
  return { constant: [...constant.values()].join(''), rows }
}

function entries<Value>(of: Partial<Record<Name, Value>>): [Name, Value][] {
  return Object.entries(of) as [Name, Value][]
}

function header(name: Name): string {
  const isUntyped = /^node_(netstat|vmstat)_/.test(name)
  const type = isUntyped ? 'untyped' : name.endsWith('_total') ? 'counter' : 'gauge'
  return `# HELP ${name} ${metricHelp.nodeExporter[name]}\n# TYPE ${name} ${type}\n`
}
