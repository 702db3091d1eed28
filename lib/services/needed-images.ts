import { imageNames } from '../docker/images.ts'
import type { NeededImage } from '../docker/pull-images.ts'
import type { Lab } from '../lab/lab.ts'
import { imageOf } from '../lab/lab-images.ts'
import { wantsJaeger } from './jaeger.ts'

/** The images that a lab runs. */
export function neededImages(lab: Lab): NeededImage[] {
  return imageNames
    .filter(name => name !== 'jaeger' || wantsJaeger(lab))
    .map(name => ({ name, reference: imageOf(lab, name) }))
}
