import type { LookupAddress } from 'node:dns'
import { lookup } from 'node:dns/promises'
import { BlockList } from 'node:net'
import { networkInterfaces } from 'node:os'
import { messageOf } from '../../cli/errors.ts'
import type { Destination } from './cluster-endpoints.ts'
import { Refusal } from './connect-proxy.ts'

/**
 * The addresses of a host; undefined when one of them is the API server, by whatever name: its own address, or any address of this
 * machine if the API server runs here.
 *
 * Throws a Refusal for a name without an address.
 */
export async function addressesBesideApiServer(
  { host, port }: Destination,
  apiServer: Destination,
): Promise<LookupAddress[] | undefined> {
  const addresses = await resolved(host)
  if (port !== apiServer.port) return addresses
  const own = await resolved(apiServer.host)
  const machine = thisMachine()
  const isOwn = (list: readonly LookupAddress[]) => list.some(each => contains(machine, each))
  const isSame = addresses.some(({ address }) => own.some(each => each.address === address))
  return isSame || (isOwn(addresses) && isOwn(own)) ? undefined : addresses
}

async function resolved(host: string): Promise<LookupAddress[]> {
  try {
    return await lookup(host, { all: true })
  } catch (error) {
    throw new Refusal(502, 'unreachable', messageOf(error))
  }
}

/** Loopback, unspecified addresses, which lead to loopback too, and the addresses of all interfaces. */
function thisMachine(): BlockList {
  const list = new BlockList()
  list.addSubnet('127.0.0.0', 8)
  list.addSubnet('0.0.0.0', 8)
  for (const address of ['::', '::1']) list.addAddress(address, 'ipv6')
  for (const { address, family } of Object.values(networkInterfaces()).flatMap(each => each ?? [])) {
    list.addAddress(address, family === 'IPv6' ? 'ipv6' : 'ipv4')
  }
  return list
}

/** Also an IPv4 address that is written as an IPv6 address. */
function contains(list: BlockList, { address, family }: LookupAddress): boolean {
  return list.check(address, family === 6 ? 'ipv6' : 'ipv4')
}
