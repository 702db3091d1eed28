/**
 * One lab for all files in test/e2e/shared. The first file that opens it creates it, and the runner takes it down after the last one.
 * Files outside `changes` only read, and run first.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { programPath } from '../../lib/programs/programs.ts'
import { atExit } from './at-exit.ts'
import { assertDone, type Ended, type LabIdentity, newLabIdentity, openTestLab, type TestLab } from './lab.ts'

export const NODES = 5
/** Pods of `make kwok-pods`; those of the workloads come on top. */
export const PODS = 20
export const nodeNames = Array.from({ length: NODES }, (_, at) => `kwok-node-000${at}`)
/** How often the collector collects and Prometheus scrapes. */
export const INTERVAL_MS = 5_000
/** Requests per second of the trace simulator. */
export const TRACE_RATE = 10
/** The words of the `make kwok` that creates the lab. */
export const kwokWords = ['kwok', `NODE_COUNT=${NODES}`, `POD_COUNT=${PODS}`]

/** The report of all dashboards that verify.test.ts writes, and page.test.ts opens in a browser. */
export const reportFile = (lab: TestLab) => join(lab.tempDir, 'report', 'index.html')

/** What was seen while the lab was created. */
export interface Creation {
  kubeconfigBefore: unknown
  /** Two `make kwok` at the same time. */
  kwok: Ended[]
  processCount: number
  partCount: number
  /** `kubectl top nodes` right after them. */
  topNodes: string
  metrics: Ended
  /** The nodes that have series of these metrics right after `make kwok-metrics`. */
  nodesWith: Record<string, string[]>
  boutique: Ended
}

export interface SharedLab {
  lab: TestLab
  creation: Creation
}

const identityFile = (dir: string) => join(dir, 'identity.json')
const creationFile = (dir: string) => join(dir, 'creation.json')

/** Opens the shared lab in the folder SHARED_LAB, and creates it if there is none. Without SHARED_LAB it goes with this process. */
export async function openSharedLab(): Promise<SharedLab> {
  return await open(create)
}

/** The same, for tests that need neither Online Boutique nor KWOK's own metrics: creates a lab without them. */
export async function openPlainLab(): Promise<TestLab> {
  const { lab } = await open(async each => {
    assertDone(await each.make(kwokWords))
    return {}
  })
  return lab
}

async function open<T>(create: (lab: TestLab) => Promise<T>): Promise<{ lab: TestLab; creation: T }> {
  const dir = process.env['SHARED_LAB'] ?? mkdtempSync(join(tmpdir(), 'shared-lab-'))
  if (existsSync(creationFile(dir))) {
    return { lab: await readLab(dir), creation: JSON.parse(readFileSync(creationFile(dir), 'utf8')) }
  }
  assert(!existsSync(identityFile(dir)), 'an earlier test file failed to create the shared lab')
  const identity = await newLabIdentity('shared', {
    COLLECTION_INTERVAL: `${INTERVAL_MS / 1000}s`,
    TRACE_RATE: String(TRACE_RATE),
    TRACE_SAMPLING: '10',
  })
  writeFileSync(identityFile(dir), JSON.stringify(identity))
  const lab = await readLab(dir)
  if (process.env['SHARED_LAB'] === undefined) {
    atExit(() => {
      lab.cleanUp()
      rmSync(dir, { recursive: true, force: true })
    })
  }
  const creation = await create(lab)
  writeFileSync(creationFile(dir), JSON.stringify(creation))
  return { lab, creation }
}

/** Takes down the shared lab of a folder, whatever state it is in, and removes the folder. */
export async function closeSharedLab(dir: string): Promise<void> {
  if (existsSync(identityFile(dir))) (await readLab(dir)).cleanUp()
  rmSync(dir, { recursive: true, force: true })
}

async function readLab(dir: string): Promise<TestLab> {
  const identity: LabIdentity = JSON.parse(readFileSync(identityFile(dir), 'utf8'))
  return await openTestLab(identity)
}

/** Creates the lab with Online Boutique and KWOK's own metrics. */
async function create(lab: TestLab): Promise<Creation> {
  const kubectl = await programPath('kubectl')
  for (const words of [
    ['set-cluster', 'elsewhere', '--server=https://127.0.0.1:1'],
    ['set-credentials', 'another-user', '--token=secret'],
    ['set-context', 'elsewhere', '--cluster=elsewhere', '--user=another-user'],
    ['set-context', 'another', '--cluster=elsewhere', '--user=another-user'],
    ['use-context', 'elsewhere'],
  ]) {
    assert.equal(spawnSync(kubectl, ['config', '--kubeconfig', lab.kubeconfig, ...words]).status, 0)
  }
  const kubeconfigBefore = lab.kubeconfigContent()
  const kwok = await Promise.all([lab.make(kwokWords), lab.make(kwokWords)])
  for (const ended of kwok) assertDone(ended)
  const processCount = lab.processes().length
  const partCount = (await lab.partPids()).size
  const topNodes = await lab.kubectl(['top', 'nodes', '--no-headers'])
  const metrics = await lab.make(['kwok-metrics'])
  assertDone(metrics)
  const nodesWith: Creation['nodesWith'] = {}
  for (const name of metricsOfNodes) {
    nodesWith[name] = (await lab.query(name)).map(({ labels }) => labels['k8s_node_name'] ?? '')
  }
  const boutique = await lab.make(['kwok-boutique', 'BOUTIQUE_REPLICAS=2'])
  assertDone(boutique)
  return { kubeconfigBefore, kwok, processCount, partCount, topNodes, metrics, nodesWith, boutique }
}

/** Some metrics that `make kwok-metrics` has of every node. */
const metricsOfNodes = [
  'lab_node_temperature_celsius',
  'lab_node_started_containers_total',
  'lab_metrics_info',
  'kwok_node_memory_working_set_bytes',
]
