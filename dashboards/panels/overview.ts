import { type LabPanel, stat, table, timeseries } from '../panel-builders.ts'
import { alerts, headSeries, receivedPoints, sentPoints, targetsDown, targetsUp } from '../queries/overview.ts'

export function targetsDownStat(): LabPanel {
  return stat({
    title: 'Scrape targets down',
    description: 'Parts of the control plane, kubelets and parts of the lab that do not answer when they are scraped.',
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
    description: 'Series that Prometheus holds in memory.',
    unit: 'short',
    query: headSeries,
  })
}

export function targetsUpTimeseries(): LabPanel {
  return timeseries({
    title: 'Scrape targets up',
    description: 'Targets that answer, by job.',
    unit: 'short',
    queries: [targetsUp],
  })
}

export function pointsTimeseries(): LabPanel {
  return timeseries({
    title: 'Points through the collector',
    description: 'Points a second that the receivers of the OpenTelemetry Collector take in and its exporters deliver.',
    unit: 'cps',
    queries: [receivedPoints, sentPoints],
  })
}

export function alertsTable(): LabPanel {
  return table({
    title: 'Alerts',
    description:
      "Alerts of the lab's rules that wait or fire. What to do is in the runbook of each rule, on Prometheus's page /alerts.",
    unit: 'none',
    keys: [
      { label: 'alertname', name: 'Alert' },
      { label: 'alertstate', name: 'State' },
      { label: 'severity', name: 'Severity' },
    ],
    columns: [{ name: 'Count', query: alerts }],
  })
}
