import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Running, type TestLab, waitFor } from './lab.ts'

const file = (dir: string, name: string) => existsSync(join(dir, 'pids', name))

/** Moments of make kwok, and how they are seen. */
export const moments = {
  'kwokctl is called': (_, run) => run.output().includes('Creating KWOK cluster'),
  'etcd has started': lab => file(lab.clusterDir, 'etcd.pid'),
  'kube-apiserver has started': lab => file(lab.clusterDir, 'kube-apiserver.pid'),
  'Prometheus has started': lab => file(lab.dir, 'prometheus.json'),
  'metrics-server has started': lab => file(lab.dir, 'metrics-server.json'),
  'the pods are made': (_, run) => run.output().includes('usage-from-annotations'),
  'the collector is next': (_, run) => run.output().includes('pods run in'),
  'the trace simulator is next': (_, run) => run.output().includes('The collector measures'),
  'the metrics are waited for': (_, run) => run.output().includes('Waiting until the metrics'),
} satisfies Record<string, (lab: TestLab, run: Running) => boolean>

const MOMENT_MS = 240_000

/** Starts `make` with these words, presses Ctrl-C at a moment, and waits until all steps have ended. Returns what it printed. */
export async function interrupt(
  lab: TestLab,
  words: readonly string[],
  moment: keyof typeof moments,
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const run = lab.startMake(words, { env })
  const isNow: (lab: TestLab, run: Running) => boolean = moments[moment]
  // A whole make kwok on a machine that runs other labs too.
  const endMs = Date.now() + MOMENT_MS
  while (!isNow(lab, run)) {
    assert.equal(run.child.exitCode, null, `make ended before "${moment}"\n${run.output()}`)
    assert.ok(Date.now() < endMs, `"${moment}" did not come within ${MOMENT_MS / 1000} s\n${run.output()}`)
    // The moment is short.
    await sleep(10)
  }
  run.interrupt()
  const { exitCode } = await run.ended
  assert.notEqual(exitCode, 0, `make went on after Ctrl-C when ${moment}`)
  await waitFor('end of all steps', () => assert.throws(() => process.kill(-(run.child.pid ?? 0), 0)))
  return run.output()
}
