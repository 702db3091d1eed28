import { basename } from 'node:path'
import { recordedBy } from '../../lib/checks/lint/lint-dashboards.ts'
import type { RecordedSeries } from '../../lib/checks/lint/metric-catalog.ts'
import { readRuleFiles, rulesOf } from '../../lib/prometheus/rule-files.ts'

/** The lab's rule files: recording rules, and alerts. `tracing.yaml` is not for a cluster without a trace simulator, where an alert fires. */
export function ruleFiles() {
  return readRuleFiles([import.meta.dirname]).found
}

/** All rules, each with its name and the name of its file in the output folder. */
export function labRules() {
  return rulesOf(ruleFiles()).map(({ file, name, rule }) => {
    return { ...rule, file: `rules/${basename(file.file, '.yaml')}`, name, isAlert: rule.alert !== undefined }
  })
}

/** The recorded series. */
export function recordedSeries(): RecordedSeries[] {
  return recordedBy(labRules())
}
