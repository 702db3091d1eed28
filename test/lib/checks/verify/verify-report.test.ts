import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { junitXml } from '../../../../lib/checks/verify/junit.ts'
import {
  type DashboardResult,
  exitCode,
  type Failure,
  reportText,
  type VerifyReport,
} from '../../../../lib/checks/verify/verify-report.ts'
import { assertSays } from '../../../support/lab.ts'

const panel = (id: number) => ({ id, panel: 'P', ok: 1, compared: 0, failed: 0, excused: [] })

function result(source: string, more: Partial<DashboardResult> = {}): DashboardResult {
  return {
    ...{ title: 'T', source, verdict: 'ok', byPanel: [panel(1)], panels: 1, queries: 1, ok: 1, failed: 0, excused: 0 },
    ...{
      compared: 0,
      showFallback: 0,
      skipped: 0,
      reasons: { excused: {}, skipped: {} },
      withTruth: 0,
      withoutTruth: [],
    },
    notApplicable: '',
    ...more,
  }
}

function failure(source: string, more: Partial<Failure> = {}): Failure {
  return {
    ...{ dashboard: 'T', source, panel: 'P', panelId: 1, refId: 'A', choice: 'all', problem: 'no data', query: 'up' },
    ...{ got: 'nothing', expected: 'something', hint: '' },
    ...more,
  }
}

function report(dashboards: DashboardResult[], failures: Failure[] = []): VerifyReport {
  return {
    ...{ prometheusUrl: '', time: '', truth: '', notes: [], dashboards, failures, slowest: [], requests: 0 },
    ...{ seconds: 0, waitedSeconds: 0 },
  }
}

const sameTitle = report(
  [result('a.json', { verdict: 'failed', failed: 1 }), result('b.json')],
  [failure('a.json', { query: 'of_a' })],
)
const nothing = (source: string, skipped: Record<string, number>) =>
  result(source, { verdict: 'nothing to check', byPanel: [], queries: 0, ok: 0, reasons: { excused: {}, skipped } })
const notHere = result('c.json', { title: 'C', verdict: 'not applicable', byPanel: [], notApplicable: 'etcd' })

const texts = suite('reportText()')
texts('shows the files of dashboards with the same title', () => {
  const text = reportText(sameTitle)
  assertSays(text, /^T \(a\.json\) .* FAILED$/m)
  assertSays(text, /^T \(b\.json\) .* ok$/m)
  assertSays(text, /^FAILED T \(a\.json\) \/ P \/ A: no data/m)
})

texts('does not merge failures of different files or panels', () => {
  const choices = [failure('a.json'), failure('a.json', { choice: 'one' })]
  const others = [failure('b.json'), failure('a.json', { panelId: 2 })]
  const text = reportText(report([result('a.json'), result('b.json')], [...choices, ...others]))
  assert.equal(text.match(/^FAILED /gm)?.length, 3)
  assertSays(text, /^FAILED T \(a\.json\) \/ P \/ A: no data \(variables: all, one\)/m)
})

texts('has the causes first, the gravest above, then some failures of each', () => {
  const absent = Array.from({ length: 472 }, (_, at) => {
    const subject = `windows_${at % 40}`
    const hint = `Prometheus has no metric ${subject}`
    return failure('a.json', { panelId: at, panel: `P${at % 90}`, hint, cause: { name: 'absent', subject } })
  })
  const slowest = Array.from({ length: 10 }, (_, at) => ({ query: `q${at}`, seconds: 1 }))
  const many = { ...report([result('a.json')], absent), slowest }
  assert(reportText(many, { slowest: 3 }).split('\n').length < 20)
  const wrong = [1, 2, 3, 4, 5].map(panelId => failure('a.json', { panelId, problem: 'error', got: 'many-to-many' }))
  const text = reportText(report([result('a.json')], [...absent, ...wrong]))
  assertSays(
    text,
    /^error: 5 failures in 1 place: .*\n {2}T \/ P, A and 4 more: many-to-many\nabsent: 472 failures in 90/m,
  )
  assertSays(text, /^ {2}windows_0 \(12\), .* and 32 other names$/m)
  assert.equal(text.match(/^FAILED /gm)?.length, 1)
  assertSays(text, /^and 476 other failures: --json lists each$/m)
})

texts('names the dashboards with nothing to check, and counts them', () => {
  const text = reportText(report([result('a.json'), nothing('b.json', { 'is a library panel': 2 })]))
  assertSays(text, /^T \(b\.json\) .* nothing to check$/m)
  assertSays(text, /\n1 of 2 dashboards: nothing to check$/)
})
texts.run()

const codes = suite('exitCode()')
codes('is 0 where something was checked and nothing failed, else 1', () => {
  assert.equal(exitCode(report([result('a.json'), nothing('b.json', {}), notHere])), 0)
  assert.equal(exitCode(sameTitle), 1)
  assert.equal(exitCode(report([nothing('a.json', {})], [failure('The cluster')])), 1)
})

codes('gives the reason when no dashboard was checked', () => {
  const placement = result("Pods' series", { title: "Pods' series", byPanel: [] })
  const library = nothing('a.json', { 'is a library panel': 2, 'asks loki, not Prometheus': 1 })
  assert.throws(() => exitCode(report([library, nothing('b.json', {}), notHere, placement])), {
    name: 'NothingCheckedError',
    exitCode: 1,
    message:
      'Nothing was checked: T: 2 × is a library panel, 1 × asks loki, not Prometheus; T: has no query; C: there is no etcd here',
    next: /^name a dashboard whose own panels query Prometheus/,
  })
})
codes.run()

const junit = suite('junitXml()')
junit('gives each dashboard its own failures, also where two have the same title', () => {
  const xml = junitXml(sameTitle)
  assertSays(xml, /<testsuite name="T \(a\.json\)" tests="2" failures="1" skipped="0">[\s\S]*of_a/)
  assertSays(xml, /<testsuite name="T \(b\.json\)" tests="1" failures="0" skipped="0">/)
  assertSays(xml, /<testsuites name="kube-otel-lab verify" failures="1" /)
})

junit('gives cases of panels with the same title different names', () => {
  const two = [failure('a.json'), failure('a.json', { panelId: 2 })]
  const names = [...junitXml(report([result('a.json')], two)).matchAll(/<testcase .*? name="(P.*?)"/g)]
  assert.deepEqual(
    names.map(([, name]) => name),
    ['P / A / all', 'P / A / all (2)'],
  )
})

junit('marks dashboards with nothing to check, or that are not applicable, as skipped', () => {
  const xml = junitXml(report([nothing('a.json', {}), notHere]))
  assertSays(xml, /<testsuite name="T" tests="1" failures="0" skipped="1">\n.*<skipped message="nothing to check"\/>/)
  assertSays(xml, /<testsuite name="C" tests="1" failures="0" skipped="1">\n.*<skipped message="no etcd"\/>/)
})
junit.run()
