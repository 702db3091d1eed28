import type { DashboardsToVerify, DashboardToVerify } from '../lib/checks/verify/verify.ts'
import type { Settings } from '../lib/cli/settings.ts'
import { dashboardsDirPaths, readDashboardFiles } from '../lib/grafana/dashboard-files.ts'
import { readDashboard } from '../lib/grafana/read-dashboard.ts'
import { labDashboards } from './index.ts'

let own: readonly DashboardToVerify[] | undefined

/** The lab's own dashboards with the expectations of their queries. */
function ownDashboards(): readonly DashboardToVerify[] {
  own ??= labDashboards().map(({ name, json, expectations }) => ({
    dashboard: readDashboard(json, `dashboards/${name}`),
    expectations,
  }))
  return own
}

/**
 * The dashboards of `--dashboards`, or else the lab's own and those of DASHBOARDS_DIR; and the files that could not
 * be read.
 */
export function loadDashboards(settings: Settings, paths?: readonly string[]): DashboardsToVerify {
  const { dashboards, refused } = readDashboardFiles(paths ?? dashboardsDirPaths(settings))
  const others = dashboards.map(dashboard => ({ dashboard, expectations: undefined }))
  return { dashboards: [...(paths === undefined ? ownDashboards() : []), ...others], refused }
}
