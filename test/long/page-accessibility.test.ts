/** All rules of axe-core in all looks, and on a report. test/e2e/shared/page.test.ts has two pages, with the rules that depend on the look. */
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { projectDir } from '../../lib/lab/lab.ts'
import {
  accessiblePage,
  accessiblePages,
  axeViolations,
  browserProblem,
  looks,
  openBrowser,
  showAs,
  watchedPage,
} from '../support/browser.ts'
import { assertSameWords, assertSays, type TestLab } from '../support/lab.ts'
import { skipLine } from '../support/outcome.ts'
import { openSharedLab } from '../support/shared-lab.ts'
import { suite } from '../support/suite.ts'

const problem = browserProblem()
if (problem !== undefined) process.stdout.write(skipLine('chromium', problem))
const view = suite<{ lab: TestLab; browser: Browser; origin: string }>('the page in Chromium')
const it = problem === undefined ? view : view.skip

view.before(async context => {
  if (problem !== undefined) return
  const { lab } = await openSharedLab()
  context.lab = lab
  context.origin = `http://127.0.0.1:${lab.ports.grafanaPort}`
  context.browser = await openBrowser()
})
view.after(async ({ browser }) => {
  await browser?.close()
})

for (const path of accessiblePages) {
  for (const look of looks) {
    it(`${path} is accessible ${look.name}, by all rules of axe-core`, async ({ browser, origin }) => {
      const { page, close } = await watchedPage(browser, origin)
      try {
        await showAs(page, look)
        await page.goto(`${origin}${accessiblePage(path)}`)
        assertSameWords(await axeViolations(page), [], `violations of ${path} ${look.name}`)
      } finally {
        await close()
      }
    })
  }
}

it('has an accessible report', async ({ lab, browser }) => {
  const out = join(lab.tempDir, 'accessible', 'index.html')
  const files = ['lab-overview', 'online-boutique'].flatMap(uid => [
    '--dashboards',
    join(projectDir, 'dashboards', 'out', 'json', `${uid}.json`),
  ])
  const { stdout, stderr } = await lab.task('report', ['--out', out, ...files])
  assertSays(stdout + stderr, /^2 dashboards in /m)
  const { page, close } = await watchedPage(browser, 'null')
  try {
    await page.goto(`file://${out}`)
    assertSameWords(await axeViolations(page), [], 'violations of the report')
  } finally {
    await close()
  }
})

view.run()
