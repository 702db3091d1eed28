import { LabError } from '../cli/errors.ts'
import { docker, dockerError, isEngineDown } from './engine.ts'
import { type ImageName, imageVariable, withoutDigest } from './images.ts'

/** An image that a lab needs: the lab's word for it, and its reference. */
export interface NeededImage {
  name: ImageName
  reference: string
}

/**
 * Pulls the images that the engine does not have, one after the other; `onLine` gets the engine's output.
 *
 * Throws a LabError that names the first image that cannot be pulled, and how to load it from a file.
 */
export async function ensureImages(images: readonly NeededImage[], onLine: (line: string) => void): Promise<void> {
  for (const { name, reference } of images) await ensureImage(name, reference, onLine)
}

/** Whether the engine has an image. Throws a LabError when no engine answers. */
export async function isAtEngine(reference: string): Promise<boolean> {
  const inspect = ['image', 'inspect', '--format', '{{.Id}}', reference]
  const known = await docker(inspect, { nothrow: true })
  if (known.exitCode !== 0 && isEngineDown(known.stderr)) throw dockerError(inspect, known)
  return known.exitCode === 0
}

async function ensureImage(name: ImageName, reference: string, onLine: (line: string) => void): Promise<void> {
  if (await isAtEngine(reference)) return
  onLine(`Pulling ${reference}`)
  const pulled = await docker(['pull', reference], {
    nothrow: true,
    timeoutMs: 30 * 60_000,
    onStdoutLine: line => onLine(`  ${line}`),
  })
  if (pulled.exitCode === 0) return
  throw new LabError(`Cannot pull the image ${reference}`, {
    why: pulled.stderr.trim().split('\n').at(-1),
    next: `${offlineAdvice(name, reference)}; or set IMAGE_PREFIX to a mirror that has it; RUNTIME=binary needs no image`,
  })
}

/** How to load an image from a file. `docker load` drops the digest, so an image that is pinned by digest needs its variable too. */
function offlineAdvice(name: ImageName, reference: string): string {
  const tagged = withoutDigest(reference)
  const [tag, variable] =
    tagged === reference
      ? ['', '']
      : [` && docker tag ${reference} ${tagged}`, ` and set ${imageVariable(name)}=${tagged}`]
  const save = `docker pull ${reference}${tag} && docker save -o image.tar ${tagged}`
  return `on a machine with a network, ${save}; on this one, docker load -i image.tar${variable}`
}
