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
    await page.goto(pathToFileURL(file).href)
    const paths: string[] = []
    for (const dashboard of dashboards) {
      const path = join(dirname(file), `${anchorOf(dashboard).slice('d-'.length)}.png`)
      await page.locator(`section[aria-labelledby="${anchorOf(dashboard)}"]`).screenshot({ path })
      paths.push(path)
    }
    return paths
  } finally {
    await browser.close()
  }
}
