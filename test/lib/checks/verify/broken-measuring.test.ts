import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { brokenMeasuring } from '../../../../lib/checks/verify/broken-measuring.ts'
import { exitCode, reportText } from '../../../../lib/checks/verify/verify-report.ts'
import { scenarioJournal } from '../../../../lib/scenarios/scenario-journal.ts'
import { tempLab } from '../../../support/temp-lab.ts'

const broken = suite('brokenMeasuring()')
const [startMs, untilMs] = [Date.parse('2026-01-01T00:00:00Z'), Date.parse('2026-01-01T00:10:00Z')]

broken('is one failure with the scenario and the cause, whatever else runs', () => {
  const lab = tempLab()
  const journal = scenarioJournal(lab)
  journal.request({ name: 'crash-loop', target: 'shop/cart', startMs, untilMs })
  journal.request({ name: 'collector-down', target: 'collector', startMs, untilMs })
  const report = brokenMeasuring(lab, 'http://127.0.0.1:1') ?? assert.fail('nothing is broken')
  assert.equal(exitCode(report), 1)
  assert.match(
    reportText(report),
    /FAILED Scenarios \/ collector-down: not measured\n +got +collector-down on collector until 2026-01-01T00:10:00Z: the collector is stopped/,
  )
  assert.equal(report.failures.length, 1)
})

broken('is nothing while the lab measures', () => {
  const lab = tempLab()
  assert.equal(brokenMeasuring(lab, ''), undefined)
  scenarioJournal(lab).request({ name: 'node-unreachable', target: 'node-0', startMs, untilMs })
  assert.equal(brokenMeasuring(lab, ''), undefined)
})
broken.run()
