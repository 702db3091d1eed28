import type { TraceStore } from '../../lib/grafana/generated-files.ts'
import { type DashboardDefinition, line, row } from '../dashboard.ts'
import * as panels from '../panels/services.ts'
import { CALLS } from '../queries/services.ts'
import { uids } from '../uids.ts'
import { clusterVariable, serviceVariable, tracedNamespaceVariable } from '../variables.ts'

export function onlineBoutique(tracesIn: TraceStore): DashboardDefinition {
  return {
    uid: uids.boutique,
    title: 'Online Boutique',
    description:
      'Requests, errors, durations and pods of each traced service, Online Boutique included, from its traces.',
    prerequisites: ['traces'],
    variables: [clusterVariable(CALLS), tracedNamespaceVariable(), serviceVariable()],
    rows: [
      row(
        'Services',
        line(11, panels.servicesTable(tracesIn)),
        line(7, panels.servicePodsTimeseries, panels.requestRateTimeseries),
      ),
      row('Errors', line(7, panels.errorRateTimeseries, panels.errorShareTimeseries)),
      row(
        'Durations',
        line(7, panels.durationTimeseries(0.5), panels.durationTimeseries(0.95)),
        line(7, panels.durationTimeseries(0.99), panels.meanDurationTimeseries),
      ),
      row('Calls to other services', line(7, panels.callRateTimeseries, panels.failedCallShareTimeseries)),
    ],
  }
}
