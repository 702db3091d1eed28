import { shownTitles } from '../../grafana/dashboard-identity.ts'
import { failureText, type VerifyReport } from './verify-report.ts'

/** The report as JUnit XML for CI systems: a suite per dashboard, a case per failure, and one case for the rest. */
export function junitXml(report: VerifyReport): string {
  const titles = shownTitles(report.dashboards)
  const suites = report.dashboards.map(dashboard => {
    const { source, verdict, ok, excused, skipped, failed, notApplicable } = dashboard
    const title = titles.get(source) ?? dashboard.title
    const failures = report.failures.filter(failure => failure.source === source)
    const counts = new Map<string, number>()
    const cases = failures.map(failure => {
      const words = [failure.panel, failure.refId, failure.choice].filter(word => word !== '').join(' / ')
      const count = (counts.get(words) ?? 0) + 1
      counts.set(words, count)
      // Names of cases must be unique.
      const name = count === 1 ? words : `${words} (${count})`
      const message = `${failure.problem}: got ${failure.got}, expected ${failure.expected}`
      const text = failureText(failure, title)
      return [
        `    <testcase classname="${attribute(title)}" name="${attribute(name)}">`,
        `      <failure type="${attribute(failure.cause?.name ?? failure.problem)}" message="${attribute(message)}">${content(text)}</failure>`,
        '    </testcase>',
      ].join('\n')
    })
    const why = verdict === 'not applicable' ? `no ${notApplicable}` : verdict === 'nothing to check' ? verdict : ''
    const rest = why === '' ? '' : `<skipped message="${attribute(why)}"/>`
    const others = `${ok} ok, ${excused} excused, ${skipped} skipped`
    const tests = failures.length + 1
    return [
      `  <testsuite name="${attribute(title)}" tests="${tests}" failures="${failures.length}" skipped="${rest === '' ? 0 : 1}">`,
      ...cases,
      `    <testcase classname="${attribute(title)}" name="${attribute(failed > 0 ? `the rest: ${others}` : others)}">${rest}</testcase>`,
      '  </testsuite>',
    ].join('\n')
  })
  const time = report.seconds.toFixed(3)
  const head = `<testsuites name="kube-otel-lab verify" failures="${report.failures.length}" time="${time}">`
  return ['<?xml version="1.0" encoding="UTF-8"?>', head, ...suites, '</testsuites>', ''].join('\n')
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
