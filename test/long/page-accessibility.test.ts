/** All rules of axe-core in all looks. test/e2e/shared/page.test.ts checks all in one look, and those that depend on it in the others. */
import type { Browser } from 'playwright-core'
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
import { assertSameWords } from '../support/lab.ts'
import { skipLine } from '../support/outcome.ts'
import { openSharedLab } from '../support/shared-lab.ts'
import { suite } from '../support/suite.ts'

const problem = browserProblem()
if (problem !== undefined) process.stdout.write(skipLine('chromium', problem))
const view = suite<{ browser: Browser; origin: string }>('the page in Chromium')
const it = problem === undefined ? view : view.skip

view.before(async context => {
  if (problem !== undefined) return
  const { lab } = await openSharedLab()
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

view.run()
