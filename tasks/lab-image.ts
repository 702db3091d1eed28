/**
 * Writes a folder from which Docker builds the lab's own image: the stats proxy, for the lab inside a cluster. It holds JavaScript only, so that one folder serves every platform.
 *
 *   tsx tasks/lab-image.ts --out image
 *   docker buildx build --platform linux/amd64,linux/arm64 --push --tag registry.example/kube-otel-lab:0.1.0 image
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { UsageError } from '../lib/cli/errors.ts'
import { chosenImages } from '../lib/docker/images.ts'
import { LAB_IMAGE_DIR, labImageFiles } from '../lib/in-cluster/lab-image.ts'
import { print, runTask } from '../lib/lab/task.ts'

const about = "Writes a folder from which Docker builds the lab's own image."
const options = { out: 'the folder' }

await runTask({ about, settings: [], options }, async ({ options: given }) => {
  const [out] = given['out'] ?? []
  if (out === undefined) throw new UsageError('There is no folder to write', { next: 'add --out image' })
  const dockerfile = [
    `FROM ${chosenImages(process.env).node}`,
    `COPY ${LAB_IMAGE_DIR} /${LAB_IMAGE_DIR}`,
    'USER 10001:10001',
    'ENTRYPOINT ["node"]',
    '',
  ].join('\n')
  const files = Object.entries(await labImageFiles()).map(([name, text]) => [join(LAB_IMAGE_DIR, name), text] as const)
  for (const [name, text] of [['Dockerfile', dockerfile] as const, ...files]) {
    const path = join(out, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
  }
  print(`The folder ${out} is written
Next: docker build --tag kube-otel-lab:0.1.0 ${out}, then give the image to the cluster and to LAB_IMAGE: docs/in-cluster.md`)
})
