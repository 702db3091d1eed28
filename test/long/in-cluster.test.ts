/** The lab inside a cluster at size, and while its shards change: minutes on two cores. */
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fields, items } from '../../lib/kube/json.ts'
import { projectDir } from '../../lib/lab/lab.ts'
import { inClusterTests } from '../e2e/real-node/in-cluster.ts'
import { type RealNode, startRealNode } from '../e2e/real-node/node.ts'
import { realNodeProblem } from '../e2e/real-node/programs.ts'
import { labImages } from '../images/lab.ts'
import { skipLine } from '../support/outcome.ts'
import { suite } from '../support/suite.ts'

const problem = await realNodeProblem()
if (problem !== undefined) process.stdout.write(skipLine('real-node', problem))
const inCluster = suite('the lab inside a cluster')
let node: RealNode

inCluster.before(async () => {
  if (problem !== undefined) return
  const { kwok, lab } = await labImages()
  node = await startRealNode([kwok, lab])
})
inCluster.after(() => node?.close())

async function task(name: string, env: Readonly<Record<string, string>> = {}) {
  const words = [join(projectDir, 'lib', 'cli', 'bundled.js'), join(projectDir, 'tasks', `${name}.ts`)]
  const own = {
    ...{ HOME: join(node.tempDir, 'home'), XDG_CACHE_HOME: process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache') },
    ...{ KUBECONFIG: node.kubeconfig, KUBE_CONTEXT: node.context, NO_COLOR: '1' },
  }
  return await node.run(process.execPath, words, { env: { ...own, ...env }, limitMs: 1_200_000 })
}

async function query(expression: string) {
  const path = `/api/v1/namespaces/otel-lab/services/lgtm:9090/proxy/api/v1/query?query=${encodeURIComponent(expression)}`
  const answer = fields(JSON.parse(await node.kubectl(['get', '--raw', path])))
  return items(fields(answer['data'])['result']).map(series => fields(fields(series)['metric']))
}

const size = { nodes: 300, pods: 3_000, shards: 3, intervalMs: 10_000, watchMs: 40_000 }
inClusterTests(problem === undefined ? inCluster : inCluster.skip, { node: () => node, task, query }, size)
inCluster.run()
