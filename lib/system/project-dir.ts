import { resolve } from 'node:path'

/** The folder of this clone of the project. */
export const projectDir = resolve(import.meta.dirname, '..', '..')
