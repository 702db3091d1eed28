import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { LabError } from '../errors.ts'
import type { Dashboard } from '../grafana/model.ts'
import { anchorOf } from './report.ts'

/** Where Debian, and other Linux distributions, have Chromium. */
const CHROMIUM = '/usr/bin/chromium'

/** The Chromium that takes pictures. Throws a LabError when there is none, before anything else was done. */
export function requireBrowser(env: NodeJS.ProcessEnv): string {
  const path = env['CHROMIUM_BINARY'] || CHROMIUM
  if (existsSync(path)) return path
  throw new LabError('Cannot take pictures', {
    why: `there is no Chromium at ${path}`,
    next: 'install it (Debian: apt-get install chromium), set CHROMIUM_BINARY, or leave out --png',
  })
}

/** Takes a picture of each dashboard in a report's file, into `<uid>.png` beside it; gives their paths. */
export async function writePictures(
  browserPath: string,
  { file, dashboards }: { file: string; dashboards: readonly Dashboard[] },
): Promise<string[]> {
  const { chromium } = await import('playwright-core')
  const browser = await chromium.launch({ executablePath: browserPath }).catch((error: unknown) => {
    const why = error instanceof Error ? error.message.split('\n')[0] : String(error)
    throw new LabError(`Cannot start ${browserPath}`, {
      why,
      next: 'see whether it runs, or leave out --png',
      cause: error,
    })
  })
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
