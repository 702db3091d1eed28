import type { DashboardToVerify } from '../lib/checks/verify/verify.ts'
import type { Settings } from '../lib/cli/settings.ts'
import { dashboardsDirPaths, type ReadFiles, readDashboardFiles } from '../lib/grafana/dashboard-files.ts'
import { readDashboard } from '../lib/grafana/read-dashboard.ts'
import { labDashboards } from './index.ts'

/** The lab's own dashboards in the form of any, with what is known of their queries. Built anew by each call. */
export function ownDashboards(): DashboardToVerify[] {
  return labDashboards().map(({ name, json, expectations }) => ({
    dashboard: readDashboard(json, `dashboards/${name}`),
    expectations,
  }))
}

/** The dashboards that `--dashboards` names, or else the lab's own and those of DASHBOARDS_DIR; and the files that are none. */
export function loadDashboards(
  settings: Settings,
  {
    paths,
    own = ownDashboards,
  }: { paths?: readonly string[] | undefined; own?: () => readonly DashboardToVerify[] } = {},
): { dashboards: DashboardToVerify[]; refused: ReadFiles['refused'] } {
  const { dashboards, refused } = readDashboardFiles(paths ?? dashboardsDirPaths(settings))
  const others = dashboards.map(dashboard => ({ dashboard, expectations: undefined }))
  return { dashboards: [...(paths === undefined ? own() : []), ...others], refused }
}
