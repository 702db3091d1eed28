import { join } from 'node:path'
import { parse } from 'valibot'
import { readYamlDocuments } from '../../lib/system/yaml-files.ts'
import { apiserverRules } from './kube-apiserver.ts'
import { kubernetesRules } from './kubernetes.ts'
import { alertFile, type RecordingRule, type RuleGroup } from './rule.ts'

/** All rules, by the name of their file without `.yaml`: recording rules, and the alerts of the YAML files here. */
export function ruleFiles(): ReadonlyMap<string, readonly RuleGroup[]> {
  return new Map([
    ['kubernetes', [kubernetesRules()]],
    ['kube-apiserver', [apiserverRules()]],
    ['alerts', alertGroups('alerts.yaml')],
    // Not for a cluster without a trace simulator, where one of them fires.
    ['tracing', alertGroups('tracing.yaml')],
  ])
}

/** The recorded series. */
export function recordedSeries(): RecordingRule[] {
  return [...ruleFiles().values()]
    .flat()
    .flatMap(group => group.rules)
    .filter(rule => 'record' in rule)
}

function alertGroups(name: string): RuleGroup[] {
  const [file] = readYamlDocuments(join(import.meta.dirname, name))
  return parse(alertFile, file).groups
}
