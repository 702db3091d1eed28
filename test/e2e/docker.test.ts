/**
 * The Docker runtime on a real engine, with images that are made of the programs of the binary runtime (test/images). Without an
 * engine, and without the means to start one, every test of this file is skipped, with the reason.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { uids } from '../../dashboards/uids.ts'
import { chosenImages, imageNames, imageVariable, withoutDigest } from '../../lib/docker/images.ts'
import { run } from '../../lib/system/run.ts'
import { jaegerServices, jaegerTraces } from '../../lib/traces/jaeger-client.ts'
import { labImages } from '../images/lab.ts'
import { startRegistry } from '../images/registry.ts'
import {
  assertCredentialsWeak,
  assertOnLoopback,
  assertSecretsPrivate,
  assertTargetsUp,
  nodeByHand,
  readAll,
  receivers,
} from '../support/checks.ts'
import { haveEngine } from '../support/engine.ts'
import {
  assertDone,
  assertRefused,
  assertSays,
  createTestLab,
  dockerOutput,
  killHard,
  type TestLab,
  waitFor,
} from '../support/lab.ts'
import { type LoadedImages, loadLabImages } from '../support/lab-images.ts'
import { assertContainersUp } from '../support/lab-status.ts'
import { skipLine } from '../support/outcome.ts'
import { inLong, suite } from '../support/suite.ts'
import { assertFires, assertKeepsLastGood, assertTakesChange, writeRules } from '../support/user-rules.ts'

const engine = await haveEngine()
/** What makes a lab one of containers. */
const settings: Record<string, string> = {
  RUNTIME: 'docker',
  COLLECTION_INTERVAL: '2s',
  TRACE_RATE: '1',
  // Of the default, 1 %, etcd may have no trace within a minute.
  TRACE_SAMPLING: '10',
}
const smallLab = ['kwok', 'NODE_COUNT=3', 'POD_COUNT=5']

/** A lab with a Jaeger, and one that is never made. test/long/docker-beside.test.ts has two labs. */
interface Labs {
  lab: TestLab
  /** RULES_DIR of that lab. */
  rules: string
  other: TestLab
  images: LoadedImages
}
const runtime = suite<Labs>('the Docker runtime')
if ('reason' in engine) process.stdout.write(skipLine('docker', engine.reason))
const onEngine = 'reason' in engine ? runtime.skip : runtime

runtime.before(async context => {
  if ('reason' in engine) return
  if (engine.host !== undefined) process.env['DOCKER_HOST'] = engine.host
  context.images = await loadLabImages()
  Object.assign(settings, context.images.env)
  context.lab = await createTestLab('docker', { ...settings, JAEGER: 'true' })
  context.rules = join(context.lab.tempDir, 'rules')
  mkdirSync(context.rules)
  writeRules(context.rules, 'MineFirst')
  context.other = await createTestLab('docker-other', settings)
})
runtime.after(({ lab, other, images }) => {
  for (const each of [lab, other]) each?.cleanUp()
  images?.remove()
  if (!('reason' in engine)) engine.end()
})

onEngine('brings up a small lab with Jaeger and rules of the user, with all targets up', async ({ lab, rules }) => {
  assertDone(await lab.make([...smallLab, `RULES_DIR=${rules}`]))
  await assertContainersUp(lab)
  await assertTargetsUp(lab, 120_000)
})

onEngine('runs every service but LGTM without root, capabilities and a writable file system', ({ lab }) => {
  for (const service of ['stats-proxy', 'collector', 'metrics-server', 'traces', 'jaeger']) {
    const format = '{{.Config.User}} {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.HostConfig.Privileged}}'
    const said = dockerOutput(['inspect', '--format', format, container(lab, service)]).trim()
    assertSays(said, /^[1-9]\d*:\d+ true \[ALL\] false$/)
  }
})

onEngine('reaches kubelets through the API server, also after the gateway was killed', async ({ lab }) => {
  const summary = async () => {
    const path = '/api/v1/nodes/kwok-node-0000/proxy/stats/summary'
    assert.equal(JSON.parse(await lab.kubectl(['get', '--raw', path])).node.nodeName, 'kwok-node-0000')
  }
  await summary()
  const pid = (await lab.partPids()).get('kubelet-gateway')
  assert(pid !== undefined, 'the gateway does not run')
  killHard(pid)
  await waitFor('summary through a new gateway', summary)
})

onEngine('has the traces of the control plane in Jaeger, and sends them to LGTM too', async ({ lab }) => {
  const jaegerUrl = `http://127.0.0.1:${lab.ports.jaegerPort}`
  await waitFor('traces in Jaeger', async () => {
    const services = await jaegerServices(jaegerUrl)
    for (const service of ['apiserver', 'etcd']) assert.ok(services.includes(service), `only ${services.join(', ')}`)
    const [spans = []] = await jaegerTraces(jaegerUrl, 'apiserver', { limit: 1 })
    assert.notEqual(spans.length, 0, 'no trace of the API server')
  })
  // The stand-in's collector logs the spans that it receives.
  await waitFor('spans at LGTM', () => assertSays(logOf(lab, 'lgtm'), /Traces\t.*"spans": [1-9]/))
})

onEngine('has dashboards in LGTM that link to Jaeger', ({ lab }) => {
  const seen = (file: string) => {
    const code = `process.stdout.write(require('fs').readFileSync('/otel-lgtm/${file}'))`
    return dockerOutput(['exec', container(lab, 'lgtm'), 'node', '-e', code])
  }
  assertSays(seen(`kube-otel-lab/json/${uids.boutique}.json`), /Traces of the service in Jaeger/)
  const datasources = seen('grafana/conf/provisioning/datasources/grafana-datasources.yaml')
  assertSays(datasources, new RegExp(`url: http://${container(lab, 'jaeger')}:16686`))
})

onEngine('has the rules of RULES_DIR in LGTM, takes a change, and keeps what was good', async ({ lab, rules }) => {
  await assertFires(lab, 'MineFirst')
  await assertTakesChange(lab, rules, 'MineFirst')
  await assertKeepsLastGood(lab, rules)
})

onEngine('is healthy by the health check of the engine', async ({ lab }) => {
  await waitFor('healthy stats proxy', () => {
    const state = dockerOutput(['inspect', '--format', '{{.State.Health.Status}}', container(lab, 'stats-proxy')])
    assert.equal(state.trim(), 'healthy')
  })
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

onEngine('refuses a network of its name that it did not create, and leaves it unchanged', async ({ other }) => {
  const network = `kwok-${other.name}`
  dockerOutput(['network', 'create', network])
  try {
    const said = new RegExp(`^Docker network ${network} was not created by this lab: it has no label of a lab`, 'm')
    assertRefused(await other.make(smallLab), 'kwok-check', 1, said)
    assertDone(await other.make(['kwok-down']))
  } finally {
    dockerOutput(['network', 'rm', network])
  }
  await other.assertNothingLeft(undefined)
})

onEngine('names a missing image, and how to provide it', async ({ other }) => {
  const ended = await other.make(smallLab, { env: { NODE_IMAGE: 'localhost:1/no/such-image:1' } })
  assertRefused(ended, 'programs', 1, /Cannot pull the image localhost:1\/no\/such-image:1: /)
  assertSays(ended.stderr, /\n {2}Next: on a machine with a network, docker pull .*; or set IMAGE_PREFIX to a mirror/)
  await other.assertNothingLeft(undefined)
})

inLong(onEngine)(
  'pulls missing images from a mirror, checks a digest, and loads an image as the message advises',
  async ({ other }) => {
    const dir = mkdtempSync(join(tmpdir(), 'registry-'))
    const { pause } = await labImages()
    const registry = await startRegistry(dir, pause)
    const LGTM_IMAGE = `${registry.host}/lab/lgtm:1@${registry.digest}`
    const none = Object.fromEntries(imageNames.map(name => [imageVariable(name), undefined]))
    // Where an engine answers it is docker that RUNTIME=auto means.
    const env = {
      ...none,
      RUNTIME: 'auto',
      IMAGE_PREFIX: `${registry.host}/lab`,
      JAEGER: 'true',
      METRICS: 'both',
      ALERTMANAGER: 'true',
      LGTM_IMAGE,
    }
    const pulled = Object.values(chosenImages({ IMAGE_PREFIX: env.IMAGE_PREFIX, LGTM_IMAGE }))
    try {
      const wrong = LGTM_IMAGE.replace(/[0-9a-f]{64}$/, '0'.repeat(64))
      const refused = await other.task('programs', [], { env: { ...env, LGTM_IMAGE: wrong } })
      assertSays(refused.stderr, new RegExp(`^Cannot pull the image ${wrong}: `, 'm'))
      const ended = await other.task('programs', [], { env })
      assertDone(ended)
      const said = refused.stderr + ended.stderr
      for (const image of pulled) assertSays(said, new RegExp(`^Pulling ${image}\\n(  .*\\n)*  Status: `, 'm'))
      const expected = pulled.map(image => image.replace(`${registry.host}/`, '').replace(':1@', '@'))
      const asked = registry.asked()
      for (const image of expected) assert.ok(asked.includes(image), `${image} is not among ${asked.join(', ')}`)
      assert.doesNotMatch((await other.task('programs', [], { env })).stderr, /Pulling/)
      const advice = refused.stderr.replaceAll(wrong, LGTM_IMAGE)
      const [, there = '', here = ''] =
        /a network, (docker pull .*); on this one, (docker load .*) and set LGTM_IMAGE=/.exec(advice) ?? []
      assert(there !== '' && here !== '', advice)
      // Not synchronously: the registry is in this process.
      await run('sh', ['-c', there], { cwd: dir })
      const loaded = withoutDigest(LGTM_IMAGE)
      dockerOutput(['image', 'rm', '--force', LGTM_IMAGE, loaded])
      await run('sh', ['-c', here], { cwd: dir })
      pulled.push(loaded)
      const offline = await other.task('programs', [], { env: { ...env, LGTM_IMAGE: loaded } })
      assertDone(offline)
      assert.doesNotMatch(offline.stderr, /Pulling/)
    } finally {
      for (const image of pulled) spawnSync('docker', ['image', 'rm', '--force', image])
      await registry.close()
      rmSync(dir, { recursive: true, force: true })
    }
  },
)

inLong(onEngine)(
  'kwok-status names what was killed or removed, and make kwok creates it again; LGTM keeps its series and rules',
  async ({ lab }) => {
    const nodes = 'count(k8s_node_cpu_time_seconds_total)'
    const asOfNow = `${nodes.slice(0, -1)} @ ${Math.floor(Date.now() / 1000)})`
    dockerOutput(['container', 'kill', container(lab, 'collector'), container(lab, 'stats-proxy')])
    dockerOutput(['container', 'rm', '--force', container(lab, 'lgtm')])
    const status = await lab.make(['kwok-status'])
    assertSays(status.stdout, /^Down: lgtm, stats-proxy, collector$/m)
    assertDone(await lab.make(smallLab))
    await assertContainersUp(lab)
    for (const query of [nodes, asOfNow]) assert.equal((await lab.query(query))[0]?.value, 3, query)
    // Their file is still broken.
    await assertFires(lab, 'MineSecond')
  },
)

onEngine('publishes ports on 127.0.0.1 alone, and keeps secrets private', async ({ lab }) => {
  await assertOnLoopback(lab)
  assertSecretsPrivate(lab)
})

onEngine('has no credential that can create objects, read secrets or reach a kubelet', ({ lab }) =>
  assertCredentialsWeak(lab),
)

onEngine('measures a node that kubectl creates, and removes its receiver with the node', async ({ lab }) => {
  await lab.kubectl(['create', '-f', '-'], JSON.stringify(nodeByHand('e2e-by-hand')))
  await waitFor('receiver of the added node', () => assert.ok(receivers(lab).has('e2e-by-hand'), 'not in the file'))
  const series = 'k8s_node_cpu_time_seconds_total{k8s_node_name="e2e-by-hand"}'
  await waitFor('series of the added node', async () => assert.equal((await lab.query(series)).length, 1))
  await lab.kubectl(['delete', 'node', 'e2e-by-hand', '--wait=false'])
  const itsPods = ['-A', '--field-selector', 'spec.nodeName=e2e-by-hand', '--force', '--grace-period=0']
  await lab.kubectl(['delete', 'pods', ...itsPods])
  await waitFor('receivers without the removed node', () =>
    assert.ok(!receivers(lab).has('e2e-by-hand'), 'still in the file'),
  )
})

inLong(onEngine)('changes nothing when make kwok runs again', async ({ lab }) => {
  const before = await readAll(lab)
  const ended = await lab.make(smallLab)
  assertDone(ended)
  assert.doesNotMatch(ended.stderr, /Creat|Start|Delet/)
  assert.deepEqual(await readAll(lab), before)
})

onEngine('goes down when containers are missing, and leaves nothing', async ({ lab }) => {
  dockerOutput(['container', 'rm', '--force', container(lab, 'lgtm'), `kwok-${lab.name}-kube-scheduler`])
  assertDone(await lab.make(['kwok-down']))
  await lab.assertNothingLeft(undefined)
})

runtime.run()

/** The name of a service's container. */
function container({ name }: TestLab, service: string): string {
  return `kube-otel-lab-${name}-${service}`
}

function logOf(lab: TestLab, service: string): string {
  const { stdout, stderr } = spawnSync('docker', ['logs', container(lab, service)], { encoding: 'utf8' })
  return stdout + stderr
}
