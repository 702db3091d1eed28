import { join } from 'node:path'
import { fields, items, merged } from '../kube/json.ts'
import { projectDir } from '../lab/lab.ts'

export const demoNamespace = 'demo'

export const demoFile = join(projectDir, 'k3d-config', 'demo.yaml')

/** The documents of k3d-config/demo.yaml with this image. */
export function demoObjects(documents: readonly unknown[], image: string): Record<string, unknown>[] {
  return documents.map(document => {
    const object = fields(document)
    if (object['kind'] !== 'Deployment') return object
    const pod = fields(fields(fields(object['spec'])['template'])['spec'])
    const containers = items(pod['containers']).map(container => ({ ...fields(container), image }))
    return merged(object, { spec: { template: { spec: { containers } } } })
  })
}
