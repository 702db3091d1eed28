import { chosenImages, type ImageName } from '../docker/images.ts'
import { type Lab, readRecord } from './lab.ts'

/** What an image of a lab is called: as it was when the lab was created, else as it is chosen now. */
export function imageOf(lab: Lab, name: ImageName): string {
  return readRecord(lab.dir)?.images?.[name] ?? chosenImages(process.env)[name]
}
