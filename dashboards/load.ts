import type { DashboardsToVerify, DashboardToVerify } from '../lib/checks/verify/verify.ts'
import type { Settings } from '../lib/cli/settings.ts'
import type { Dashboard } from '../lib/grafana/dashboard-model.ts'
import { readDashboard } from '../lib/grafana/read-dashboard.ts'
import type { SourceMemory, Sources } from '../lib/kube/source-documents.ts'
import { sourcePaths } from '../lib/kube/source-files.ts'
import { labDashboard } from './dashboard.ts'
import { kubePrometheusAtAGlance, labAtAGlance } from './dashboards/lab-at-a-glance.ts'
import { labDashboards } from './index.ts'
import { readDashboards } from './other-dashboards.ts'

let own: readonly DashboardToVerify[] | undefined

/** The lab's own dashboards with the expectations of their queries. */
function ownDashboards(): readonly DashboardToVerify[] {
  own ??= labDashboards().map(({ name, json, expectations }) => ({
    dashboard: readDashboard(json, `dashboards/${name}`),
    expectations,
  }))
  return own
}

/** The panels of the entrance of the lab's page. */
export function glanceDashboard({ metrics }: Pick<Settings, 'metrics'>): Dashboard {
  const { name, json } = labDashboard(metrics === 'prometheus' ? kubePrometheusAtAGlance : labAtAGlance)
  return readDashboard(json, `dashboards/${name}`)
}

/** The lab's own dashboards and those of DASHBOARDS_DIR; and the files that could not be read. A memory keeps the last dashboards of a broken file. */
export function loadDashboards(
  settings: Settings,
  memory?: SourceMemory<Dashboard>,
): DashboardsToVerify & Pick<Sources<Dashboard>, 'skipped'> {
  const { dashboards, ...others } = readDashboards(sourcePaths(settings, 'dashboardsDir'), memory)
  return { ...others, dashboards: [...ownDashboards(), ...dashboards] }
}
