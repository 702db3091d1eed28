import { ApiStatusError, type KubeClient } from './api-client.ts'
import { fields, items, text } from './json.ts'

/**
 * All objects of a collection, page by page; none where the server doesn't know the kind. With `revision` as they were at that revision of
 * etcd, for as long as it is kept there: the server compacts what is older than five minutes.
 *
 * Throws an ApiStatusError when the server refuses, and the client's LabError when it can't be reached.
 */
export async function listAll(
  client: Pick<KubeClient, 'request'>,
  path: string,
  revision?: string,
): Promise<unknown[]> {
  const exact = revision === undefined ? {} : { resourceVersion: revision, resourceVersionMatch: 'Exact' }
  const objects: unknown[] = []
  for (let next: string | undefined; ; ) {
    const page = new URLSearchParams({ limit: '1000', ...(next === undefined ? exact : { continue: next }) })
    const response = await client.request('GET', `${path}?${page}`)
    if (response.status === 404) return []
    if (response.status !== 200) throw new ApiStatusError(`Cannot list ${path}`, response)
    objects.push(...items(fields(response.body).items))
    next = text(fields(fields(response.body).metadata).continue)
    if (next === undefined) return objects
  }
}

/**
 * How many objects a collection has, without reading them. All of them the server counts itself; with a selector, of which it does not say
 * how many there are, it sends a table of them without the objects: 200 bytes each.
 *
 * Throws an ApiStatusError when the server refuses, and the client's LabError when it can't be reached.
 */
export async function countObjects(
  client: Pick<KubeClient, 'request'>,
  path: string,
  selector?: { labelSelector: string } | { fieldSelector: string },
): Promise<number> {
  // Of a resourceVersion of 0 it answers from its own memory.
  const query = new URLSearchParams(
    selector === undefined ? { limit: '1' } : { ...selector, resourceVersion: '0', includeObject: 'None' },
  )
  const accept = selector === undefined ? {} : { accept: 'application/json;as=Table;g=meta.k8s.io;v=v1' }
  const response = await client.request('GET', `${path}?${query}`, accept)
  if (response.status !== 200) throw new ApiStatusError(`Cannot count ${path}`, response)
  const { items: objects, rows, metadata } = fields(response.body)
  return items(objects ?? rows).length + Number(fields(metadata).remainingItemCount ?? 0)
}
