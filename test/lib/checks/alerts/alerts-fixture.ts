import { stringify } from 'yaml'
import type { AlertRule } from '../../../../lib/checks/alerts/scaled-rules.ts'
import type { RuleFile } from '../../../../lib/prometheus/rule-files.ts'

/** A rule file with one group. */
export function ruleFile(name: string, rules: RuleFile['groups'][number]['rules'], group = {}): RuleFile {
  const groups = [{ name: 'first', ...group, rules }]
  return { source: name, file: name, fileName: `${name}-1.yaml`, groups, text: stringify({ groups }) }
}

/** A rule without annotations. */
export function rule(given: Record<string, unknown>): RuleFile['groups'][number]['rules'][number] {
  return { expr: 'up == 0', for: undefined, labels: {}, annotations: {}, ...given }
}

export function alertRule(name: string, given: Partial<AlertRule> = {}): AlertRule {
  return {
    name,
    isOwn: true,
    source: 'own.yaml',
    group: 'copies',
    index: 0,
    forMs: 60_000,
    waitMs: 2_000,
    keepMs: 0,
    rangeMs: 0,
    metrics: ['up'],
    templates: [],
    ...given,
  }
}
