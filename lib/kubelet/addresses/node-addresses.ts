import { messageOf } from '../../cli/errors.ts'
import type { KubeClient, KubeResponse } from '../../kube/api-client.ts'
import { fields, items, text } from '../../kube/json.ts'
import { internalIp, KUBELET_PORT } from '../../kube/node-address.ts'
import type { NodeFacts, PodFacts } from '../objects/facts.ts'
import type { AddressBook } from './address-book.ts'

export interface NodeAddressesOptions {
  client: Pick<KubeClient, 'request'>
  book: AddressBook
  signal: AbortSignal
  /** Called before an address is published. */
  flush: () => void
  countPatch: (result: 'accepted' | 'refused') => void
  /** Logs a line unless one about the same subject was logged. */
  logOnce: (subject: string, line: string) => void
  /** The number of concurrent patches. */
  concurrency?: number
  /** The shortest time between two patches of one node, and the wait after its first refused one. It doubles up to 30 s. */
  pauseMs?: number
}

const MOST_PAUSE_MS = 30_000
/** Before the UID of a pod. No name of a node has a slash. */
const POD = 'pod/'

/**
 * Gives every node an address and writes it to the node's status: InternalIP, the node's name as Hostname, and the port of the kubelet.
 * Other types of addresses stay. kwok-controller keeps addresses that a node has; it may write its own once, before it sees these.
 * A pod with `hostNetwork` that started before its node had an address gets it too: KWOK sets the address of a pod only once.
 *
 * All nodes are simulated: kwokctl's kwok-controller manages all nodes of its cluster.
 */
export function createNodeAddresses(options: NodeAddressesOptions) {
  const { client, book, signal, flush, countPatch, logOnce, concurrency = 8, pauseMs = 1_000 } = options
  const nodes = new Map<string, NodeFacts>()
  const nameByUid = new Map<string, string>()
  /** Pods without an address, by UID. */
  const pods = new Map<string, Pick<PodFacts, 'name' | 'namespace' | 'nodeName'>>()
  /** Names of nodes, and `pod/<uid>`. */
  const queue = new Set<string>()
  /** When one may be patched again, and how often it was refused. */
  const waits = new Map<string, { untilMs: number; failures: number }>()
  let isStarted = false
  let running = 0
  let timer: NodeJS.Timeout | undefined

  return {
    /** For each change of a node. */
    setNode(facts: NodeFacts) {
      const before = nodes.get(facts.name)
      if (before !== undefined) nameByUid.delete(before.uid)
      nodes.set(facts.name, facts)
      nameByUid.set(facts.uid, facts.name)
      if (isStarted) check(facts)
    },

    /** Returns the name, unless another node has it already. */
    deleteNode(uid: string): string | undefined {
      const name = nameByUid.get(uid)
      if (name === undefined) return undefined
      nameByUid.delete(uid)
      nodes.delete(name)
      waits.delete(name)
      book.release(name)
      return name
    },

    /** For each change of a pod. */
    setPod({ uid, name, namespace, nodeName, lacksAddress }: PodFacts) {
      if (!lacksAddress) return deletePod(uid)
      pods.set(uid, { name, namespace, nodeName })
      if (isStarted) enqueue(POD + uid)
    },

    deletePod,

    /** Must be called when all nodes are listed. Of two nodes with one address, the older one keeps it. */
    start() {
      isStarted = true
      const oldestFirst = [...nodes.values()].sort((a, b) => a.startMs - b.startMs)
      const isClaim = (facts: NodeFacts) => internalIp(facts.object.status) !== undefined
      for (const facts of oldestFirst.filter(isClaim)) book.ensure(facts.name, internalIp(facts.object.status))
      for (const facts of oldestFirst) check(facts)
    },

    /** Whether a node of this name exists. */
    has: (name: string) => nodes.has(name),
    /** The nodes and pods whose status is not written yet. */
    get pendingCount() {
      return queue.size + running
    },
  }

  function deletePod(uid: string): void {
    if (pods.delete(uid)) waits.delete(POD + uid)
  }

  function exists(key: string): boolean {
    return key.startsWith(POD) ? pods.has(key.slice(POD.length)) : nodes.has(key)
  }

  function check(facts: NodeFacts): void {
    const address = book.ensure(facts.name, internalIp(facts.object.status))
    if (address === undefined) {
      logOnce('range', `node ${facts.name} gets no address: all of the range are in use (maybe others too)`)
      return
    }
    if (statusPatch(facts, address) !== undefined) enqueue(facts.name)
    for (const [uid, { nodeName }] of pods) if (nodeName === facts.name) enqueue(POD + uid)
  }

  function enqueue(key: string): void {
    queue.add(key)
    setImmediate(work)
  }

  /** The status to write; undefined if nothing is left to write. */
  function change(key: string): { path: string; body: string } | undefined {
    const pod = key.startsWith(POD) ? pods.get(key.slice(POD.length)) : undefined
    const facts = nodes.get(pod?.nodeName ?? key)
    const address = facts && book.ensure(facts.name)
    if (facts === undefined || address === undefined) return undefined
    if (pod === undefined) {
      const body = statusPatch(facts, address)
      return body === undefined ? undefined : { path: `/api/v1/nodes/${encodeURIComponent(key)}/status`, body }
    }
    const ips = [{ ip: address }]
    return {
      path: `/api/v1/namespaces/${pod.namespace}/pods/${encodeURIComponent(pod.name)}/status`,
      body: JSON.stringify({ status: { hostIP: address, hostIPs: ips, podIP: address, podIPs: ips } }),
    }
  }

  function work(): void {
    const nowMs = Date.now()
    let nextMs = Number.POSITIVE_INFINITY
    for (const key of queue) {
      if (running >= concurrency || signal.aborted) return
      const waitMs = (waits.get(key)?.untilMs ?? 0) - nowMs
      if (waitMs > 0) {
        nextMs = Math.min(nextMs, waitMs)
        continue
      }
      queue.delete(key)
      running++
      void patch(key).finally(() => {
        running--
        work()
      })
    }
    clearTimeout(timer)
    if (nextMs < Number.POSITIVE_INFINITY) timer = setTimeout(work, nextMs).unref()
  }

  async function patch(key: string): Promise<void> {
    const wanted = change(key)
    if (wanted === undefined) return
    const { path, body } = wanted
    flush()
    let answer: KubeResponse | undefined
    let why = ''
    try {
      answer = await client.request('PATCH', path, { body, contentType: 'application/merge-patch+json', signal })
      why = `${answer.status} ${text(fields(answer.body).message) ?? ''}`
    } catch (error) {
      why = messageOf(error)
    }
    // Deleted in the meantime: the watch reports it.
    if (answer?.status === 404 || signal.aborted) return
    const isAccepted = answer !== undefined && answer.status < 300
    countPatch(isAccepted ? 'accepted' : 'refused')
    const failures = isAccepted ? 0 : (waits.get(key)?.failures ?? 0) + 1
    const backOffMs = Math.min(MOST_PAUSE_MS, pauseMs * 2 ** failures) * (0.75 + Math.random() / 4)
    if (exists(key)) waits.set(key, { untilMs: Date.now() + (answer?.retryAfterMs ?? backOffMs), failures })
    if (isAccepted) return
    logOnce(why, `Cannot write ${path}: ${why}; trying again (maybe others too)`)
    if (exists(key)) queue.add(key)
  }
}

/** The merge patch of a node's status; undefined for a status that has this address. */
export function statusPatch(
  { name, object }: NodeFacts,
  address: string,
  { port = KUBELET_PORT, internalDns }: { port?: number; internalDns?: string } = {},
): string | undefined {
  const status = fields(object.status)
  const present = items(status.addresses).map(fields)
  const own = [
    { type: 'InternalIP', address },
    { type: 'Hostname', address: name },
    ...(internalDns === undefined ? [] : [{ type: 'InternalDNS', address: internalDns }]),
  ]
  const isOwn = ({ type }: Record<string, unknown>) => own.some(each => each.type === type)
  const addresses = [...own, ...present.filter(each => !isOwn(each))]
  const ofKubelet = (list: Record<string, unknown>[]) =>
    list
      .filter(isOwn)
      .map(each => `${each.type} ${each.address}`)
      .sort()
      .join()
  const presentPort = fields(fields(status.daemonEndpoints).kubeletEndpoint).Port
  if (ofKubelet(present) === ofKubelet(addresses) && presentPort === port) return undefined
  return JSON.stringify({
    status: { addresses, daemonEndpoints: { kubeletEndpoint: { Port: port } } },
  })
}
