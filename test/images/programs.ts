import { spawnSync } from 'node:child_process'
import { existsSync, realpathSync } from 'node:fs'
import type { TarEntry } from './tar.ts'

/** A statically linked program under a path of the image. */
export function program(path: string, file: string): TarEntry {
  return { path, file: realpathSync(file), mode: 0o755 }
}

/**
 * A program of this machine with the shared libraries that it is linked with, loader included, each at its own place: `ldd` says
 * which. Throws an Error when it is not a dynamic program, or a library is missing.
 */
export function withLibraries(path: string, file: string): TarEntry[] {
  const { stdout, stderr, status } = spawnSync('ldd', [file], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`ldd ${file}: ${stderr || stdout}`)
  const libraries = [...stdout.matchAll(/^\s*(?:\S+ => )?(\/\S+) \(0x/gm)].map(([, library = '']) => library)
  const lacking = [...stdout.matchAll(/^\s*(\S+) => not found/gm)].map(([, library]) => library)
  if (lacking.length > 0) throw new Error(`${file} needs ${lacking.join(', ')}, not found here`)
  return [
    program(path, file),
    ...libraries.map(library => ({ path: library.slice(1), file: realpathSync(library), mode: 0o755 })),
  ]
}

/** A program on PATH of this machine. Throws an Error when there is none. */
export function onPath(name: string): string {
  const found = (process.env['PATH'] ?? '').split(':').find(folder => existsSync(`${folder}/${name}`))
  if (found === undefined) throw new Error(`there is no ${name} on PATH`)
  return `${found}/${name}`
}
