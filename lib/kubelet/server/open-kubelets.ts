import { chmodSync, existsSync, lstatSync, mkdirSync, rmSync } from 'node:fs'
import type { Server } from 'node:http'
import { dirname, join } from 'node:path'
import { listen, logOnce } from '../../cli/daemon.ts'
import { describeError, LabError, messageOf } from '../../cli/errors.ts'
import type { KubeClient } from '../../kube/api-client.ts'
import { createAddressBook } from '../addresses/address-book.ts'
import { createNodeAddresses } from '../addresses/node-addresses.ts'
import type { NodeFacts } from '../objects/facts.ts'
import type { KubeletFlags } from '../stats-proxy-flags.ts'
import type { StatsMetrics } from '../stats-proxy-metrics.ts'
import { openSavedMap } from '../store/saved-map.ts'
import type { StatsStore } from '../store/stats-store.ts'
import { createKubelets } from './kubelets-server.ts'
import { createReviews } from './reviews.ts'

/** The file of addresses and certificates beside the state file. */
export function kubeletsFile(stateFile: string): string {
  return join(dirname(stateFile), 'kubelets.jsonl')
}

export interface ConnectOptions {
  client: KubeClient
  store: StatsStore
  metrics: StatsMetrics
  isSynced: () => boolean
  signal: AbortSignal
}

/**
 * The kubelets at their nodes' addresses. Addresses and certificates are kept beside the state file; without one they last as long as the
 * process.
 */
export function openKubelets(flags: KubeletFlags, stateFile: string | undefined, log: (line: string) => void) {
  const [once, onceOfState] = [logOnce(log), logOnce(log)]
  const path = stateFile === undefined ? undefined : kubeletsFile(stateFile)
  let server: Server | undefined
  let watch: NodeJS.Timeout | undefined

  return {
    /**
     * Listens on the socket. `setNode` to `deletePod` follow the cluster; `start` must be called when it is listed. Throws a LabError when
     * a CA's file cannot be read, or the socket not be opened.
     */
    async connect({ client, store, metrics, isSynced, signal }: ConnectOptions) {
      const saved = openSavedMap(path, error => {
        const why = messageOf(error)
        onceOfState(why, `Cannot write ${path}: ${why}; addresses may change when this process ends`)
      })
      const book = createAddressBook({ range: flags.range, saved })
      const nodes = createNodeAddresses({
        client,
        book,
        signal,
        logOnce: once,
        flush: saved.flush,
        countPatch: metrics.countAddressPatch,
      })
      const kubelets = openServer({
        ...flags,
        saved,
        book,
        store,
        metrics,
        isSynced,
        log,
        logOnce: once,
        reviews: createReviews({ client }),
      })
      server = kubelets.server
      await listenAt(server, flags.socket)
      watch = listenAgain(server, flags.socket, log)
      return {
        setNode: (facts: NodeFacts) => nodes.setNode(facts),
        deleteNode(uid: string) {
          const name = nodes.deleteNode(uid)
          if (name === undefined) return
          kubelets.disconnect(name)
          kubelets.certificates.forget(name)
        },
        setPod: nodes.setPod,
        deletePod: nodes.deletePod,
        start() {
          nodes.start()
          kubelets.certificates.keepOnly(nodes.has)
        },
      }
    },
    /** Ends all connections, and removes the socket. */
    async close(): Promise<void> {
      clearInterval(watch)
      server?.close()
      server?.closeAllConnections()
    },
  }
}

function openServer(options: Parameters<typeof createKubelets>[0]) {
  try {
    return createKubelets(options)
  } catch (error) {
    throw new LabError(`Cannot read ${options.kubeletCaFile} or ${options.clientCaFile}`, {
      why: messageOf(error),
      cause: error,
    })
  }
}

/** Makes the socket again when it was deleted, for example by a clean-up of /tmp. Open connections stay. */
function listenAgain(server: Server, path: string, log: (line: string) => void): NodeJS.Timeout {
  const check = async () => {
    if (existsSync(path)) return
    server.close()
    await listenAt(server, path).then(
      () => log(`${path} was deleted, listening again`),
      error => log(describeError(error)),
    )
  }
  return setInterval(check, 1_000).unref()
}

/** Only this user can connect. A socket that a killed process left is replaced: the lock of the state file excludes a second process. */
async function listenAt(server: Server, path: string): Promise<void> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() === true) rmSync(path)
  await listen(server, { path })
  chmodSync(path, 0o600)
}
