import assert from 'node:assert/strict'
import fc from 'fast-check'
import { suite } from 'uvu'
import { createTextArena, type KeptText } from '../../../../lib/kubelet/objects/text-arena.ts'

const arena = suite('createTextArena()')

arena('returns stored texts after any sequence of changes, in at most twice their size and a slab', () => {
  const step = fc.oneof(
    fc.record({ keep: fc.string({ unit: 'grapheme', maxLength: 60 }) }),
    fc.record({ release: fc.nat() }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), steps => {
      const texts = createTextArena(64)
      const kept: { text: string; as: KeptText }[] = []
      for (const each of steps) {
        if ('keep' in each) kept.push({ text: each.keep, as: texts.keep(each.keep) })
        else if (kept.length > 0) {
          const [gone] = kept.splice(each.release % kept.length, 1)
          if (gone !== undefined) texts.release(gone.as)
        }
      }
      const wanted = kept.map(({ text }) => text)
      assert.deepEqual(
        kept.map(({ as }) => as.toString()),
        wanted,
      )
      const bytes = wanted.reduce((sum, text) => sum + Buffer.byteLength(text), 0)
      const longest = Math.max(64, ...steps.map(each => ('keep' in each ? Buffer.byteLength(each.keep) : 0)))
      assert.equal(texts.bytes <= 2 * bytes + longest, true, `${texts.bytes} bytes for ${bytes}`)
    }),
  )
})

arena('stores a text that is longer than a slab', () => {
  const texts = createTextArena(64)
  const short = texts.keep('short')
  const long = texts.keep('x'.repeat(1_000))
  assert.deepEqual([short.toString(), long.toString().length], ['short', 1_000])
})

arena('refuses to read a released text, and ignores a second release', () => {
  const texts = createTextArena()
  const text = texts.keep('a')
  texts.release(text)
  texts.release(text)
  texts.release('a text of its own')
  assert.throws(() => text.toString(), /has been released/)
})

arena.run()
