import { join } from 'node:path'
import { shardOf } from '../kubelet/shards/shard-owner.ts'
import { run } from '../system/run.ts'
import type { BenchRow } from './bench-row.ts'
import type { StatsRun } from './stats-proxy-run.ts'

/**
 * Measures the stats proxy without a cluster, on one core: the store gets 1,000 nodes and 50,000 pods of two containers, then
 * every node's summary is written once. Again with 100 and 5,000 nodes: the time of a summary must depend only on the pods of
 * its node. Takes about half a minute.
 */
export async function statsBench(): Promise<BenchRow[]> {
  const small = await measure(100, 5_000)
  const large = await measure(1_000, 50_000)
  const wide = await measure(5_000, 50_000)
  const name = (figure: string) => `stats proxy, 1,000 nodes and 50,000 pods: ${figure}`
  return [
    { name: name('every summary once'), value: large.allSummariesMs / 1_000, unit: 's', goal: '<= 2 s' },
    { name: name('one summary of 50 pods, p99'), value: large.p99Ms, unit: 'ms', goal: '<= 5 ms' },
    { name: name('resident memory'), value: (large.residentMib * 2 ** 20) / 1e6, unit: 'MB', goal: '<= 600 MB' },
    { name: name('state file'), value: large.stateMib, unit: 'MiB' },
    { name: name('new pods'), value: large.addedPerSecond, unit: 'events/s', goal: '>= 20,000' },
    { name: name('changed pods'), value: large.changedPerSecond, unit: 'events/s', goal: '>= 20,000' },
    {
      name: 'stats proxy: one summary of 50 pods among 1,000 nodes, median',
      value: large.medianMs,
      unit: 'ms',
      baseline: { name: 'among 100 nodes', value: small.medianMs },
      goal: 'ratio about 1',
    },
    {
      name: 'stats proxy: one summary of 10 pods among 5,000 nodes, median',
      value: wide.medianMs,
      unit: 'ms',
      baseline: { name: '50 pods among 1,000 nodes', value: large.medianMs },
      goal: 'ratio about 0.2',
    },
  ]
}

/**
 * Measures the largest of 1, 4 and 16 stats proxies that share 5,000 nodes and 150,000 pods, as inside a cluster. Takes a minute and 2 GB of
 * memory.
 */
export async function shardBench(): Promise<BenchRow[]> {
  const names = Array.from({ length: 5_000 }, (_, index) => `sim-${String(index).padStart(4, '0')}`)
  const rows: BenchRow[] = []
  for (const shards of [1, 4, 16]) {
    const counts = Array.from({ length: shards }, () => 0)
    for (const name of names) counts[shardOf(name, shards)] = (counts[shardOf(name, shards)] ?? 0) + 1
    const nodes = Math.max(...counts)
    const { residentMib, allSummariesCpuMs } = await measure(nodes, nodes * 30)
    const name = (figure: string) => `${shards} shards of 5,000 nodes and 150,000 pods: ${figure}`
    rows.push(
      { name: name('nodes of the largest'), value: nodes, unit: 'nodes', goal: `<= ${(1.1 * 5_000) / shards}` },
      { name: name('its resident memory'), value: (residentMib * 2 ** 20) / 1e6, unit: 'MB' },
      { name: name('CPU time of every summary once'), value: allSummariesCpuMs / 1_000, unit: 's' },
    )
  }
  return rows
}

async function measure(nodes: number, pods: number): Promise<StatsRun> {
  const script = join(import.meta.dirname, 'stats-proxy-run.ts')
  const args = ['--max-semi-space-size=16', '--import', import.meta.resolve('tsx'), script, String(nodes), String(pods)]
  const { stdout } = await run(process.execPath, args, { timeoutMs: 180_000 })
  return JSON.parse(stdout) as StatsRun
}
