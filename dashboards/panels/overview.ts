import { stat, steps, table, timeseries } from '../panel-builders.ts'
import { alerts, headSeries, receivedPoints, sentPoints, targetsDown, targetsUp } from '../queries/overview.ts'

export const targetsDownStat = stat({
  title: 'Scrape targets down',
  description: 'Components, kubelets and services of the lab whose scrape fails.',
  unit: 'none',
  query: targetsDown,
  thresholds: steps('green', [1, 'red']),
})

export const headSeriesStat = stat({
  title: 'Series',
  description: "Series in Prometheus' memory.",
  unit: 'short',
  query: headSeries,
})

export const targetsUpTimeseries = timeseries({
  title: 'Scrape targets up',
  description: 'Targets whose scrape succeeds, by job.',
  unit: 'short',
  queries: [targetsUp],
})

export const pointsTimeseries = timeseries({
  title: 'Points through the collector',
  description: 'Points per second that the receivers of the OpenTelemetry Collector accept and its exporters send.',
  unit: 'cps',
  queries: [receivedPoints, sentPoints],
})

export const alertsTable = table({
  title: 'Alerts',
  description:
    "Alerts of the lab's rules that are pending or firing. The runbook of each rule, on Prometheus' page /alerts, has the first steps.",
  unit: 'none',
  keys: [
    { label: 'alertname', name: 'Alert' },
    { label: 'alertstate', name: 'State' },
    { label: 'severity', name: 'Severity' },
  ],
  columns: [{ name: 'Count', query: alerts }],
})
