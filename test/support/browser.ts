import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Browser, Page } from 'playwright-core'
import { launchBrowser, requireBrowser } from '../../lib/render/report/browser.ts'

/** A page that a test looks at, and the problems in it that are not visible. */
export interface Watched {
  page: Page
  /** Console messages of errors and warnings, exceptions, answers of 400 and above, and requests to another origin. */
  problems: string[]
  close: () => Promise<void>
}

/** Why there is no Chromium here; undefined when there is one. */
export function browserProblem(): string | undefined {
  try {
    requireBrowser(process.env)
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** A Chromium for one test file. */
export async function openBrowser(): Promise<Browser> {
  return await launchBrowser(requireBrowser(process.env))
}

/** A new page of one origin, with nothing kept of other pages. */
export async function watchedPage(browser: Browser, origin: string): Promise<Watched> {
  const context = await browser.newContext({ colorScheme: 'light', viewport: { width: 1280, height: 800 } })
  const page = await context.newPage()
  // A busy machine is no fault of the page.
  page.setDefaultTimeout(120_000)
  const problems: string[] = []
  page.on('console', message => {
    if (['error', 'warning'].includes(message.type())) problems.push(`console: ${message.text()}`)
  })
  page.on('pageerror', error => problems.push(`exception: ${error.message}`))
  page.on('request', request => {
    if (new URL(request.url()).origin !== origin) problems.push(`request: ${request.url()}`)
  })
  page.on('response', answer => {
    if (answer.status() >= 400) problems.push(`answer: ${answer.status()} of ${answer.url()}`)
  })
  return { page, problems, close: () => context.close() }
}

/** All rules of WCAG 2.2 AA; those that depend on the colours; and those that depend on the width. The others depend on the elements alone. */
const RULES = {
  all: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'],
  colors: ['color-contrast', 'link-in-text-block'],
  width: ['target-size', 'scrollable-region-focusable'],
}

/** The violations that axe-core finds on a page: rule, how often, and the first place. */
export async function axeViolations(page: Page, rules: keyof typeof RULES = 'all'): Promise<string[]> {
  const source = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
  // Of what is scrolled out of sight it can't tell the contrast.
  await page.addStyleTag({ content: '.scroll, .list { max-height: none !important; overflow: visible !important }' })
  await page.evaluate(source)
  // Without resultTypes it describes each element that passes, too.
  const options = JSON.stringify({ runOnly: RULES[rules], resultTypes: ['violations'] })
  return (await page.evaluate(`axe.run(document, ${options})
    .then(({ violations }) => violations.map(({ id, nodes }) =>
      id + ' ' + nodes.length + ' times: ' + nodes[0].html.slice(0, 200) + ' ' + nodes[0].failureSummary))`)) as string[]
}

/** How a page is looked at, and the rules whose result can differ from the first. */
export const looks = [
  { name: 'in light mode', colorScheme: 'light', width: 1280, rules: 'all' },
  { name: 'in dark mode', colorScheme: 'dark', width: 1280, rules: 'colors' },
  { name: 'on a phone', colorScheme: 'light', width: 390, rules: 'width' },
] as const

export async function showAs(page: Page, { colorScheme, width }: (typeof looks)[number]): Promise<void> {
  await page.emulateMedia({ colorScheme })
  await page.setViewportSize({ width, height: 800 })
}

/** One page of each kind, whose accessibility is checked. */
export const accessiblePages = [
  '/',
  ...['lab-overview', 'k8s-resources-namespace-pods', 'k8s-network-pod', 'online-boutique'].map(uid => `/d/${uid}`),
]

/** Two namespaces with few pods: axe-core takes minutes for a table of a hundred rows. */
export const accessiblePage = (path: string) => `${path}?from=now-5m&refresh=off&var-namespace=data&var-namespace=shop`
