import { hash } from 'node:crypto'
import { fields, items, text } from '../../kube/json.ts'
import type { KeptText } from './text-arena.ts'

/** A Pod as its node's kubelet serves it, and its container statuses by name. */
export interface PodDocument {
  pod: Readonly<Record<string, unknown>>
  statuses: ReadonlyMap<string, Record<string, unknown>>
}

/**
 * The Pod that a node's kubelet serves at `/pods`, from a Pod of the API: without managed fields, and with a `containerID` for
 * each container that has run, which KWOK does not set (a collector that reads the ID ignores containers without one).
 * Missing container statuses of a running pod are added.
 */
export function podDocument(raw: Record<string, unknown>, uid: string): PodDocument {
  const { managedFields: _, ...metadata } = fields(raw.metadata)
  const spec = fields(raw.spec)
  const status = fields(raw.status)
  const statuses = new Map<string, Record<string, unknown>>()
  const withContainerId = (given: unknown): Record<string, unknown> => {
    const one = fields(given)
    const name = text(one.name) ?? ''
    const isCreated = fields(one.state).running !== undefined || fields(one.state).terminated !== undefined
    const completed =
      isCreated && text(one.containerID) === undefined
        ? { ...one, containerID: `containerd://${containerId(uid, name, one)}` }
        : one
    statuses.set(name, completed)
    return completed
  }
  const containerStatuses = items(status.containerStatuses).map(withContainerId)
  const initContainerStatuses = items(status.initContainerStatuses).map(withContainerId)
  if (status.phase === 'Running') {
    for (const container of items(spec.containers)) {
      const { name, image } = fields(container)
      if (statuses.has(text(name) ?? '')) continue
      const running = { startedAt: status.startTime ?? metadata.creationTimestamp }
      const base = { name, ready: true, restartCount: 0, started: true, image, imageID: '', state: { running } }
      const added = { ...base, lastState: {}, containerID: `containerd://${containerId(uid, text(name) ?? '', base)}` }
      containerStatuses.push(added)
    }
  }
  return {
    pod: {
      metadata,
      spec,
      status: {
        ...status,
        ...(containerStatuses.length === 0 ? {} : { containerStatuses }),
        ...(initContainerStatuses.length === 0 ? {} : { initContainerStatuses }),
      },
    },
    statuses,
  }
}

/**
 * The ID of a run of a container: from its status, else 64 hexadecimal digits derived from pod UID, container name and number
 * of restarts.
 */
export function containerId(podUid: string, name: string, status: Record<string, unknown> | undefined): string {
  const ofStatus = text(status?.containerID)
  if (ofStatus !== undefined) return ofStatus.slice(ofStatus.lastIndexOf('/') + 1)
  const restarts = Number(status?.restartCount ?? 0)
  return hash('sha256', `${podUid}/${name}/${restarts}`)
}

/** The kubelet's response at `/pods` for the pods of one node. */
export function podListText(pods: Iterable<{ json: KeptText | string }>): string {
  const parts: string[] = []
  for (const { json } of pods) parts.push(json.toString())
  return `{"kind":"PodList","apiVersion":"v1","metadata":{},"items":[${parts.join(',')}]}`
}
