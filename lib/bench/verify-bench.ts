import { join } from 'node:path'
import type { VerifyReport } from '../checks/verify/verify-report.ts'
import { projectDir } from '../lab/lab.ts'
import { run } from '../system/run.ts'
import type { BenchRow } from './bench-row.ts'

/**
 * The time of verify over all dashboards of the lab in the environment, without waiting for data, and its slowest query. A failed
 * verification counts.
 *
 * Throws an Error with the output of verify when it prints no report.
 */
export async function verifyBench(env: NodeJS.ProcessEnv, size: string, goal: string): Promise<BenchRow[]> {
  const task = join(projectDir, 'tasks', 'verify.ts')
  const args = ['--import', import.meta.resolve('tsx'), task, '--json', '-']
  const { stdout, stderr } = await run(process.execPath, args, { env, nothrow: true, timeoutMs: 600_000 })
  if (!stdout.startsWith('{')) throw new Error(`verify printed no report: ${stderr}`)
  const { seconds, failures, slowest } = JSON.parse(stdout) as VerifyReport
  const [slow] = slowest
  const failed = failures.length > 0 ? `, ${failures.length} failed` : ''
  return [
    { name: `make verify, ${size}${failed}`, value: seconds, unit: 's', goal },
    { name: `slowest: ${slow?.query.slice(0, 60)}`, value: slow?.seconds ?? 0, unit: 's' },
  ]
}
