import { type LabPanel, stat, table, timeseries } from '../panel-builders.ts'
import { alerts, headSeries, receivedPoints, sentPoints, targetsDown, targetsUp } from '../queries/overview.ts'

export function targetsDownStat(): LabPanel {
  return stat({
    title: 'Scrape targets down',
    description: 'Components, kubelets and services of the lab whose scrape fails.',
    unit: 'none',
    query: targetsDown,
    thresholds: [
      { value: null, color: 'green' },
      { value: 1, color: 'red' },
    ],
  })
}

export function headSeriesStat(): LabPanel {
  return stat({
    title: 'Series',
    description: "Series in Prometheus' memory.",
    unit: 'short',
    query: headSeries,
  })
}

export function targetsUpTimeseries(): LabPanel {
  return timeseries({
    title: 'Scrape targets up',
    description: 'Targets whose scrape succeeds, by job.',
    unit: 'short',
    queries: [targetsUp],
  })
}

export function pointsTimeseries(): LabPanel {
  return timeseries({
    title: 'Points through the collector',
    description: 'Points per second that the receivers of the OpenTelemetry Collector accept and its exporters send.',
    unit: 'cps',
    queries: [receivedPoints, sentPoints],
  })
}

export function alertsTable(): LabPanel {
  return table({
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
}
