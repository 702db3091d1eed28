import { ApiStatusError, type KubeClient } from './api-client.ts'
import { fields, items, text } from './json.ts'

/**
 * All objects of a collection (a path, also with selectors), read in pages; none for an unknown kind. With `revision` they are as of that revision of etcd, which the
 * server compacts after five minutes.
 *
 * Throws an ApiStatusError for an error status, and the client's LabError without a connection.
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
    const response = await client.request('GET', `${path}${path.includes('?') ? '&' : '?'}${page}`)
    if (response.status === 404) return []
    if (response.status !== 200) throw new ApiStatusError(`Cannot list ${path}`, response)
    objects.push(...items(fields(response.body).items))
    next = text(fields(fields(response.body).metadata).continue)
    if (next === undefined) return objects
  }
}

const COUNT_TIMEOUT_MS = 10_000

/**
 * The number of objects of a collection, without reading them. Without a selector the server counts them. With a selector it does not report
 * the count, so that it sends a table without the objects, 200 bytes each.
 *
 * Throws an ApiStatusError for an error status, and the client's LabError without a connection.
 */
export async function countObjects(
  client: Pick<KubeClient, 'request'>,
  path: string,
  selector?: { labelSelector?: string; fieldSelector?: string; resourceVersion?: string },
): Promise<number> {
  // With resourceVersion 0 the server answers from its cache, as it is.
  const query = new URLSearchParams(
    selector === undefined
      ? { limit: '1' }
      : { ...selector, resourceVersion: selector.resourceVersion ?? '0', includeObject: 'None' },
  )
  const accept = selector === undefined ? {} : { accept: 'application/json;as=Table;g=meta.k8s.io;v=v1' }
  const response = await client.request('GET', `${path}?${query}`, { ...accept, timeoutMs: COUNT_TIMEOUT_MS })
  if (response.status !== 200) throw new ApiStatusError(`Cannot count ${path}`, response)
  const { items: objects, rows, metadata } = fields(response.body)
  return items(objects ?? rows).length + Number(fields(metadata).remainingItemCount ?? 0)
}
