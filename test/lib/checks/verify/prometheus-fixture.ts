import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ensurePrograms } from '../../../../lib/programs/programs.ts'
import { freePort } from '../../../support/free-ports.ts'
import { tempDir, until } from '../../../support/temp-lab.ts'

/** A Prometheus that runs. */
export interface RunningPrometheus {
  url: string
  stop(): Promise<void>
}

const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** Starts the pinned Prometheus on data of its own: OpenMetrics lines with a time each. Its look-back is the lab's. */
export async function startPrometheus(lines: readonly string[], rules = ''): Promise<RunningPrometheus> {
  const { prometheus, promtool } = await ensurePrograms(['prometheus', 'promtool'])
  const dir = tempDir()
  const [data, input, config] = [join(dir, 'data'), join(dir, 'input.txt'), join(dir, 'prometheus.yaml')]
  mkdirSync(data)
  writeFileSync(input, `${lines.join('\n')}\n# EOF\n`)
  writeFileSync(join(dir, 'rules.yaml'), rules === '' ? 'groups: []\n' : rules)
  writeFileSync(config, 'global: { evaluation_interval: 1s }\nrule_files: [rules.yaml]\n')
  const made = spawnSync(promtool.path, ['tsdb', 'create-blocks-from', 'openmetrics', input, data], {
    encoding: 'utf8',
  })
  if (made.status !== 0) throw new Error(`promtool: ${made.stderr}`)
  const port = await freePort()
  const child = spawn(
    prometheus.path,
    [
      ...[`--config.file=${config}`, `--storage.tsdb.path=${data}`, `--web.listen-address=127.0.0.1:${port}`],
      ...['--query.lookback-delta=45s', '--log.level=error'],
    ],
    { stdio: 'ignore' },
  )
  running.add(child)
  const url = `http://127.0.0.1:${port}`
  await until('Prometheus is ready', async () => (await fetch(`${url}/-/ready`).catch(() => undefined))?.status === 200)
  return {
    url,
    async stop() {
      running.delete(child)
      const ended = new Promise(resolve => child.once('exit', resolve))
      child.kill('SIGTERM')
      await ended
    },
  }
}
