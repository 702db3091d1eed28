import type { CatalogMetric } from '../lib/checks/lint/metric-catalog.ts'
import type { DashboardsToVerify, DashboardToVerify } from '../lib/checks/verify/verify.ts'
import type { Settings } from '../lib/cli/settings.ts'
import { readDashboardFiles } from '../lib/grafana/dashboard-files.ts'
import type { Dashboard } from '../lib/grafana/dashboard-model.ts'
import { readDashboard } from '../lib/grafana/read-dashboard.ts'
import type { SkippedDocument, SourceMemory, Sources } from '../lib/kube/source-documents.ts'
import { sourcePaths } from '../lib/kube/source-files.ts'
import { type RuleFile, readRuleFiles } from '../lib/prometheus/rule-files.ts'
import { metricCatalog } from './catalog.ts'
import { labDashboard } from './dashboard.ts'
import { kubePrometheusAtAGlance, labAtAGlance } from './dashboards/lab-at-a-glance.ts'
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

let metrics: readonly CatalogMetric[] | undefined

function catalog(): readonly CatalogMetric[] {
  metrics ??= metricCatalog()
  return metrics
}

/** The panels of the entrance of the lab's page. */
export function glanceDashboard({ metrics }: Pick<Settings, 'metrics'>): Dashboard {
  const { name, json } = labDashboard(metrics === 'prometheus' ? kubePrometheusAtAGlance : labAtAGlance)
  return readDashboard(json, `dashboards/${name}`)
}

/**
 * The dashboards of `--dashboards`, or else the lab's own and those of DASHBOARDS_DIR; and the files that could not
 * be read. A memory keeps the last dashboards of a broken file.
 */
export function loadDashboards(
  settings: Settings,
  paths?: readonly string[],
  memory?: SourceMemory<Dashboard>,
): DashboardsToVerify & Pick<Sources<Dashboard>, 'skipped'> {
  const { found, refused, skipped } = readDashboardFiles(paths ?? sourcePaths(settings, 'dashboardsDir'), memory)
  const others = found.map(dashboard => ({ dashboard, expectations: undefined }))
  return { dashboards: [...(paths === undefined ? ownDashboards() : []), ...others], refused, skipped, catalog }
}

/**
 * The dashboards and rules that verify and report check: those of `--dashboards` and `--rules`, or else the lab's own dashboards and what
 * DASHBOARDS_DIR and RULES_DIR name.
 */
export function loadChecked(
  settings: Settings,
  given: { dashboards?: readonly string[]; rules?: readonly string[] },
): DashboardsToVerify & { rules?: Sources<RuleFile>; skipped: readonly SkippedDocument[] } {
  // With one of the options alone, the other kind is not checked.
  const loaded = loadDashboards(settings, given.dashboards ?? (given.rules && []))
  const paths = given.rules ?? (given.dashboards ? [] : sourcePaths(settings, 'rulesDir'))
  if (paths.length === 0) return loaded
  const rules = readRuleFiles(paths)
  return { ...loaded, rules, skipped: [...loaded.skipped, ...rules.skipped] }
}
