import { UsageError } from '../cli/errors.ts'
import type { KubeClient } from '../kube/api-client.ts'
import { apiTime, fields, items, text } from '../kube/json.ts'
import { type Lab, labCommand } from '../lab/lab.ts'
import { call, type Scenario, type TargetKind } from './scenario.ts'
import { type IsOfLab, scenarioCluster } from './scenario-cluster.ts'
import type { ScenarioRequest } from './scenario-journal.ts'

const COLLECTIONS: Readonly<Record<Exclude<TargetKind, 'part'>, string>> = {
  pod: '/api/v1/pods',
  node: '/api/v1/nodes',
  namespace: '/api/v1/namespaces',
  service: '/api/v1/services',
}
const PAGE = 200

/** The step that creates targets of a kind, where the lab has none without it: services with traces. */
export const creatorOf: Partial<Record<TargetKind, string>> = { service: 'kwok-boutique' }

/**
 * The target of a scenario: the given one, or for `auto` the first by namespace and name that fits and has no scenario.
 *
 * Throws a UsageError when it does not exist, is not the lab's, does not fit, or has a scenario already. Nothing is changed.
 */
export async function chooseTarget(
  client: KubeClient,
  scenario: Scenario,
  { target, running, lab }: { target: string; running: readonly ScenarioRequest[]; lab: Lab },
): Promise<string> {
  const { name, target: kind, only } = scenario
  const cluster = scenarioCluster(lab)
  const exclusion = cluster.exclusion(scenario)
  if (exclusion !== undefined) {
    throw new UsageError(`Cannot start ${name}`, { why: exclusion, next: 'read docs/in-cluster.md' })
  }
  const isOfLab = await cluster.isOfLab(client)
  const what = `Cannot start ${name} on ${target}`
  const chosen = only ?? (target === 'auto' ? await firstTarget(client, scenario, { running, isOfLab }) : target)
  if (only !== undefined && target !== 'auto' && target !== only) {
    throw new UsageError(what, { why: `its only target is ${only}`, next: 'leave TARGET out' })
  }
  if (chosen === undefined) {
    throw new UsageError(`Cannot start ${name}`, {
      why: `no ${kind} fits that has no scenario`,
      next: creatorOf[kind] === undefined ? 'set TARGET' : labCommand(lab, creatorOf[kind]),
    })
  }
  const other = running.find(each => each.target === chosen)
  if (other !== undefined) {
    throw new UsageError(`Cannot start ${name} on ${chosen}`, {
      why: `${other.name} runs on it until ${apiTime(other.untilMs)}`,
      next: `${labCommand(lab, 'kwok-heal')} SCENARIO=${other.name} TARGET=${chosen}, or set TARGET to another`,
    })
  }
  if (kind === 'part' || target === 'auto') return chosen
  const [first = '', second, ...rest] = target.split('/')
  const isNamespaced = kind === 'pod' || kind === 'service'
  if (rest.length > 0 || isNamespaced !== (second !== undefined)) {
    const form = isNamespaced ? `<namespace>/<${kind}>` : `the name of a ${kind}`
    throw new UsageError(what, { why: `its target is a ${kind}`, next: `set TARGET to ${form}` })
  }
  const path = isNamespaced ? `/api/v1/namespaces/${first}/${kind}s/${second}` : `${COLLECTIONS[kind]}/${first}`
  const object = await call(client, 'GET', path)
  const why =
    object === undefined
      ? `there is no such ${kind}`
      : isOfLab(kind, object)
        ? await scenario.unfit?.(object, client)
        : `this ${kind} is not the lab's`
  if (why !== undefined) throw new UsageError(what, { why, next: `kubectl get ${kind}s${isNamespaced ? ' -A' : ''}` })
  return target
}

async function firstTarget(
  client: KubeClient,
  scenario: Scenario,
  { running, isOfLab }: { running: readonly ScenarioRequest[]; isOfLab: IsOfLab },
): Promise<string | undefined> {
  const taken = new Set(running.map(each => each.target))
  for await (const target of fittingTargets(client, scenario, isOfLab, each => !taken.has(each))) return target
  return undefined
}

/** The targets of the lab that fit a scenario, by namespace and name, of those that `isFree` accepts; none for a scenario of a part. */
export async function* fittingTargets(
  client: KubeClient,
  scenario: Scenario,
  isOfLab: IsOfLab,
  isFree: (target: string) => boolean = () => true,
): AsyncGenerator<string> {
  if (scenario.target === 'part') return
  let next: string | undefined
  do {
    const page = new URLSearchParams({ limit: String(PAGE), ...(next === undefined ? {} : { continue: next }) })
    const list = fields(await call(client, 'GET', `${COLLECTIONS[scenario.target]}?${page}`))
    // The API lists by namespace and name.
    for (const object of items(list['items'])) {
      const { namespace, name } = fields(fields(object)['metadata'])
      const target = namespace === undefined ? String(name) : `${namespace}/${name}`
      if (isOfSystem(String(namespace ?? name)) || !isOfLab(scenario.target, object) || !isFree(target)) continue
      if ((await scenario.unfit?.(object, client)) === undefined) yield target
    }
    next = text(fields(list['metadata'])['continue'])
  } while (next !== undefined)
}

/** A namespace without workloads of the lab's. */
export function isOfSystem(namespace: string): boolean {
  return namespace === 'default' || /^kube-/.test(namespace)
}
