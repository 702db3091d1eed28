import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import { glanceDashboard, loadDashboards } from '../../../../dashboards/load.ts'
import { labPages } from '../../../../lib/render/page/lab-pages.ts'
import type { Pages } from '../../../../lib/render/page/page-server.ts'
import { freePort } from '../../../support/free-ports.ts'
import { assertSays } from '../../../support/lab.ts'
import { tempDir, tempLab } from '../../../support/temp-lab.ts'

interface Context {
  dir: string
  get: (path: string) => Promise<string | undefined>
}

const pages = suite<Context>('labPages()')
pages.before(async context => {
  context.dir = tempDir()
  const prometheusUrl = `http://127.0.0.1:${await freePort()}`
  const lab = tempLab({ dashboardsDir: context.dir, prometheusUrl })
  const made: Pages = labPages(lab, () => loadDashboards(lab.settings), glanceDashboard(lab.settings))
  context.get = async path => {
    const page = await made({ path, query: new URLSearchParams(), isPosted: false })
    if (page === undefined || typeof page === 'string') return page
    if ('json' in page || 'redirect' in page) throw new Error('a page, not data')
    const pieces: string[] = []
    for await (const piece of page) pieces.push(piece)
    return pieces.join('')
  }
})

const write = ({ dir }: Context, name: string, title: string) =>
  writeFileSync(join(dir, name), JSON.stringify({ title, uid: 'mine', schemaVersion: 39, panels: [] }))

pages('read the user’s dashboards for each page: new, changed, invalid, deleted', async context => {
  const { dir, get } = context
  assert.equal(await get('/d/mine'), undefined)
  write(context, 'mine.json', 'First')
  assertSays((await get('/d/mine')) ?? '', /<h1>First<\/h1>/)
  write(context, 'mine.json', 'Second')
  assertSays((await get('/d/mine')) ?? '', /<h1>Second<\/h1>/)
  writeFileSync(join(dir, 'mine.json'), '{"title": "Third", "panels": [')
  assert.equal(await get('/d/mine'), undefined)
  assertSays((await get('/d/lab-overview')) ?? '', /<h1>Lab overview<\/h1>/)
  rmSync(join(dir, 'mine.json'))
  assert.equal(await get('/d/mine'), undefined)
})
pages.run()
