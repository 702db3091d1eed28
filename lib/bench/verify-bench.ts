import { join } from 'node:path'
import { fields, items, text } from '../kube/json.ts'
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
  const report = fields(JSON.parse(stdout))
  const [slowest] = items(report['slowest']).map(fields)
  const failed = items(report['failures']).length
  const name = `make verify, ${size}${failed > 0 ? `, ${failed} failed` : ''}`
  return [
    { name, value: Number(report['seconds']), unit: 's', goal },
    {
      name: `slowest: ${(text(slowest?.['query']) ?? '').slice(0, 60)}`,
      value: Number(slowest?.['seconds']),
      unit: 's',
    },
  ]
}
