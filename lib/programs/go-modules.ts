import { closeSync, openSync, readSync } from 'node:fs'

/** A Go module that is compiled into a program. */
export interface GoModule {
  path: string
  /** With its `v`; `(devel)` for the folder that was built. */
  version: string
  /** As in go.sum; empty for the folder that was built. */
  sum: string
}

/** What a program that Go built tells of itself. */
export interface GoProgram {
  /** The package of its `main`. */
  main: string
  /** All modules in it; for a replaced one what replaces it. */
  modules: readonly GoModule[]
}

const magic = Buffer.from('\xff Go buildinf:', 'latin1')
const alignment = 16
const headerBytes = 32
const chunkBytes = 2 ** 22
/** More than the lists of modules of the largest programs (some 50 kB). */
const longestTextBytes = 2 ** 20
/** What Go writes before and after the list of modules. */
const markBytes = 16

/**
 * The modules of a program as `go version -m` shows them, without Go: out of the text that the linker puts into each program
 * (Go's debug/buildinfo describes it; since Go 1.18). Undefined for what Go did not build, and for what may be run and not read.
 * Reads up to the whole file.
 */
export function readGoProgram(path: string): GoProgram | undefined {
  const file = openOrUndefined(path)
  if (file === undefined) return undefined
  try {
    const chunk = Buffer.allocUnsafe(chunkBytes)
    for (let start = 0; ; start += chunkBytes - headerBytes) {
      const bytes = readSync(file, chunk, 0, chunkBytes, start)
      for (let at = chunk.indexOf(magic); at !== -1 && at < bytes; at = chunk.indexOf(magic, at + 1)) {
        // Go's own library has the same words in it, elsewhere.
        const text = (start + at) % alignment === 0 ? modulesText(file, start + at) : undefined
        if (text !== undefined) return parseGoProgram(text)
      }
      if (bytes < chunkBytes) return undefined
    }
  } finally {
    closeSync(file)
  }
}

/** Reads lines of `path`, `mod`, `dep` and `=>`, each with its fields behind tabs. */
export function parseGoProgram(text: string): GoProgram {
  let main = ''
  const modules: GoModule[] = []
  for (const line of text.split('\n')) {
    const [word, path = '', version = '', sum = ''] = line.split('\t')
    if (word === 'path') main = path
    else if (word === 'mod' || word === 'dep') modules.push({ path, version, sum })
    else if (word === '=>') modules.splice(-1, 1, { path, version, sum })
  }
  return { main, modules }
}

function openOrUndefined(path: string): number | undefined {
  try {
    return openSync(path, 'r')
  } catch {
    return undefined
  }
}

function modulesText(file: number, at: number): string | undefined {
  const blob = Buffer.alloc(headerBytes + longestTextBytes)
  readSync(file, blob, 0, blob.length, at)
  // Flag 2: the two texts follow; before Go 1.18 there were pointers to them.
  if (((blob[magic.length + 1] ?? 0) & 2) === 0) return undefined
  const version = lengthBefore(blob, headerBytes)
  const modules = lengthBefore(blob, version.end)
  const isText =
    modules.start > version.end && modules.end <= blob.length && modules.end - modules.start > 2 * markBytes
  if (!isText || blob[modules.end - markBytes - 1] !== 0x0a) return undefined
  return blob.toString('utf8', modules.start + markBytes, modules.end - markBytes)
}

/** Where a text begins and ends whose length stands before it, in seven bits a byte, lowest first. */
function lengthBefore(blob: Buffer, at: number): { start: number; end: number } {
  let length = 0
  let start = at
  for (let factor = 1; start < at + 4; factor *= 128) {
    const byte = blob[start++] ?? 0
    length += (byte & 127) * factor
    if (byte < 128) break
  }
  return { start, end: start + length }
}
