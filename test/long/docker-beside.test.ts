/** Two labs of containers at the same time: one goes down, and the other is unchanged. */
import { haveEngine } from '../support/engine.ts'
import { assertDone, assertSameWords, createTestLab, dockerLeftovers, type TestLab } from '../support/lab.ts'
import { type LoadedImages, loadLabImages } from '../support/lab-images.ts'
import { assertContainersUp } from '../support/lab-status.ts'
import { skipLine } from '../support/outcome.ts'
import { suite } from '../support/suite.ts'

const engine = await haveEngine()
if ('reason' in engine) process.stdout.write(skipLine('docker', engine.reason))
const smallLab = ['kwok', 'NODE_COUNT=3', 'POD_COUNT=5']

const labs = suite<{ lab: TestLab; beside: TestLab; images: LoadedImages }>('two labs of containers')
const onEngine = 'reason' in engine ? labs.skip : labs
labs.before(async context => {
  if ('reason' in engine) return
  if (engine.host !== undefined) process.env['DOCKER_HOST'] = engine.host
  context.images = await loadLabImages()
  const settings = {
    ...context.images.env,
    RUNTIME: 'docker',
    COLLECTION_INTERVAL: '2s',
    TRACE_RATE: '1',
    JAEGER: 'true',
  }
  context.lab = await createTestLab('docker', settings)
  context.beside = await createTestLab('docker-beside', settings)
})
labs.after(({ lab, beside, images }) => {
  for (const each of [lab, beside]) each?.cleanUp()
  images?.remove()
  if (!('reason' in engine)) engine.end()
})

onEngine('come up beside each other', async ({ lab, beside }) => {
  for (const each of [lab, beside]) assertDone(await each.make(smallLab))
  for (const each of [lab, beside]) await assertContainersUp(each)
})

onEngine('are independent: one goes down, and the other is unchanged and has measured only itself', async context => {
  const { lab, beside } = context
  const before = dockerLeftovers(lab.name)
  assertDone(await beside.make(['kwok-down']))
  await beside.assertNothingLeft(undefined)
  assertSameWords(dockerLeftovers(lab.name), before, 'containers of the first')
  await assertContainersUp(lab)
  const names = await lab.query('count by (k8s_cluster_name) ({k8s_cluster_name!=""})')
  assertSameWords(
    names.map(({ labels }) => labels['k8s_cluster_name'] ?? ''),
    [lab.name],
  )
})
labs.run()
