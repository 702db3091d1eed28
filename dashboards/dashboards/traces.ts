import { type LabDashboard, labDashboard, line, row } from '../dashboard.ts'
import {
  calledServicesStat,
  collectorQueueTimeseries,
  collectorSpansTimeseries,
  generatorsStat,
  lostSpansTimeseries,
  problemsStat,
  simulatedRequestsTimeseries,
  simulatedSpansTimeseries,
  waitingSpansStat,
} from '../panels/traces.ts'
import { uids } from '../uids.ts'
import { clusterOfVariable, datasourceVariable } from '../variables.ts'

export function traces(): LabDashboard {
  return labDashboard({
    uid: uids.traces,
    title: 'Traces',
    description: 'The delivery of traces: from the simulator through the collector to Jaeger or Tempo.',
    prerequisites: ['trace-simulator'],
    variables: [datasourceVariable(), clusterOfVariable('traces_simulator_requests_total')],
    rows: [
      row(
        'The simulator',
        line(4, generatorsStat(), calledServicesStat(), problemsStat(), waitingSpansStat()),
        line(7, simulatedRequestsTimeseries(), simulatedSpansTimeseries()),
      ),
      row(
        'The collector',
        line(7, collectorSpansTimeseries(), lostSpansTimeseries()),
        line(7, collectorQueueTimeseries()),
      ),
    ],
  })
}
