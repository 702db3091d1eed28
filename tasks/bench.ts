/**
 * Measures the lab on a cluster of its own and prints each figure with its goal and, where a baseline exists, the ratio to the baseline
 * measured in the same run. Takes four minutes, with --large fifteen. Removes the cluster at the end.
 *
 *   tsx tasks/bench.ts
 *   tsx tasks/bench.ts --large     # 1,000 nodes and 10,000 pods too
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BenchRow, benchTable } from '../lib/bench/bench-row.ts'
import { kubeletBench } from '../lib/bench/kubelet-bench.ts'
import { labPodRates, podBench } from '../lib/bench/pod-bench.ts'
import { shardBench, statsBench } from '../lib/bench/stats-proxy-bench.ts'
import { verifyBench } from '../lib/bench/verify-bench.ts'
import { settingNames, variableOf } from '../lib/cli/settings.ts'
import { formatTable } from '../lib/cli/table.ts'
import { partStatuses } from '../lib/kwok/lab-status.ts'
import { openLab, projectDir } from '../lib/lab/lab.ts'
import { print, runTask, say } from '../lib/lab/task.ts'
import { freePort, portSettings } from '../lib/system/ports.ts'
import { $ } from '../lib/system/run.ts'

const about = 'Measures the lab on a cluster of its own and prints each figure with its goal.'
const flags = {
  large: 'also 1,000 nodes with 10,000 pods, the initial list of 50,000 pods, and stats proxies that share 5,000 nodes',
}
/** The steps that make a cluster with nodes, without services and pods. */
const controlPlaneSteps = ['kwok-create-cluster', 'kwok-kubeconfig', 'kwok-nodes']
/** The longest step: 50,000 pods. */
const STEP_TIMEOUT_MS = 3_600_000

await runTask({ about, settings: [], flags }, async ({ flags: chosen }) => {
  const dir = mkdtempSync(join(tmpdir(), 'kube-otel-lab-bench-'))
  // The user's settings would not match the names of the rows.
  const own = new Set(settingNames.map(variableOf))
  const env: NodeJS.ProcessEnv = {
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !own.has(name))),
    CLUSTER_NAME: `bench-${process.pid}`,
    // The baselines are processes.
    RUNTIME: 'binary',
    KUBECONFIG: join(dir, 'kubeconfig'),
    KWOK_WORKDIR: join(dir, 'kwok'),
  }
  for (const port of portSettings) env[variableOf(port)] = String(await freePort())
  // Ctrl-C ends the running make; its failure leads to kwok-down below.
  const stay = () => undefined
  process.on('SIGINT', stay)
  const make = async (target: string, settings: NodeJS.ProcessEnv = {}) => await timed(target, { ...env, ...settings })
  const rows: BenchRow[] = []
  try {
    rows.push({ name: 'make kwok, 50 nodes, 200 pods', value: await make('kwok'), unit: 's', goal: '≤ 45 s' })
    rows.push({ name: 'make kwok again', value: await make('kwok'), unit: 's', goal: '≤ 15 s' })
    rows.push(...(await memoryRows(env, '≤ 1500 MB in all')))
    say('Verifying the dashboards')
    rows.push(...(await verifyBench(env, '50 nodes, 200 pods', '≤ 20 s')))
    await make('kwok-pods', { POD_COUNT: '3000' })
    say('Reading kubelets, of the stats proxy and of KWOK')
    rows.push(...(await kubeletBench(openLab({ flags: {}, env }))))
    rows.push({ name: 'make kwok-down', value: await make('kwok-down'), unit: 's', goal: '≤ 10 s' })
    say('Measuring the stats proxy without a cluster')
    rows.push(...(await statsBench()))
    for (const target of controlPlaneSteps) await make(target)
    say('Creating pods')
    const podRates = await labPodRates(openLab({ flags: {}, env }), 1_000)
    await make('kwok-down')
    say('Creating pods by kwokctl')
    rows.push(...(await podBench(openLab({ flags: {}, env }), podRates)))
    if (chosen.has('large')) {
      rows.push(...(await shardBench()))
      const settings = { NODE_COUNT: '1000', POD_COUNT: '10000' }
      rows.push({ name: 'make kwok, 1,000 nodes, 10,000 pods', value: await make('kwok', settings), unit: 's' })
      rows.push(...(await memoryRows(env)))
      say('Verifying the dashboards')
      rows.push(...(await verifyBench({ ...env, ...settings }, '1,000 nodes, 10,000 pods', '≤ 90 s')))
      await make('kwok-down')
      // Without services: a small machine could not measure so many pods.
      for (const target of controlPlaneSteps) await make(target, settings)
      say('Creating 50,000 pods')
      const node = [process.execPath, '--import', import.meta.resolve('tsx')]
      const limits = { env, timeoutMs: STEP_TIMEOUT_MS }
      await $(limits)`${node} ${join(projectDir, 'tasks', 'kwok-pods.ts')} --bind --pod-count 50000`
      const value = await make('kwok-stats-proxy')
      rows.push({ name: 'stats proxy: start, first list of 50,000 pods', value, unit: 's', goal: '≤ 15 s' })
    }
  } finally {
    // Also after a failure.
    print(formatTable(benchTable(rows)))
    process.off('SIGINT', stay)
    await timed('kwok-down', env)
    rmSync(dir, { recursive: true, force: true })
  }
})

/** Seconds that a target takes. */
async function timed(target: string, env: NodeJS.ProcessEnv): Promise<number> {
  say(`Measuring make ${target}`)
  const startedMs = performance.now()
  await $({ env, timeoutMs: STEP_TIMEOUT_MS })`make --no-print-directory -C ${projectDir} ${target}`
  return (performance.now() - startedMs) / 1000
}

/** Resident memory of each process of the lab, and of all. */
async function memoryRows(env: NodeJS.ProcessEnv, goal?: string): Promise<BenchRow[]> {
  const parts = await partStatuses(openLab({ flags: {}, env }))
  const rows = parts.map(part => ({
    name: `memory of ${part.name}`,
    value: (part.process?.residentBytes ?? 0) / 1e6,
    unit: 'MB',
  }))
  const all = rows.reduce((sum, row) => sum + row.value, 0)
  return [...rows, { name: 'memory of all', value: all, unit: 'MB', ...(goal === undefined ? {} : { goal }) }]
}
