import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import {
  differencesMarkdown,
  differencesPart,
  MAX_LINES,
  type ReportData,
  readReportData,
  reportDifferences,
} from '../../../../lib/render/report/report-differences.ts'
import { assertSays } from '../../../support/lab.ts'
import { tempDir } from '../../../support/temp-lab.ts'

type Panel = ReportData['panels'][number]

const panel = (place: string, more: Partial<Panel> = {}): Panel => ({
  ...{ place, verdict: 'has data', causes: [], numbers: {}, isPart: false },
  ...more,
})
const numbers = (value: number): Panel['numbers'] => ({ '': { value, text: `${value}` } })
const report = (panels: Panel[], time = '2026-01-01T10:00:00.000Z'): ReportData => ({
  ...{ time, title: 'Dashboards of lab', failed: panels.flatMap(({ causes }) => causes).length, panels },
})

const differences = suite('reportDifferences()')
differences('has the verdicts, causes and numbers that changed, the largest change first', () => {
  const before = report([
    panel('A / CPU', { numbers: numbers(100) }),
    panel('A / Memory', { numbers: numbers(100) }),
    panel('A / Steady', { numbers: numbers(100) }),
    panel('A / Zero', { numbers: numbers(0) }),
    panel('A / Old'),
    panel('A / Broken', { verdict: 'failed', causes: ['error: parse'] }),
  ])
  const now = report([
    panel('A / CPU', { numbers: numbers(90) }),
    panel('A / Memory', { numbers: numbers(300) }),
    panel('A / Steady', { numbers: numbers(104) }),
    panel('A / Zero', { numbers: numbers(0) }),
    panel('A / Broken', { causes: [] }),
    panel('A / New', { verdict: 'failed', causes: ['label: no label `x`'] }),
  ])
  const { verdicts, causes, numbers: changed } = reportDifferences(before, now)
  assert.deepEqual(verdicts, [
    { place: 'A / Old', before: 'has data', now: 'no such panel' },
    { place: 'A / Broken', before: 'failed', now: 'has data' },
    { place: 'A / New', before: 'no such panel', now: 'failed' },
  ])
  assert.deepEqual(causes, [
    { place: 'A / Broken', before: 'error: parse', now: '' },
    { place: 'A / New', before: '', now: 'label: no label `x`' },
  ])
  assert.deepEqual(changed, [
    { place: 'A / Memory', before: '100', now: '300' },
    { place: 'A / CPU', before: '100', now: '90' },
  ])
})
differences('leaves out a series that a panel may have but does not draw', () => {
  const of = (name: string, isPart: boolean) =>
    panel('A / Pods', { numbers: { [name]: { value: 1, text: '1' } }, isPart })
  const changed = (was: Panel, is: Panel) => reportDifferences(report([was]), report([is])).numbers
  assert.deepEqual(changed(of('a', true), of('b', true)), [])
  assert.deepEqual(changed(of('a', false), of('b', true)), [{ place: 'A / Pods: b', before: '', now: '1' }])
  assert.equal(changed(of('a', false), of('b', false)).length, 2)
})
differences('is as Markdown of at most 60 lines, with the count of the rest', () => {
  const many = (verdict: string, value: number) =>
    report(
      [...Array(200).keys()].map(at => {
        const causes = verdict === 'failed' ? [`error: <b>|${at}`] : []
        return panel(`A / ${at}`, { verdict, causes, numbers: numbers(value) })
      }),
    )
  const changed = reportDifferences(many('has data', 1), many('failed', 2))
  const lines = differencesMarkdown('Dashboards of lab', changed).trimEnd().split('\n')
  assert.ok(lines.length <= MAX_LINES && lines.length > MAX_LINES - 5, `${lines.length} lines`)
  assertSays(lines[2] ?? '', /200 verdicts, 200 causes, 200 numbers .*Failed before 0, now 200\.$/)
  assertSays(lines.join('\n'), /\| A \/ 0 \| {2}\| error: \\<b\\>\\\|0 \|/)
  assert.equal(lines.filter(line => /^\| and \d+ more \|/.test(line)).length, 3)
  assertSays(differencesPart(changed).text, /error: &#60;b&#62;\|0/)
})
differences('of the same report are none', () => {
  const same = report([panel('A / CPU', { numbers: numbers(1) })])
  assert.equal(differencesMarkdown('T', reportDifferences(same, same)).trim().split('\n').length, 3)
})
differences('need the JSON file of a report', () => {
  const path = join(tempDir(), 'old.json')
  for (const text of ['{', '{"time": 1}', '<html>']) {
    writeFileSync(path, text)
    assert.throws(() => readReportData(path), /Cannot compare with .*old\.json/)
  }
  assert.throws(() => readReportData(`${path}.none`), /Cannot compare/)
  writeFileSync(path, JSON.stringify(report([panel('A / CPU')])))
  assert.equal(readReportData(path).panels.length, 1)
})
differences.run()
