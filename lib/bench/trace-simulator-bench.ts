import { join } from 'node:path'
import { run } from '../system/run.ts'
import type { BenchRow } from './bench-row.ts'
import type { TracesRun } from './trace-simulator-run.ts'

/** Measures the trace simulator without a cluster: 100 services of 10 pods, at the highest rate of one core. Takes ten seconds. */
export async function tracesBench(): Promise<BenchRow[]> {
  const script = join(import.meta.dirname, 'trace-simulator-run.ts')
  const args = ['--max-semi-space-size=16', '--import', import.meta.resolve('tsx'), script, '5']
  const { stdout } = await run(process.execPath, args, { timeoutMs: 60_000 })
  const { spansPerCpuSecond, residentMib } = JSON.parse(stdout) as TracesRun
  const name = (figure: string) => `trace simulator, 100 services: ${figure}`
  return [
    { name: name('spans sent per core'), value: spansPerCpuSecond, unit: 'spans/s', goal: '>= 20,000' },
    { name: name('resident memory'), value: (residentMib * 2 ** 20) / 1e6, unit: 'MB' },
  ]
}
