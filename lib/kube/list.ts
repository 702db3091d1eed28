import { ApiStatusError, type KubeClient } from './client.ts'
import { fields, items, text } from './json.ts'

/**
 * All objects of a collection, page by page; none where the server doesn't know the kind.
 *
 * Throws an ApiStatusError when the server refuses, and the client's LabError when it can't be reached.
 */
export async function listAll(client: Pick<KubeClient, 'request'>, path: string): Promise<unknown[]> {
  const objects: unknown[] = []
  for (let next: string | undefined; ; ) {
    const page = new URLSearchParams({ limit: '1000', ...(next === undefined ? {} : { continue: next }) })
    const response = await client.request('GET', `${path}?${page}`)
    if (response.status === 404) return []
    if (response.status !== 200) throw new ApiStatusError(`Cannot list ${path}`, response)
    objects.push(...items(fields(response.body).items))
    next = text(fields(fields(response.body).metadata).continue)
    if (next === undefined) return objects
  }
}
