import { LabError } from '../cli/errors.ts'
import type { Lab } from '../lab/lab.ts'
import { wantsJaeger } from '../services/jaeger.ts'
import { docker, dockerError, isEngineDown } from './engine.ts'
import { type ImageName, imageNames, imageOf, imageVariable, withoutDigest } from './images.ts'

/** The images that a lab runs. */
export function labImageNames(lab: Lab): ImageName[] {
  return imageNames.filter(name => name !== 'jaeger' || wantsJaeger(lab))
}

/**
 * Makes every image of the lab be at the engine: those that lack are pulled one after the other, with what the engine says of
 * it given to `onLine`. Returns what they are called.
 *
 * Throws a LabError that names an image that can't be had, and how to bring it there.
 */
export async function ensureImages(lab: Lab, onLine: (line: string) => void): Promise<string[]> {
  const names = labImageNames(lab)
  for (const name of names) await ensureImage(name, imageOf(lab, name), onLine)
  return names.map(name => imageOf(lab, name))
}

/** Of each image of a lab what it is called, and whether it is at the engine. */
export async function imageStates(lab: Lab): Promise<{ name: ImageName; reference: string; isThere: boolean }[]> {
  return await Promise.all(
    labImageNames(lab).map(async name => {
      const reference = imageOf(lab, name)
      return { name, reference, isThere: await isAtEngine(reference) }
    }),
  )
}

/** Throws a LabError when no engine answers. */
async function isAtEngine(reference: string): Promise<boolean> {
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
  throw new LabError(`There is no image ${reference}, and it cannot be pulled`, {
    why: pulled.stderr.trim().split('\n').at(-1),
    next: `${offlineAdvice(name, reference)}; or set IMAGE_PREFIX to a mirror that has it; RUNTIME=binary needs none`,
  })
}

/** How to bring an image here by a file. One that is saved by its digest is loaded without it, and would be missing still. */
function offlineAdvice(name: ImageName, reference: string): string {
  const tagged = withoutDigest(reference)
  const save = `docker save -o image.tar ${tagged}`
  const load = 'docker load -i image.tar'
  return tagged === reference
    ? `where there is a network, docker pull ${reference} && ${save}; here, ${load}`
    : `where there is a network, docker pull ${reference} && docker tag ${reference} ${tagged} && ${save}; ` +
        `here, ${load} and set ${imageVariable(name)}=${tagged}`
}
