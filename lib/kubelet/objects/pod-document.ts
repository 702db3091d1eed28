import { hash } from 'node:crypto'
import { fields, items, text } from '../../kube/json.ts'
import type { KeptText } from './text-arena.ts'

/** A Pod as its node's kubelet gives it, and its containers' statuses by name. */
export interface PodDocument {
  pod: Readonly<Record<string, unknown>>
  statuses: ReadonlyMap<string, Record<string, unknown>>
}

/**
 * Makes of a Pod of the API the one that its node's kubelet gives at `/pods`: without managed fields, and each container that
 * has run with a `containerID`, which a simulated kubelet's status lacks (a collector that asks for the ID leaves out
 * containers without). A running pod whose status says nothing of a container gets that container's status.
 */
export function podDocument(raw: Record<string, unknown>, uid: string): PodDocument {
  const { managedFields: _, ...metadata } = fields(raw.metadata)
  const spec = fields(raw.spec)
  const status = fields(raw.status)
  const statuses = new Map<string, Record<string, unknown>>()
  const complete = (given: unknown): Record<string, unknown> => {
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
  const containerStatuses = items(status.containerStatuses).map(complete)
  const initContainerStatuses = items(status.initContainerStatuses).map(complete)
  if (status.phase === 'Running') {
    for (const container of items(spec.containers)) {
      const { name, image } = fields(container)
      if (statuses.has(text(name) ?? '')) continue
      const running = { startedAt: status.startTime ?? metadata.creationTimestamp }
      const base = { name, ready: true, restartCount: 0, started: true, image, imageID: '', state: { running } }
      const made = { ...base, lastState: {}, containerID: `containerd://${containerId(uid, text(name) ?? '', base)}` }
      containerStatuses.push(made)
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
 * The ID of one run of a container: what its status says, else 64 hexadecimal digits that are the same for the same UID, name
 * and number of restarts.
 */
export function containerId(podUid: string, name: string, status: Record<string, unknown> | undefined): string {
  const said = text(status?.containerID)
  if (said !== undefined) return said.slice(said.lastIndexOf('/') + 1)
  const restarts = Number(status?.restartCount ?? 0)
  return hash('sha256', `${podUid}/${name}/${restarts}`)
}

/** The kubelet's answer at `/pods` for the pods of one node. */
export function podListText(pods: Iterable<{ json: KeptText | string }>): string {
  const parts: string[] = []
  for (const { json } of pods) parts.push(json.toString())
  return `{"kind":"PodList","apiVersion":"v1","metadata":{},"items":[${parts.join(',')}]}`
}
