import { createHash } from 'node:crypto'
import { LabError } from '../cli/errors.ts'
import { ApiStatusError, type KubeClient, type RequestOptions } from '../kube/api-client.ts'
import { apiTime } from '../kube/json.ts'
import type { Lab } from '../lab/lab.ts'
import { scenarioAnnotation, scenarioOf } from '../lab/manifest.ts'
import type { ScenarioRequest } from './scenario-journal.ts'

/** What a scenario is applied to: `<namespace>/<pod>`, a node, a namespace, `<namespace>/<service>`, or a part of the lab. */
export type TargetKind = 'pod' | 'node' | 'namespace' | 'service' | 'part'

/** A failure that the lab shows on command, and heals. The list and the docs are made from these texts. */
export interface Scenario {
  name: string
  target: TargetKind
  /** What happens, and how the holder keeps it so. */
  does: string
  /** The time from the command to the full effect in the API. */
  effect: string
  /** What healing restores. */
  heals: string
  /** What dashboards show. */
  shows: string
  /** The alerts that it raises if it lasts long enough: the lab's own on OpenTelemetry's metrics, and kube-prometheus'. */
  alerts: { otel: readonly string[]; prometheus: readonly string[] }
  /** Why the lab cannot measure meanwhile, so that verify fails: undefined where it can. */
  breaksMeasuring?: string
  /** The series that end meanwhile, so that verify excuses queries which need them: those of a scrape job, or some metrics. */
  ends?: { job: string } | { metrics: RegExp }
  /** Pods of its own run on nodes, before they are replaced. */
  runsPods?: true
  /** The only target, for a scenario that has one. */
  only?: string
  /** Whether an object of the API can be its target, and why not. By default all can. */
  unfit?: (object: unknown, client: KubeClient) => string | undefined | Promise<string | undefined>
  /** Why no lab inside a cluster can have it. */
  notInCluster?: string
  /** Why this KWOK lab cannot have it; undefined if it can. */
  unfitLab?: (lab: Lab) => Promise<string | undefined>
  /**
   * Makes the cluster as it must be now, and returns the milliseconds until it has to be called again. The first call applies the scenario.
   * It may be called again at any time, in another process too.
   *
   * Throws a TargetGoneError when there is nothing left to hold.
   */
  hold: (run: ScenarioRun) => Promise<number>
  /** Restores what was there before. It can be repeated, also for a scenario that was never or partly applied, or whose target is gone. */
  undo: (run: ScenarioRun) => Promise<void>
}

/** One run of a scenario. */
export interface ScenarioRun extends ScenarioRequest {
  lab: Lab
  client: KubeClient
  /** What `save` was last called with, by this or an earlier process. */
  saved: unknown
  /** Keeps a value for later calls. It is on disk when this returns, so it comes before the change that it belongs to. */
  save: (value: unknown) => void
}

/** The target was deleted or replaced, or another hand has ended the scenario. */
export class TargetGoneError extends LabError {
  override readonly name = 'TargetGoneError'
}

/** The parsed answer of a request; undefined for 404. Throws an ApiStatusError for any other error status. */
export async function call(
  client: KubeClient,
  method: string,
  path: string,
  options: RequestOptions = {},
): Promise<unknown> {
  const answer = await client.request(method, path, options)
  if (answer.status === 404) return undefined
  if (answer.status >= 300) throw new ApiStatusError(`The API server refused ${method} ${path}`, answer)
  return answer.body
}

/** Patches an object by a strategic merge patch. Undefined when it does not exist. */
export async function patch(client: KubeClient, path: string, body: unknown): Promise<unknown> {
  return await call(client, 'PATCH', path, { body, contentType: 'application/strategic-merge-patch+json' })
}

/** Annotates an object with a scenario, or removes the annotation, unless it is so. */
export async function annotate(client: KubeClient, path: string, object: unknown, name: string | null): Promise<void> {
  if ((scenarioOf(object) ?? null) === name) return
  await patch(client, path, { metadata: { annotations: { [scenarioAnnotation]: name } } })
}

/** Creates an object, or makes its fields these. */
export async function apply(client: KubeClient, path: string, body: unknown): Promise<unknown> {
  const query = 'fieldManager=kube-otel-lab-scenarios&force=true'
  return await call(client, 'PATCH', `${path}?${query}`, { body, contentType: 'application/apply-patch+yaml' })
}

/** The component that reports an event of a scenario, and the object that the event is about. */
export interface EventSource {
  /** An object of a namespace, or a Node. */
  involved: { kind: string; namespace?: string; name: string; uid: string; fieldPath?: string }
  component: string
  host: string
}

/** An event, with the number of its repetitions. */
export interface ClusterEvent {
  type: 'Normal' | 'Warning'
  reason: string
  message: string
  count: number
  firstMs: number
  lastMs: number
}

/** The events that this process has written, so that each is written once for each count. */
const written = new Map<string, string>()

/** Writes an event, once for each count. The same event has the same name, in each process. */
export async function writeEvent(
  run: ScenarioRun,
  { involved, component, host }: EventSource,
  event: ClusterEvent,
): Promise<void> {
  // Events of nodes are in this namespace.
  const { namespace = 'default', name, uid } = involved
  const key = `${uid} ${run.startMs} ${event.reason} ${event.message}`
  const version = `${key} ${event.count}`
  const eventName = `${name}.${createHash('sha256').update(key).digest('hex').slice(0, 16)}`
  if (written.get(eventName) === version) return
  const { type, reason, message, count, firstMs, lastMs } = event
  await apply(run.client, `/api/v1/namespaces/${namespace}/events/${eventName}`, {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { namespace, name: eventName, annotations: { [scenarioAnnotation]: run.name } },
    involvedObject: { apiVersion: 'v1', ...involved },
    type,
    reason,
    message,
    count,
    firstTimestamp: apiTime(firstMs),
    lastTimestamp: apiTime(lastMs),
    source: { component, host },
    reportingComponent: component,
    reportingInstance: host,
  })
  written.set(eventName, version)
}
