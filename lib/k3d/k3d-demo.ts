import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseAllDocuments, stringify } from 'yaml'
import { fields, items } from '../kube/json.ts'
import { applyText, kubectl } from '../lab/kubectl.ts'
import { type Lab, projectDir } from '../lab/lab.ts'
import { imageOf } from '../lab/lab-images.ts'

/** The namespace of the demo. */
export const demoNamespace = 'demo'

/** The demo's objects with their image, in the order in which they are applied. */
export function demoObjects(base: string, image: string): Record<string, unknown>[] {
  return parseAllDocuments(base).map(document => {
    const object = fields(document.toJS())
    if (object['kind'] !== 'Deployment') return object
    const spec = fields(object['spec'])
    const template = fields(spec['template'])
    const pod = fields(template['spec'])
    const containers = items(pod['containers']).map(container => ({ ...fields(container), image }))
    return { ...object, spec: { ...spec, template: { ...template, spec: { ...pod, containers } } } }
  })
}

/** Applies the demo and waits until its pods run; one line an object. Throws a LabError with kubectl's own words. */
export async function applyDemo(lab: Lab): Promise<string> {
  const base = readFileSync(join(projectDir, 'k3d-config', 'demo.yaml'), 'utf8')
  const objects = demoObjects(base, imageOf(lab, 'node'))
  const applied = await applyText(lab, objects.map(object => stringify(object)).join('---\n'))
  await kubectl(lab, ['rollout', 'status', 'deployment', '-n', demoNamespace, '--timeout=300s'], { timeoutMs: 320_000 })
  return applied
}
