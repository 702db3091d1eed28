import { join } from 'node:path'
import { atPrefix, imagePrefix } from '../docker/images.ts'
import { projectDir } from '../lab/lab.ts'
import { bundle } from '../services/daemon-bundle.ts'

/** The lab's own image, which .github/workflows/image.yaml builds. Its tag is the version of the chart. */
const IMAGE = 'ghcr.io/kube-otel-lab/kube-otel-lab:0.1.0'

/** The folder of the lab's program in its image. */
export const LAB_IMAGE_DIR = 'lab'

/** The reference of the lab's own image: LAB_IMAGE, else the published one, at the mirror that IMAGE_PREFIX names. */
export function labImage(env: NodeJS.ProcessEnv): string {
  return env['LAB_IMAGE'] || atPrefix(IMAGE, imagePrefix(env))
}

/** The files of the image in `LAB_IMAGE_DIR`: the stats proxy as a bundle, which needs Node.js only. */
export async function labImageFiles(): Promise<Record<string, string>> {
  const { code } = await bundle(join(projectDir, 'lib', 'kubelet', 'stats-proxy-process.ts'))
  return { 'stats-proxy.mjs': code }
}
