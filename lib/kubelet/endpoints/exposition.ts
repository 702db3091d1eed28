/** The content type of the Prometheus text format. */
export const EXPOSITION_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/** Labels in the text format, without the braces: `namespace="shop",pod="web"`. */
export type LabelText = string & { readonly labels: unique symbol }

/** Adds a sample to a family. A value that is not finite is ignored. */
export type AddSample = (labels: LabelText | undefined, value: number, timestampMs?: number) => void

/** cAdvisor's counter without `_total`, and its gauge with it. */
const EXCEPTIONS: ReadonlySet<string> = new Set(['container_memory_failcnt', 'container_fs_inodes_total'])

/** The metrics in the order of the help texts, without those that have no sample. */
export interface Exposition {
  text: () => string
  /** The text in UTF-8. For a long one this takes a fraction of the time, since the text is not put together first. */
  bytes: () => Buffer
}

/**
 * An empty document in the Prometheus text format. `families` has a function for each metric of the help texts, which adds a sample.
 * metric-help.json has the help texts of Kubernetes v1.36 and of node exporter 1.12.1, those of a kubelet in its alphabetical order.
 */
export function createExposition<Name extends string>(
  help: Readonly<Record<Name, string>>,
): Exposition & { families: Record<Name, AddSample> } {
  const documents: { text: string }[] = []
  const addTo = (name: Name): AddSample => {
    const type = name.endsWith('_total') === EXCEPTIONS.has(name) ? 'gauge' : 'counter'
    const document = { text: '' }
    documents.push(document)
    return (labels, value, timestampMs) => {
      if (!Number.isFinite(value)) return
      const time = timestampMs === undefined ? '' : ` ${timestampMs}`
      if (document.text === '') document.text = `# HELP ${name} ${help[name]}\n# TYPE ${name} ${type}\n`
      document.text += labels === undefined ? `${name} ${value}${time}\n` : `${name}{${labels}} ${value}${time}\n`
    }
  }
  const families = Object.fromEntries((Object.keys(help) as Name[]).map(name => [name, addTo(name)]))
  return {
    families: families as Record<Name, AddSample>,
    text: () => documents.map(({ text }) => text).join(''),
    bytes: () => Buffer.concat(documents.map(({ text }) => Buffer.from(text))),
  }
}

/** Labels in the text format, with escaped values. */
export function labelText(labels: Record<string, string>): LabelText {
  const parts: string[] = []
  for (const name of Object.keys(labels)) parts.push(`${name}="${escaped(labels[name] ?? '')}"`)
  return parts.join(',') as LabelText
}

function escaped(value: string): string {
  return /["\\\n]/.test(value) ? value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n') : value
}
