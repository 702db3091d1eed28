import { components } from '../../lib/lab/components.ts'
import { assertSameWords, type TestLab, waitFor } from './lab.ts'
import { containerNames } from './service-names.ts'

const parts = [...components, ...containerNames, 'jaeger']

/** Waits until kwok-status reports every part of a lab of containers with JAEGER=true as up. */
export async function assertContainersUp(lab: TestLab, timeoutMs?: number): Promise<void> {
  await waitFor(
    'lab whose parts are all up',
    async () => {
      const { stdout, stderr } = await lab.make(['kwok-status'])
      const up = [...stdout.matchAll(/^(\S+) +up +/gm)].map(([, name = '']) => name)
      assertSameWords(up, parts, `parts that are up in\n${stdout}${stderr}\n`)
    },
    timeoutMs,
  )
}
