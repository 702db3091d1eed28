/** A text stored as bytes. */
export interface KeptText {
  toString(): string
}

interface Slab {
  buffer: Buffer
  /** Bytes written, including those of released texts. */
  filled: number
  /** Bytes of stored texts. */
  kept: number
  chunks: Set<Chunk>
}

class Chunk implements KeptText {
  slab: Slab | undefined
  start = 0
  readonly length: number

  constructor(length: number) {
    this.length = length
  }

  toString(): string {
    if (this.slab === undefined) throw new Error('this text has been released')
    return this.slab.buffer.toString('utf8', this.start, this.start + this.length)
  }
}

/**
 * Stores many texts of a few kilobytes in a few buffers. A buffer for each text costs more: with 50,000 texts, garbage collection and allocation of buffers took half
 * of the time of an event. A slab that is less than half full is moved into the newest one, so the buffers are at most twice
 * the size of the stored texts plus a slab.
 */
export function createTextArena(slabBytes = 2 ** 20) {
  let newest: Slab | undefined
  let bytes = 0

  return {
    keep(text: string): KeptText {
      const length = Buffer.byteLength(text)
      // Nearly all texts are ASCII, which needs no encoding.
      const encoding = length === text.length ? 'latin1' : 'utf8'
      return place(length, (buffer, at) => buffer.write(text, at, encoding))
    },
    /** Frees a text of this arena, which must not be read any more. Other texts are ignored. */
    release(text: KeptText | string) {
      if (!(text instanceof Chunk) || text.slab === undefined) return
      const { slab } = text
      text.slab = undefined
      slab.chunks.delete(text)
      slab.kept -= text.length
      emptyIfSparse(slab)
    },
    /** The size of all buffers. */
    get bytes() {
      return bytes
    },
  }

  function place(length: number, write: (buffer: Buffer, at: number) => void, chunk = new Chunk(length)): Chunk {
    const full = newest !== undefined && newest.filled + length > newest.buffer.length ? newest : undefined
    const slab = newest === undefined || full !== undefined ? open(length) : newest
    write(slab.buffer, slab.filled)
    chunk.slab = slab
    chunk.start = slab.filled
    slab.filled += length
    slab.kept += length
    slab.chunks.add(chunk)
    // While it was the newest slab, texts may have been released.
    if (full !== undefined) emptyIfSparse(full)
    return chunk
  }

  function open(length: number): Slab {
    const buffer = Buffer.allocUnsafeSlow(Math.max(slabBytes, length))
    bytes += buffer.length
    newest = { buffer, filled: 0, kept: 0, chunks: new Set() }
    return newest
  }

  function emptyIfSparse(slab: Slab): void {
    if (slab === newest || slab.kept * 2 >= slab.buffer.length) return
    bytes -= slab.buffer.length
    const { chunks } = slab
    slab.chunks = new Set()
    for (const chunk of chunks) {
      const from = chunk.start
      place(chunk.length, (buffer, at) => slab.buffer.copy(buffer, at, from, from + chunk.length), chunk)
    }
  }
}
