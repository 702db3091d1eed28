import { chosenImages, type ImageName, imagePrefix, imageVariable } from '../docker/images.ts'
import { type Lab, readRecord, writeRecord } from './lab.ts'

/**
 * The reference of an image: the one that the lab was created with, else that of a new lab. In a cluster of the user's, one that is chosen
 * now replaces it.
 */
export function imageOf(lab: Lab, name: ImageName): string {
  return referenceOf(lab, name, chosenImages(process.env)[name])
}

/** The same for any image: `given` is the chosen or the published one. */
export function referenceOf(lab: Lab, name: string, given: string): string {
  const kept = readRecord(lab.dir)?.images?.[name]
  return kept === undefined || (lab.kind === 'context' && isChosen(name)) ? given : kept
}

/** Records the images of these names that are chosen now as the lab's for later runs. */
export function rememberImages(lab: Lab, images: Readonly<Record<string, string>>): void {
  const record = readRecord(lab.dir)
  const chosen = Object.entries(images).filter(([name]) => isChosen(name))
  if (record === undefined || chosen.length === 0) return
  writeRecord(lab, { ...record, images: { ...record.images, ...Object.fromEntries(chosen) } })
}

/** Removes what `rememberImages` has recorded of these names. */
export function forgetImages(lab: Lab, names: readonly string[]): void {
  const record = readRecord(lab.dir)
  if (record?.images === undefined) return
  const left = Object.entries(record.images).filter(([name]) => !names.includes(name))
  writeRecord(lab, { ...record, images: Object.fromEntries(left) })
}

function isChosen(name: string): boolean {
  return imagePrefix(process.env) !== '' || (process.env[imageVariable(name)] ?? '') !== ''
}
