import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { LabError } from '../../cli/errors.ts'

/** The path of Chromium on Debian and other Linux distributions. */
const CHROMIUM = '/usr/bin/chromium'

/** Prevents requests of Chromium to other hosts, and the use of a graphics card. */
const ARGUMENTS = [
  '--headless',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** The Chromium of this machine, or the one that CHROMIUM_BINARY names. Throws a LabError when there is none. */
export function requireBrowser(env: NodeJS.ProcessEnv): string {
  const path = env['CHROMIUM_BINARY'] || CHROMIUM
  if (existsSync(path)) return path
  throw new LabError('Cannot take pictures', {
    why: `there is no Chromium at ${path}`,
    next: 'install it (Debian: apt-get install chromium), set CHROMIUM_BINARY, or leave out --png',
  })
}

/**
 * Starts a Chromium with a new, empty profile. It has no sandbox, which root can't use, so it must open only the
 * lab's own pages.
 *
 * Throws a LabError when it does not start.
 */
export async function launchBrowser(path: string): Promise<Browser> {
  const { chromium } = await import('playwright-core')
  // It keeps crash reports beside its profile in the home folder, which must not change.
  const home = mkdtempSync(join(tmpdir(), 'kube-otel-lab-browser-'))
  const env = { ...process.env, XDG_CONFIG_HOME: home, XDG_CACHE_HOME: home } as Record<string, string>
  const removeHome = () => rmSync(home, { recursive: true, force: true, maxRetries: 3 })
  const browser = await chromium
    .launch({ executablePath: path, args: ARGUMENTS, chromiumSandbox: false, env })
    .catch((error: unknown) => {
      removeHome()
      const why = error instanceof Error ? error.message.split('\n')[0] : String(error)
      throw new LabError(`Cannot start ${path}`, {
        why,
        next: 'see whether it runs, or leave out --png',
        cause: error,
      })
    })
  browser.once('disconnected', removeHome)
  return browser
}
