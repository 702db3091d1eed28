import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ImageName, imageVariable } from '../../lib/docker/images.ts'
import { writeImageArchive } from '../images/archive.ts'
import { labImages } from '../images/lab.ts'
import { atExit } from './at-exit.ts'
import { dockerOutput } from './lab.ts'

/** The lab's images in the engine, by the variables that choose them, until they are removed. */
export interface LoadedImages {
  env: Record<string, string>
  remove: () => void
}

/**
 * Makes the lab's images, gives them names of their own, and loads them: an engine of the user's keeps what it has. Without those that a lab
 * has only with ALERTMANAGER or METRICS.
 */
export async function loadLabImages(): Promise<LoadedImages> {
  const env: Record<string, string> = {}
  const remove = atExit(() => {
    if (Object.keys(env).length > 0) dockerOutput(['image', 'rm', '--force', ...Object.values(env)])
  })
  const dir = mkdtempSync(join(tmpdir(), 'images-'))
  try {
    const { pause, alertmanager, 'kube-state-metrics': stateMetrics, ...needed } = await labImages()
    const own = Object.entries(needed).map(([name, image]) => {
      const reference = `kube-otel-lab.test/${name}:${process.pid}`
      env[imageVariable(name as ImageName)] = reference
      return { ...image, reference }
    })
    await writeImageArchive(join(dir, 'images.tar'), own)
    dockerOutput(['load', '--quiet', '--input', join(dir, 'images.tar')])
    return { env, remove }
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}
