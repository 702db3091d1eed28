import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream, createWriteStream, statSync } from 'node:fs'
import { finished } from 'node:stream/promises'

/** What is put into an archive: a file of this machine, a text, or a folder. */
export type TarEntry =
  | { path: string; file: string; mode?: number }
  | { path: string; text: string; mode?: number }
  | { path: string; folder: true; mode?: number }

const BLOCK_BYTES = 512

/**
 * Writes a tar archive (POSIX ustar), and gives its SHA-256 in hexadecimal digits. Owner is root, times are 0: the same entries
 * give the same bytes.
 */
export async function writeTar(to: string, entries: readonly TarEntry[]): Promise<string> {
  const out = createWriteStream(to)
  const hash = createHash('sha256')
  const write = async (bytes: Buffer) => {
    hash.update(bytes)
    if (!out.write(bytes)) await once(out, 'drain')
  }
  for (const entry of entries) {
    if ('folder' in entry) {
      await write(header(`${entry.path}/`, { mode: entry.mode ?? 0o755, bytes: 0, type: '5' }))
      continue
    }
    const bytes = 'file' in entry ? statSync(entry.file).size : Buffer.byteLength(entry.text)
    await write(header(entry.path, { mode: entry.mode ?? ('file' in entry ? 0o755 : 0o644), bytes, type: '0' }))
    if ('text' in entry) await write(Buffer.from(entry.text))
    else
      for await (const chunk of createReadStream(entry.file, { highWaterMark: 2 ** 20 })) await write(chunk as Buffer)
    await write(Buffer.alloc((BLOCK_BYTES - (bytes % BLOCK_BYTES)) % BLOCK_BYTES))
  }
  await write(Buffer.alloc(2 * BLOCK_BYTES))
  out.end()
  await finished(out)
  return hash.digest('hex')
}

function header(path: string, { mode, bytes, type }: { mode: number; bytes: number; type: string }): Buffer {
  if (path.length > 100) throw new Error(`${path} is too long for a tar header`)
  const block = Buffer.alloc(BLOCK_BYTES)
  const octal = (value: number, at: number, length: number) =>
    block.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at)
  block.write(path, 0)
  octal(mode, 100, 8)
  octal(0, 108, 8)
  octal(0, 116, 8)
  octal(bytes, 124, 12)
  octal(0, 136, 12)
  block.write('        ', 148)
  block.write(type, 156)
  block.write('ustar\x0000', 257)
  octal(
    block.reduce((sum, byte) => sum + byte, 0),
    148,
    7,
  )
  return block
}
