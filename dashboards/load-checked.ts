import type { DashboardsToVerify } from '../lib/checks/verify/verify.ts'
import type { Settings } from '../lib/cli/settings.ts'
import type { SkippedDocument, Sources } from '../lib/kube/source-documents.ts'
import { sourcePaths } from '../lib/kube/source-files.ts'
import { type RuleFile, readRuleFiles } from '../lib/prometheus/rule-files.ts'
import { readDashboards } from './other-dashboards.ts'

/**
 * The dashboards and rules that verify and report check: those of `--dashboards` and `--rules`, or else the lab's own dashboards and what
 * DASHBOARDS_DIR and RULES_DIR name.
 */
export async function loadChecked(
  settings: Settings,
  { dashboards, rules }: { dashboards?: readonly string[]; rules?: readonly string[] },
): Promise<DashboardsToVerify & { rules?: Sources<RuleFile>; skipped: readonly SkippedDocument[] }> {
  // With one of the options alone, the other kind is not checked. The code of the lab's own dashboards takes a part of a second to load.
  const isGiven = dashboards !== undefined || rules !== undefined
  const loaded = isGiven ? readDashboards(dashboards ?? []) : (await import('./load.ts')).loadDashboards(settings)
  const paths = isGiven ? (rules ?? []) : sourcePaths(settings, 'rulesDir')
  if (paths.length === 0) return loaded
  const read = readRuleFiles(paths)
  return { ...loaded, rules: read, skipped: [...loaded.skipped, ...read.skipped] }
}
