import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Dashboard } from '../grafana/model.ts'
import { launchBrowser } from './browser.ts'
import { anchorOf } from './report.ts'

/** Takes a picture of each dashboard in a report's file, into `<uid>.png` beside it; gives their paths. */
export async function writePictures(
  browserPath: string,
  { file, dashboards }: { file: string; dashboards: readonly Dashboard[] },
): Promise<string[]> {
  const browser = await launchBrowser(browserPath)
  try {
    const page = await browser.newPage({ viewport: { width: 1600, height: 900 } })
    page.setDefaultTimeout(120_000)
    await page.goto(pathToFileURL(file).href)
    // One dashboard at a time: Chromium would lay out and paint all of them for each picture.
    await page.addStyleTag({ content: 'main > section:not(.pictured) { display: none }' })
    const paths: string[] = []
    for (const dashboard of dashboards) {
      const path = join(dirname(file), `${anchorOf(dashboard).slice('d-'.length)}.png`)
      const section = page.locator(`section[aria-labelledby="${anchorOf(dashboard)}"]`)
      await section.evaluate(element => element.classList.add('pictured'))
      await section.screenshot({ path })
      await section.evaluate(element => element.classList.remove('pictured'))
      paths.push(path)
    }
    return paths
  } finally {
    await browser.close()
  }
}
