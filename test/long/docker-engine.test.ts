/** A lab of containers while the Docker engine is stopped and started. Needs an engine that the tests start themselves. */
import assert from 'node:assert/strict'
import { haveEngine } from '../support/engine.ts'
import { assertDone, assertSays, createTestLab, type TestLab } from '../support/lab.ts'
import { type LoadedImages, loadLabImages } from '../support/lab-images.ts'
import { assertContainersUp } from '../support/lab-status.ts'
import { skipLine } from '../support/outcome.ts'
import { suite } from '../support/suite.ts'

const engine = await haveEngine()
if ('reason' in engine) process.stdout.write(skipLine('docker', engine.reason))
const runtime = suite<{ lab: TestLab; images: LoadedImages }>('the Docker runtime and its engine')
const onOwnEngine = 'reason' in engine || engine.restart === undefined ? runtime.skip : runtime

runtime.before(async context => {
  if ('reason' in engine || engine.restart === undefined) return
  process.env['DOCKER_HOST'] = engine.host
  context.images = await loadLabImages()
  const settings = { RUNTIME: 'docker', COLLECTION_INTERVAL: '2s', TRACE_RATE: '1' }
  context.lab = await createTestLab('engine', { ...settings, ...context.images.env, JAEGER: 'true' })
})
runtime.after(({ lab, images }) => {
  lab?.cleanUp()
  images?.remove()
  if (!('reason' in engine)) engine.end()
})

onOwnEngine('reports a stopped engine, and starts again with it', async ({ lab }) => {
  if ('reason' in engine || engine.restart === undefined) return
  assertDone(await lab.make(['kwok', 'NODE_COUNT=3', 'POD_COUNT=5']))
  engine.restart.stop()
  try {
    const ended = await lab.make(['kwok', 'NODE_COUNT=3', 'POD_COUNT=5'])
    assertSays(ended.stderr, /No Docker engine answers: .*\n {2}Next: start it, or select another with DOCKER_HOST/)
    assert.notEqual(ended.exitCode, 0)
  } finally {
    await engine.restart.start()
  }
  // All containers start at once. Those that need the API server restart until it answers.
  await assertContainersUp(lab, 180_000)
  // New pods, which kwok-controller must run.
  assertDone(await lab.make(['kwok', 'NODE_COUNT=3', 'POD_COUNT=8']))
})

onOwnEngine('goes down, and leaves nothing', async ({ lab }) => {
  assertDone(await lab.make(['kwok-down']))
  await lab.assertNothingLeft(undefined)
})

runtime.run()
