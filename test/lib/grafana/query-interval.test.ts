import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { queryTimes, rangeMs } from '../../../lib/grafana/query-interval.ts'
import { durationMs, durationText } from '../../../lib/promql/durations.ts'

const times = suite('queryTimes()')
const HOUR = { fromMs: 0, untilMs: 3_600_000 }
const inputs = { range: HOUR, scrapeMs: 10_000, interval: '', panelInterval: '', maxDataPoints: 800 }
const textOf = (name: string, given: Partial<typeof inputs> = {}) =>
  queryTimes({ ...inputs, ...given }).variables.get(name)?.values[0]

for (const [fact, given, interval, rate] of [
  ['an hour: not below the scrape interval', {}, '10s', '40s'],
  ['a day: more points than a panel shows', { range: { fromMs: 0, untilMs: 86_400_000 } }, '2m', '130s'],
  ['a target with its own minimum step', { interval: '1m' }, '1m', '4m'],
  ['a minimum step with Grafana’s prefix >', { interval: '>30s' }, '30s', '2m'],
  ['a panel with a minimum step', { panelInterval: '1m' }, '1m', '70s'],
  ['a step that is not a duration', { interval: '$__rate_interval' }, '10s', '40s'],
  ['another scrape interval', { scrapeMs: 15_000 }, '15s', '1m'],
] as const) {
  times(fact, () => assert.deepEqual([textOf('__interval', given), textOf('__rate_interval', given)], [interval, rate]))
}

times('have the range as a duration, and the times as numbers', () => {
  const names = ['__range', '__range_s', '__range_ms', '__from', '__to', '__interval_ms'] as const
  assert.deepEqual(
    names.map(name => textOf(name)),
    ['3600s', '3600', '3600000', '0', '3600000', '10000'],
  )
})
times.run()

const durations = suite('durationMs(), durationText(), rangeMs()')
durations('reads only PromQL durations', () => {
  assert.deepEqual(['90s', '1m30s', '500ms', '1d', '2w', '', 'x', '5', '5 m'].map(durationMs), [
    90_000,
    90_000,
    500,
    86_400_000,
    1_209_600_000,
    undefined,
    undefined,
    undefined,
    undefined,
  ])
})
durations('writes durations in one unit', () => {
  assert.deepEqual([90_000, 60_000, 1_500, 86_400_000].map(durationText), ['90s', '1m', '1500ms', '1d'])
})
durations('reads a range that ends now', () => {
  assert.equal(rangeMs('now-6h', 'now'), 21_600_000)
  assert.equal(rangeMs('1767323045000', '1767323105000'), 60_000)
  assert.equal(rangeMs('1767323105000', '1767323045000'), undefined)
  assert.equal(rangeMs('now/d', 'now'), undefined)
  assert.equal(rangeMs('now-6h', 'now-1h'), undefined)
})
durations.run()
