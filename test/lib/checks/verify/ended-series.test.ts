/** Series that a scenario has ended, on a real Prometheus. */
import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { endedBy, endedSeries } from '../../../../lib/checks/verify/ended-series.ts'
import { createPrometheusApi } from '../../../../lib/prometheus/prometheus-client.ts'
import { scenarioJournal } from '../../../../lib/scenarios/scenario-journal.ts'
import { tempLab } from '../../../support/temp-lab.ts'
import { type RunningPrometheus, startPrometheus } from './prometheus-fixture.ts'

const untilMs = Date.now()
const startMs = untilMs - 600_000

/** A series with a sample every 10 s for 20 minutes, or only for the first half. */
function series(name: string, isEnded: boolean): string[] {
  const times = Array.from({ length: isEnded ? 60 : 121 }, (_, at) => untilMs - 1_200_000 + at * 10_000)
  return times.map((timeMs, at) => `${name} ${at} ${timeMs / 1_000}`)
}

const ended = suite<{ prometheus: RunningPrometheus }>('endedBy()')
ended.before(async context => {
  context.prometheus = await startPrometheus([
    ...series('requests_total{job="kube-scheduler"}', true),
    ...series('requests_total{job="apiserver"}', false),
    ...series('pending{job="kube-scheduler"}', true),
    ...series('lost_bytes{job="etcd"}', true),
    ...series('traces_simulator_requests_total', true),
  ])
})
ended.after(({ prometheus }) => prometheus?.stop())

for (const [query, because] of [
  ['sum(rate(requests_total{job="kube-scheduler"}[1m]))', 'scheduler-down'],
  ['recorded:pending', 'scheduler-down'],
  ['sum(traces_simulator_requests_total)', 'traces-silent'],
  // These have series.
  ['sum(requests_total)', undefined],
  // These have none for another reason.
  ['requests_total{job="kube-scheduler", zone="a"}', undefined],
  ['lost_bytes', undefined],
  ['never_there', undefined],
  ['sum(', undefined],
] as const) {
  ended(`${because ?? 'no scenario'} is why ${query} has no series`, async ({ prometheus }) => {
    const lab = tempLab()
    for (const name of ['scheduler-down', 'traces-silent', 'node-unreachable'])
      scenarioJournal(lab).request({ name, target: name, startMs, untilMs })
    const context = {
      api: createPrometheusApi(prometheus.url),
      recorded: new Map([['recorded:pending', 'sum(pending)']]),
    }
    const expected = because && `scenario ${because} has ended the series`
    assert.equal(await endedBy(query, endedSeries(lab), context, untilMs), expected)
  })
}
ended.run()
