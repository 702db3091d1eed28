import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { launchBrowser } from './browser.ts'
import { anchorOf, type ReportedDashboard } from './report-html.ts'

/** Writes a picture of each dashboard in a report to `<key>.png` beside it; gives their paths. */
export async function writePictures(
  browserPath: string,
  { file, dashboards }: { file: string; dashboards: readonly Pick<ReportedDashboard, 'key'>[] },
): Promise<string[]> {
  const browser = await launchBrowser(browserPath)
  try {
    const page = await browser.newPage({ viewport: { width: 1600, height: 900 } })
    page.setDefaultTimeout(120_000)
    await page.goto(pathToFileURL(file).href)
    // One dashboard at a time: Chromium would lay out and paint all of them for each picture.
    await page.addStyleTag({ content: 'main > section:not(.pictured) { display: none }' })
    const paths: string[] = []
    for (const { key } of dashboards) {
      const path = join(dirname(file), `${key}.png`)
      const section = page.locator(`section[aria-labelledby="${anchorOf(key)}"]`)
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
