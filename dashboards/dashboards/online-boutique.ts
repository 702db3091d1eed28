import type { TraceStore } from '../../lib/grafana/generated-files.ts'
import { type LabDashboard, labDashboard, line, row } from '../dashboard.ts'
import {
  callRateTimeseries,
  durationTimeseries,
  errorRateTimeseries,
  errorShareTimeseries,
  failedCallShareTimeseries,
  meanDurationTimeseries,
  requestRateTimeseries,
  servicePodsTimeseries,
  servicesTable,
} from '../panels/services.ts'
import { CALLS } from '../queries/services.ts'
import { uids } from '../uids.ts'
import { clusterOfVariable, datasourceVariable, serviceVariable, tracedNamespaceVariable } from '../variables.ts'

export function onlineBoutique(tracesIn: TraceStore): LabDashboard {
  return labDashboard({
    uid: uids.boutique,
    title: 'Online Boutique',
    description:
      'Requests, errors, durations and pods of each traced service, Online Boutique included, from its traces.',
    prerequisites: ['traces'],
    variables: [datasourceVariable(), clusterOfVariable(CALLS), tracedNamespaceVariable(), serviceVariable()],
    rows: [
      row('Services', line(11, servicesTable(tracesIn)), line(7, servicePodsTimeseries(), requestRateTimeseries())),
      row('Errors', line(7, errorRateTimeseries(), errorShareTimeseries())),
      row(
        'Durations',
        line(7, durationTimeseries(0.5), durationTimeseries(0.95)),
        line(7, durationTimeseries(0.99), meanDurationTimeseries()),
      ),
      row('Calls to other services', line(7, callRateTimeseries(), failedCallShareTimeseries())),
    ],
  })
}
