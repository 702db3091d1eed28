/**
 * The Docker runtime on a real engine, with images that are made of the programs of the binary runtime (test/images). Without an
 * engine, and without the means to start one, every test of this file is skipped, and the reason is said.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import { type ImageName, imageVariable } from '../../lib/images.ts'
import { components } from '../../lib/kwokctl.ts'
import { containerServiceNames } from '../../lib/services.ts'
import { writeImageArchive } from '../images/archive.ts'
import { labImages } from '../images/lab.ts'
import { haveEngine } from '../support/engine.ts'
import {
  assertDone,
  assertRefused,
  assertSameWords,
  assertSays,
  createTestLab,
  dockerLeftovers,
  dockerOutput,
  type TestLab,
  waitFor,
} from '../support/lab.ts'

const engine = await haveEngine()
const images: string[] = []
/** What makes a lab one of containers. */
const settings: Record<string, string> = { RUNTIME: 'docker', COLLECTION_INTERVAL: '2s', TRACE_RATE: '1' }
const smallLab = ['kwok', 'NODE_COUNT=3', 'POD_COUNT=5']
const parts = [...components, ...containerServiceNames]

const runtime = suite<{ lab: TestLab; other: TestLab }>('the Docker runtime')
if ('reason' in engine) process.stdout.write(`Skipped: ${engine.reason}\n`)
const onEngine = 'reason' in engine ? runtime.skip : runtime
const onOwnEngine = 'reason' in engine || engine.restart === undefined ? runtime.skip : runtime

runtime.before(async context => {
  if ('reason' in engine) return
  if (engine.host !== undefined) process.env['DOCKER_HOST'] = engine.host
  await loadImages()
  context.lab = await createTestLab('docker', settings)
  context.other = await createTestLab('docker-beside', settings)
})
runtime.after(async ({ lab, other }) => {
  lab?.cleanUp()
  other?.cleanUp()
  if ('reason' in engine) return
  if (images.length > 0) dockerOutput(['image', 'rm', '--force', ...images])
  await engine.end()
})

onEngine('passes every check that a lab of processes passes', async () => {
  // The same file, told to make its lab of containers.
  const { code, output } = await runTestFile('e2e/kwok.test.ts', { TEST_RUNTIME: 'docker' })
  const count = (word: string) => Number(new RegExp(`^\\s*${word}:\\s+(\\d+)`, 'm').exec(output)?.[1])
  if (code !== 0) throw new Error(output)
  assert.ok(count('Total') > 10, output)
  assert.equal(count('Passed'), count('Total'), output)
})

onEngine('brings up a small lab, and a second one beside it; each measures itself alone', async ({ lab, other }) => {
  assertDone(await lab.make(smallLab))
  assertDone(await other.make(['kwok', 'NODE_COUNT=2', 'POD_COUNT=2']))
  for (const [each, nodes] of [
    [lab, 3],
    [other, 2],
  ] as const) {
    const [count] = await each.query('count(k8s_node_cpu_time_seconds_total)')
    assert.equal(count?.value, nodes)
    const names = await each.query('count by (k8s_cluster_name) ({k8s_cluster_name!=""})')
    assertSameWords(
      names.map(({ labels }) => labels['k8s_cluster_name'] ?? ''),
      [each.name],
    )
  }
})

onEngine('runs nothing of its own as root but LGTM, and lets nothing else write to its files', ({ lab }) => {
  for (const service of ['stats-proxy', 'collector', 'metrics-server', 'traces']) {
    const format = '{{.Config.User}} {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.HostConfig.Privileged}}'
    const said = dockerOutput(['inspect', '--format', format, `kube-otel-lab-${lab.name}-${service}`]).trim()
    assertSays(said, /^[1-9]\d*:\d+ true \[ALL\] false$/)
  }
})

onEngine('is well, as the engine’s own health check says', async ({ lab }) => {
  await waitFor('healthy stats proxy', () => {
    const state = dockerOutput([
      'inspect',
      '--format',
      '{{.State.Health.Status}}',
      `kube-otel-lab-${lab.name}-stats-proxy`,
    ])
    assert.equal(state.trim(), 'healthy')
  })
})

onEngine('the second one goes and leaves the first alone', async ({ lab, other }) => {
  const before = dockerLeftovers(lab.name)
  assertDone(await other.make(['kwok-down']))
  await other.assertNothingLeft(undefined)
  assertSameWords(dockerLeftovers(lab.name), before, 'containers of the first')
})

onEngine('says in kwok-status which containers were killed, and starts them again', async ({ lab }) => {
  const killed = ['collector', 'stats-proxy']
  dockerOutput(['container', 'kill', ...killed.map(name => `kube-otel-lab-${lab.name}-${name}`)])
  const status = await lab.make(['kwok-status'])
  assertSays(status.stdout, /^Down: stats-proxy, collector$/m)
  assertDone(await lab.make(smallLab))
  await assertAllUp(lab)
})

onEngine('refuses a port that is taken before anything changes', async ({ other }) => {
  const port = other.ports.grafanaPort
  const server = createServer()
  await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve))
  try {
    const said = new RegExp(
      `^Cannot use port ${port}: it is in use by [^]*\\n {2}Next: set GRAFANA_PORT to a free port`,
      'm',
    )
    assertRefused(await other.make(smallLab), 'kwok-check', 1, said)
  } finally {
    await new Promise(resolve => server.close(resolve))
  }
  await other.assertNothingLeft(undefined)
})

onEngine('names an image that is not there, and how to bring it there', async ({ other }) => {
  const ended = await other.make(smallLab, { env: { NODE_IMAGE: 'localhost:1/no/such-image:1' } })
  assertRefused(ended, 'programs', 1, /There is no image localhost:1\/no\/such-image:1, and it cannot be pulled: /)
  assertSays(ended.stderr, /\n {2}Next: load it \(docker save .*\), or set NODE_IMAGE or IMAGE_PREFIX/)
  await other.assertNothingLeft(undefined)
})

onOwnEngine('says that the engine was stopped, and comes back with it', async ({ lab }) => {
  if ('reason' in engine || engine.restart === undefined) return
  await engine.restart.stop()
  try {
    const ended = await lab.make(smallLab)
    assertSays(ended.stderr, /No Docker engine answers: .*\n {2}Next: start it, or name another by DOCKER_HOST/)
    assert.notEqual(ended.exitCode, 0)
  } finally {
    await engine.restart.start()
  }
  await assertAllUp(lab)
  assertDone(await lab.make(smallLab))
})

onEngine('goes down with a container gone already, and leaves nothing', async ({ lab }) => {
  dockerOutput(['container', 'rm', '--force', `kube-otel-lab-${lab.name}-lgtm`, `kwok-${lab.name}-kube-scheduler`])
  assertDone(await lab.make(['kwok-down']))
  await lab.assertNothingLeft(undefined)
})

runtime.run()

async function assertAllUp(lab: TestLab): Promise<void> {
  await waitFor('lab whose parts are all up', async () => {
    const { stdout, stderr } = await lab.make(['kwok-status'])
    const up = [...stdout.matchAll(/^(\S+) +up +/gm)].map(([, name = '']) => name)
    assertSameWords(up, parts, `parts that are up in\n${stdout}${stderr}\n`)
  })
}

/** Makes the images, gives them names of their own, and loads them: an engine of the user's keeps what it has. */
async function loadImages(): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'images-'))
  try {
    const { pause: _, ...all } = await labImages()
    const own = Object.entries(all).map(([name, image]) => {
      const reference = `kube-otel-lab.test/${name}:${process.pid}`
      images.push(reference)
      process.env[imageVariable(name as ImageName)] = reference
      settings[imageVariable(name as ImageName)] = reference
      return { ...image, reference }
    })
    await writeImageArchive(join(dir, 'images.tar'), own)
    dockerOutput(['load', '--quiet', '--input', join(dir, 'images.tar')])
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

async function runTestFile(
  file: string,
  env: Record<string, string>,
): Promise<{ code: number | null; output: string }> {
  const folder = join(import.meta.dirname, '..')
  const uvu = join(folder, '..', 'node_modules', 'uvu', 'bin.js')
  const pattern = `^${file.replaceAll('.', '\\.')}$`
  const child = spawn(process.execPath, ['--import', 'tsx', uvu, '--no-color', folder, pattern], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env, NO_COLOR: '1' },
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
  }
  const timer = setTimeout(() => child.kill('SIGTERM'), 15 * 60_000)
  const code = await new Promise<number | null>(resolve => child.once('close', resolve))
  clearTimeout(timer)
  return { code, output }
}
