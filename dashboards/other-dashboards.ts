import type { DashboardsToVerify } from '../lib/checks/verify/verify.ts'
import { readDashboardFiles } from '../lib/grafana/dashboard-files.ts'
import type { Dashboard } from '../lib/grafana/dashboard-model.ts'
import type { SourceMemory, Sources } from '../lib/kube/source-documents.ts'
import { metricCatalog } from './catalog.ts'

/** Dashboards of files, and the files that could not be read. A memory keeps the last dashboards of a broken file. */
export function readDashboards(
  paths: readonly string[],
  memory?: SourceMemory<Dashboard>,
): DashboardsToVerify & Pick<Sources<Dashboard>, 'skipped'> {
  const { found, refused, skipped } = readDashboardFiles(paths, memory)
  const dashboards = found.map(dashboard => ({ dashboard, expectations: undefined }))
  return { dashboards, refused, skipped, catalog: metricCatalog }
}
