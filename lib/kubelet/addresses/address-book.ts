import { type IpRange, ipNumber, ipText } from '../../cli/ip-range.ts'
import type { SavedMap } from '../store/saved-map.ts'
import { hash } from '../usage/pseudo-random.ts'

/** The address of each node, by name. */
export type AddressBook = ReturnType<typeof createAddressBook>

const KEY = 'address/'

/**
 * Gives each name an address of the range, and the same one again later. The first address that a name tries is its hash, so that a name
 * usually gets the same address in another cluster too. No two names have one address. The first and the last address stay free.
 *
 * The addresses are in the saved map. A deleted node's address stays reserved for its name until the range has no other.
 */
export function createAddressBook({ range, saved }: { range: IpRange; saved: SavedMap }) {
  const byName = new Map<string, string>()
  const byAddress = new Map<string, string>()
  const live = new Set<string>()
  for (const [key, address] of saved.entries()) {
    if (!key.startsWith(KEY)) continue
    const isGood = typeof address === 'string' && isUsable(address) && !byAddress.has(address)
    if (isGood) hold(key.slice(KEY.length), address)
    // Of another range.
    else saved.delete(key)
  }

  return {
    /**
     * The address of a node that exists: its earlier one, else `claimed` if that is of the range and not another node's, else a free one.
     * Undefined when every address is in use.
     */
    ensure(name: string, claimed?: string): string | undefined {
      live.add(name)
      const earlier = byName.get(name)
      if (earlier !== undefined) return earlier
      const address = claimed !== undefined && isUsable(claimed) && !isInUse(claimed) ? claimed : freeAddress(name)
      if (address === undefined) return undefined
      const reserved = byAddress.get(address)
      if (reserved !== undefined) {
        byName.delete(reserved)
        saved.delete(KEY + reserved)
      }
      hold(name, address)
      saved.set(KEY + name, address)
      return address
    },
    /** Ends the use of a name's address. */
    release: (name: string) => void live.delete(name),
    /** The node that exists and has this address. */
    nodeAt(address: string): string | undefined {
      const name = byAddress.get(address)
      return name !== undefined && live.has(name) ? name : undefined
    },
    get size() {
      return live.size
    },
  }

  function hold(name: string, address: string): void {
    byName.set(name, address)
    byAddress.set(address, name)
  }

  function isUsable(address: string): boolean {
    const offset = range.includes(address) ? ipNumber(address) - range.first : 0
    return offset > 0 && offset < range.size - 1
  }

  function isInUse(address: string): boolean {
    const name = byAddress.get(address)
    return name !== undefined && live.has(name)
  }

  /** The first address from the name's hash on that has no name, else the first that no node uses. */
  function freeAddress(name: string): string | undefined {
    const count = range.size - 2
    const start = hash(name) % count
    const isFull = byAddress.size >= count
    for (let step = 0; step < count; step++) {
      const address = ipText(range.first + 1 + ((start + step) % count))
      if (isFull ? !isInUse(address) : !byAddress.has(address)) return address
    }
    return undefined
  }
}
