import { fields, text } from '../kube/json.ts'
import { resource } from './resource-amounts.ts'

const CONFIG_MAP_BYTES = 16_384

/** What is kept of a volume that a kubelet measures. */
export interface VolumeFacts {
  name: string
  /** `disk` is an emptyDir on the node's disk, `memory` is tmpfs (secrets, tokens, emptyDir of medium Memory). */
  kind: 'disk' | 'memory' | 'claim'
  /** Of kind `claim`. */
  claimName?: string
  /** emptyDir's sizeLimit, or a guess at the size of what is in it. */
  limitBytes?: number | undefined
}

/** Narrows a volume of a Pod's spec; none for one that a kubelet doesn't measure. */
export function volumeFacts(raw: unknown, podName: string): VolumeFacts[] {
  const volume = fields(raw)
  const name = text(volume.name)
  if (name === undefined) return []
  const claimName = text(fields(volume.persistentVolumeClaim).claimName)
  if (claimName !== undefined) return [{ name, kind: 'claim', claimName }]
  // A generic ephemeral volume's claim has a fixed name.
  if (volume.ephemeral !== undefined) return [{ name, kind: 'claim', claimName: `${podName}-${name}` }]
  if (volume.emptyDir !== undefined) {
    const { medium, sizeLimit } = fields(volume.emptyDir)
    return [{ name, kind: medium === 'Memory' ? 'memory' : 'disk', limitBytes: resource(sizeLimit, 1) }]
  }
  // As in pkg/volume of Kubernetes: these three are written to tmpfs, a ConfigMap to the disk.
  const isTmpfs = volume.secret !== undefined || volume.projected !== undefined || volume.downwardAPI !== undefined
  if (isTmpfs) return [{ name, kind: 'memory' }]
  if (volume.configMap !== undefined) return [{ name, kind: 'disk', limitBytes: CONFIG_MAP_BYTES }]
  return [] // hostPath and the like: a kubelet doesn't measure them
}
