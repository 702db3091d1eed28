import { join } from 'node:path'
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

async function measure(nodes: number, pods: number): Promise<StatsRun> {
  const script = join(import.meta.dirname, 'stats-proxy-run.ts')
  const args = ['--max-semi-space-size=16', '--import', import.meta.resolve('tsx'), script, String(nodes), String(pods)]
  const { stdout } = await run(process.execPath, args, { timeoutMs: 180_000 })
  return JSON.parse(stdout) as StatsRun
}
