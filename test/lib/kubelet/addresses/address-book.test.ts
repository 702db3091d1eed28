import assert from 'node:assert/strict'
import { statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import { type IpRange, ipRange } from '../../../../lib/cli/ip-range.ts'
import { createAddressBook } from '../../../../lib/kubelet/addresses/address-book.ts'
import { openSavedMap } from '../../../../lib/kubelet/store/saved-map.ts'
import { tempDir } from '../../../support/temp-lab.ts'
import { there } from '../kubelet-fixtures.ts'

const RANGE = '198.18.0.0/16'
const never = (error: unknown) => assert.fail(String(error))

function open({ range = RANGE, path }: { range?: string; path?: string } = {}) {
  const saved = openSavedMap(path, never)
  return { saved, book: createAddressBook({ range: there(ipRange(range)) as IpRange, saved }) }
}

const books = suite('createAddressBook()')

books('gives 5,000 names different addresses of the range, the same in another process without a state', () => {
  const names = Array.from({ length: 5_000 }, (_, at) => `node-${at}`)
  const [first, second] = [open().book, open().book]
  const addresses = names.map(name => first.ensure(name))
  assert.equal(new Set(addresses).size, 5_000)
  for (const address of addresses) assert.match(address ?? '', /^198\.18\.\d+\.\d+$/)
  assert.equal(addresses.includes('198.18.0.0') || addresses.includes('198.18.255.255'), false)
  assert.deepEqual(
    names.map(name => second.ensure(name)),
    addresses,
  )
  assert.equal(first.size, 5_000)
  for (const [at, address] of addresses.entries()) assert.equal(first.nodeAt(address ?? ''), names[at])
})

books('takes the address that a node has, unless it is of another node or no address for a node', () => {
  const { book } = open()
  assert.equal(book.ensure('a', '198.18.3.4'), '198.18.3.4')
  assert.notEqual(book.ensure('b', '198.18.3.4'), '198.18.3.4')
  for (const [name, claimed] of [
    ['c', '10.0.0.1'],
    ['d', 'localhost'],
    ['e', '198.18.0.0'],
    ['f', '198.18.255.255'],
    ['g', '198.19.0.1'],
    ['h', '::1'],
  ] as const) {
    assert.notEqual(book.ensure(name, claimed), claimed)
  }
  assert.equal(book.ensure('a', '198.18.9.9'), '198.18.3.4', 'it stays')
})

books('keeps the address of a deleted node for its name, and gives it to another only when no other is left', () => {
  const { book } = open({ range: '198.18.0.0/29' })
  const names = ['a', 'b', 'c', 'd', 'e', 'f']
  const addresses = names.map(name => book.ensure(name))
  assert.equal(new Set(addresses).size, 6)
  assert.equal(book.ensure('g'), undefined, 'all are in use')
  const [ofA = '', ofB = ''] = addresses
  book.release('a')
  book.release('b')
  assert.equal(book.nodeAt(ofA), undefined)
  assert.equal(book.ensure('a'), ofA)
  assert.equal(book.ensure('g'), ofB)
  assert.equal(book.nodeAt(ofB), 'g')
  assert.equal(book.ensure('b'), undefined)
})

books('keeps addresses in a file of mode 0600, but not those of another range or of a damaged file', () => {
  const path = join(tempDir(), 'kubelets.jsonl')
  const first = open({ path })
  assert.equal(first.book.ensure('a', '198.18.3.4'), '198.18.3.4')
  first.saved.flush()
  assert.equal(statSync(path).mode & 0o777, 0o600)
  const second = open({ path })
  assert.equal(second.book.nodeAt('198.18.3.4'), undefined, 'not before the node is known to exist')
  assert.equal(second.book.ensure('a', '198.18.5.6'), '198.18.3.4')
  assert.match(open({ path, range: '198.19.0.0/16' }).book.ensure('a') ?? '', /^198\.19\./)
  writeFileSync(path, '[["address/a","198.18.1.1"]]\n[["address/b","198.18.1.1"]]\n[["address/c",7]]\n{"x')
  const damaged = open({ path }).book
  assert.equal(damaged.ensure('a'), '198.18.1.1')
  assert.notEqual(damaged.ensure('b'), '198.18.1.1')
  assert.match(damaged.ensure('c') ?? '', /^198\.18\./)
})

books.run()
