import { labelText } from './exposition.ts'
import type { HostExtras } from './host-extras.ts'
import { COLLECTOR_ROWS, COLLECTORS, type Host, hostOf, ROWS, SERIES } from './node-exporter-families.ts'
import type { MeasuredNode } from './node-measurement.ts'

/**
 * The metrics of a node exporter 1.12.1 with default collectors that its mixin and the common dashboards query, for a node. CPU, load, memory, disk, filesystem and
 * network are the numbers of the OTLP host metrics. The clock is synchronized, and no device has errors.
 */
export function nodeExporterText(measured: MeasuredNode, extras: HostExtras): string {
  templates ??= compile()
  const host = hostOf(measured, extras)
  const parts = [templates.constant]
  for (const { head, value } of templates.rows) parts.push(head, String(value(host)), '\n')
  for (const [name, help, series] of SERIES) {
    parts.push(header(name, help))
    for (const [labels, value] of series(host)) parts.push(`${name}{${labelText(labels)}} ${value}\n`)
  }
  return parts.join('')
}

let templates: ReturnType<typeof compile> | undefined

/** The text of everything that is equal on all nodes. */
function compile() {
  let constant = ''
  const rows: { head: string; value: (host: Host) => number }[] = []
  for (const [labels, ofLabels] of ROWS) {
    for (const [name, help, value] of ofLabels) {
      const head = `${header(name, help)}${name}${labels === undefined ? '' : `{${labels}}`} `
      if (typeof value === 'number') constant += `${head}${value}\n`
      else rows.push({ head, value })
    }
  }
  for (const [name, help, value] of COLLECTOR_ROWS) {
    constant += header(name, help)
    for (const collector of COLLECTORS) constant += `${name}{collector="${collector}"} ${value}\n`
  }
  return { constant, rows }
}

function header(name: string, help: string): string {
  const isUntyped = /^node_(netstat|vmstat)_/.test(name)
  const type = isUntyped ? 'untyped' : name.endsWith('_total') ? 'counter' : 'gauge'
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`
}
