import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { jsonFolder } from '../lib/grafana/generated-files.ts'
import { datasourcesYaml, type ProvisioningTargets, providersYaml } from '../lib/services/grafana-provisioning.ts'
import { labDashboards } from './index.ts'
import { ruleFiles } from './rules/index.ts'

/** The dashboards and rules: the text of each file by its path in the output folder. The same for every lab. */
export function generatedFiles(): Map<string, string> {
  const files = new Map<string, string>()
  for (const store of ['jaeger', 'tempo'] as const) {
    const folder = jsonFolder(store)
    for (const { name, json } of labDashboards(store)) {
      files.set(`${folder}/${name}.json`, `${JSON.stringify(json, null, 2)}\n`)
    }
  }
  for (const { file } of ruleFiles()) files.set(`rules/${basename(file)}`, readFileSync(file, 'utf8'))
  return files
}

/** Grafana's provisioning for one lab, by path as `generatedFiles`. */
export function provisioningFiles(targets: ProvisioningTargets): Map<string, string> {
  return new Map([
    ['provisioning/datasources/kube-otel-lab.yaml', datasourcesYaml(targets)],
    ['provisioning/dashboards/kube-otel-lab.yaml', providersYaml(targets)],
  ])
}
