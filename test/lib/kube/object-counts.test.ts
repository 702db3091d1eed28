import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { createClient } from '../../../lib/kube/api-client.ts'
import { countObjects } from '../../../lib/kube/object-counts.ts'
import { answer, fakeApi } from './fake-api.ts'

const counts = suite('countObjects()')

/** What the server is asked, and what is counted in its answer. */
async function count(status: number, body: unknown, selector?: Parameters<typeof countObjects>[2]) {
  const asked: string[] = []
  const api = await fakeApi((request, response) => {
    asked.push(`${request.url} ${request.headers.accept}`)
    answer(response, status, body)
  })
  const client = createClient(api.credentials)
  try {
    return { count: await countObjects(client, '/api/v1/pods', selector), asked }
  } finally {
    client.close()
    await api.close()
  }
}

for (const [fact, items, metadata, expected] of [
  ['no object', [], {}, 0],
  ['one', [{}], {}, 1],
  ['many', [{}], { continue: 'x', remainingItemCount: 11_999 }, 12_000],
] as const) {
  counts(`has the server count a whole collection: ${fact}`, async () => {
    const { count: found, asked } = await count(200, { kind: 'PodList', items, metadata })
    assert.equal(found, expected)
    assert.deepEqual(asked, ['/api/v1/pods?limit=1 application/json'])
  })
}

counts('counts what a selector chooses by the rows of a table without objects', async () => {
  const body = { kind: 'Table', metadata: {}, rows: [{ cells: ['a'] }, { cells: ['b'] }] }
  const { count: found, asked } = await count(200, body, { fieldSelector: 'status.phase=Pending' })
  assert.equal(found, 2)
  assert.deepEqual(asked, [
    '/api/v1/pods?fieldSelector=status.phase%3DPending&resourceVersion=0&includeObject=None ' +
      'application/json;as=Table;g=meta.k8s.io;v=v1',
  ])
})

counts('throws what the server refuses it with', async () => {
  await assert.rejects(count(403, { message: 'no' }), {
    name: 'ApiStatusError',
    message: /^Cannot count \/api\/v1\/pods: 403 no/,
  })
})
counts.run()
