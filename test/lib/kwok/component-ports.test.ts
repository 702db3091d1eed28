import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { freeComponentPorts } from '../../../lib/kwok/component-ports.ts'

const ports = suite('freeComponentPorts()')
const allFree = async () => true

ports('are the same for a cluster each time, and differ between clusters', async () => {
  const [one, again, other] = await Promise.all(
    ['/kwok/clusters/a', '/kwok/clusters/a', '/kwok/clusters/b'].map(dir => freeComponentPorts(dir, allFree)),
  )
  assert.deepEqual(one, again)
  assert.equal(new Set([...Object.values(one ?? {}), ...Object.values(other ?? {})]).size, 12)
})

ports('are of the next block when one is in use', async () => {
  const first = await freeComponentPorts('/a', allFree)
  const next = await freeComponentPorts('/a', async port => port !== first.kubeSchedulerPort)
  assert.equal(new Set([...Object.values(first), ...Object.values(next)]).size, 12)
})

ports('continue with the first block after the last, and stay below Linux’s ephemeral ports', async () => {
  const found = await freeComponentPorts('/a', async port => port < 28_672 + 8)
  assert.deepEqual(Object.values(found), [28_672, 28_673, 28_674, 28_675, 28_676, 28_677])
  const last = await freeComponentPorts('/a', async port => port >= 32_760)
  assert.ok(Math.max(...Object.values(last)) < 32_768)
})

ports('are refused when none is free', async () => {
  await assert.rejects(
    freeComponentPorts('/a', async () => false),
    {
      name: 'LabError',
      message: /^There are no free ports for the control plane: none of 512 blocks/,
      next: 'take down a lab that you do not need',
    },
  )
})
ports.run()
