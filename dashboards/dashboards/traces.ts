import { type DashboardDefinition, line, row } from '../dashboard.ts'
import * as panels from '../panels/traces.ts'
import { uids } from '../uids.ts'
import { clusterVariable } from '../variables.ts'

export const traces: DashboardDefinition = {
  uid: uids.traces,
  title: 'Traces',
  description: 'The delivery of traces: from the simulator through the collector to Jaeger or Tempo.',
  prerequisites: ['trace-simulator'],
  variables: [clusterVariable('traces_simulator_requests_total')],
  rows: [
    row(
      'The simulator',
      line(4, panels.generatorsStat, panels.calledServicesStat, panels.problemsStat, panels.waitingSpansStat),
      line(7, panels.simulatedRequestsTimeseries, panels.simulatedSpansTimeseries),
    ),
    row(
      'The collector',
      line(7, panels.collectorSpansTimeseries, panels.lostSpansTimeseries),
      line(7, panels.collectorQueueTimeseries),
    ),
  ],
}
