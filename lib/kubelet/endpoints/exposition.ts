/** The content type of the Prometheus text format. */
export const EXPOSITION_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/** Labels as they stand in the text, without the braces: `namespace="shop",pod="web"`. */
export type LabelText = string & { readonly labels: unique symbol }

/** Metric families in the Prometheus text format, each with its lines together, in the order of their declaration. */
export interface Exposition {
  /** Declares a family and gives what adds a sample to it. Values that aren't finite are left out. */
  family(
    name: string,
    type: 'counter' | 'gauge',
    help: string,
  ): (labels: LabelText | undefined, value: number, timestampMs?: number) => void
  /** The text; families without a sample are left out. */
  text(): string
}

/** An empty exposition. */
export function createExposition(): Exposition {
  const families: string[][] = []
  return {
    family(name, type, help) {
      const lines = [`# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`]
      families.push(lines)
      return (labels, value, timestampMs) => {
        if (!Number.isFinite(value)) return
        const time = timestampMs === undefined ? '' : ` ${timestampMs}`
        lines.push(labels === undefined ? `${name} ${value}${time}\n` : `${name}{${labels}} ${value}${time}\n`)
      }
    },
    text: () => families.map(lines => (lines.length > 1 ? lines.join('') : '')).join(''),
  }
}

/** Labels written out, with what the format wants escaped. */
export function labelText(labels: Record<string, string>): LabelText {
  const parts: string[] = []
  for (const name of Object.keys(labels)) parts.push(`${name}="${escaped(labels[name] ?? '')}"`)
  return parts.join(',') as LabelText
}

function escaped(value: string): string {
  return /["\\\n]/.test(value) ? value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n') : value
}
