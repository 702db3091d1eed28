import { shownTitles } from '../../grafana/dashboard-identity.ts'
import { failureText, type VerifyReport } from './verify-report.ts'

/** A suite of JUnit XML. */
export interface JunitSuite {
  name: string
  cases: readonly JunitCase[]
}

export interface JunitCase {
  name: string
  failure?: { type: string; message: string; text: string }
  /** Why it was skipped. */
  skipped?: string
}

/** The report as JUnit XML for CI systems: a suite per dashboard, a case per failure, and one case for the rest. */
export function junitXml(report: VerifyReport): string {
  const titles = shownTitles(report.dashboards)
  const suites = report.dashboards.map((dashboard): JunitSuite => {
    const { source, verdict, ok, excused, skipped, failed, notApplicable } = dashboard
    const title = titles.get(source) ?? dashboard.title
    const cases = report.failures
      .filter(failure => failure.source === source)
      .map((failure): JunitCase => {
        const message = `${failure.problem}: got ${failure.got}, expected ${failure.expected}`
        const name = [failure.panel, failure.refId, failure.choice].filter(word => word !== '').join(' / ')
        return {
          name,
          failure: { type: failure.cause?.name ?? failure.problem, message, text: failureText(failure, title) },
        }
      })
    const why = verdict === 'not applicable' ? `no ${notApplicable}` : verdict === 'nothing to check' ? verdict : ''
    const others = `${ok} ok, ${excused} excused, ${skipped} skipped`
    const rest = { name: failed > 0 ? `the rest: ${others}` : others, ...(why === '' ? {} : { skipped: why }) }
    return { name: title, cases: [...cases, rest] }
  })
  return junitDocument('verify', report.seconds, suites)
}

/** A file of JUnit XML. Cases of the same name get a number. */
export function junitDocument(command: string, seconds: number, suites: readonly JunitSuite[]): string {
  const failures = suites.flatMap(({ cases }) => cases).filter(each => each.failure !== undefined).length
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="kube-otel-lab ${command}" failures="${failures}" time="${seconds.toFixed(3)}">`,
    ...suites.map(suiteXml),
    '</testsuites>',
    '',
  ].join('\n')
}

function suiteXml({ name: suite, cases }: JunitSuite): string {
  const counts = new Map<string, number>()
  const failures = cases.filter(each => each.failure !== undefined).length
  const skips = cases.filter(each => each.skipped !== undefined).length
  const lines = cases.map(({ name, failure, skipped }) => {
    const count = (counts.get(name) ?? 0) + 1
    counts.set(name, count)
    const open = `    <testcase classname="${attribute(suite)}" name="${attribute(count === 1 ? name : `${name} (${count})`)}">`
    if (failure === undefined) {
      return `${open}${skipped === undefined ? '' : `<skipped message="${attribute(skipped)}"/>`}</testcase>`
    }
    const { type, message, text } = failure
    const body = `      <failure type="${attribute(type)}" message="${attribute(message)}">${content(text)}</failure>`
    return [open, body, '    </testcase>'].join('\n')
  })
  return [
    `  <testsuite name="${attribute(suite)}" tests="${cases.length}" failures="${failures}" skipped="${skips}">`,
    ...lines,
    '  </testsuite>',
  ].join('\n')
}

function attribute(text: string): string {
  return content(text).replaceAll('"', '&quot;').replaceAll('\n', '&#10;')
}

/** XML allows no control characters, not even as entities. */
function content(text: string): string {
  return text
    .replace(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, '?')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
}
