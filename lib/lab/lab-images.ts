import { chosenImages, type ImageName } from '../docker/images.ts'
import { type Lab, readRecord } from './lab.ts'

/** The reference of an image: the one that the lab was created with, else that of a new lab. */
export function imageOf(lab: Lab, name: ImageName): string {
  return readRecord(lab.dir)?.images?.[name] ?? chosenImages(process.env)[name]
}
