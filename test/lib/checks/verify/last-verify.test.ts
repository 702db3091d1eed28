import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { lastVerify, rememberVerify } from '../../../../lib/checks/verify/last-verify.ts'
import { type Failure, otherResult, type VerifyReport } from '../../../../lib/checks/verify/verify-report.ts'
import { tempLab } from '../../../support/temp-lab.ts'

const failure = (source: string): Failure => ({
  ...{ dashboard: source, source, panel: 'P', panelId: 1, refId: 'A', choice: 'all', problem: 'error', query: 'x(' },
  ...{ got: 'a parse error', expected: '', hint: '' },
})

function report(time: string, failed: readonly string[], passed: readonly string[]): VerifyReport {
  return {
    ...{ prometheusUrl: '', time, truth: '', notes: [], slowest: [], requests: 0, seconds: 0, waitedSeconds: 0 },
    dashboards: [...failed, ...passed].map(source => otherResult(source, { failed: failed.includes(source) ? 1 : 0 })),
    failures: failed.map(failure),
  }
}

const last = suite('rememberVerify()')
last('keeps the last result of each dashboard, with its own failures', () => {
  const lab = tempLab()
  assert.equal(lastVerify(lab).size, 0)
  rememberVerify(lab, report('2026-01-01T00:00:00.000Z', ['a.json', 'b.json'], []))
  rememberVerify(lab, report('2026-01-02T00:00:00.000Z', [], ['a.json']))
  const found = [...lastVerify(lab)].map(([source, { time, failures }]) => [source, time.slice(0, 10), failures.length])
  assert.deepEqual(found, [
    ['a.json', '2026-01-02', 0],
    ['b.json', '2026-01-01', 1],
  ])
})
last.run()
