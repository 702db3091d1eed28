import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser, Locator, Page } from 'playwright-core'
import { labDashboards } from '../../../dashboards/index.ts'
import type { Panel } from '../../../lib/grafana/dashboard-model.ts'
import { fieldConfigSource, grafanaData, grafanaTheme } from '../../../lib/grafana/grafana-data.ts'
import { readDashboard } from '../../../lib/grafana/read-dashboard.ts'
import { projectDir } from '../../../lib/lab/lab.ts'
import { createPrometheusApi } from '../../../lib/prometheus/prometheus-client.ts'
import {
  accessiblePage,
  accessiblePages,
  axeViolations,
  browserProblem,
  looks,
  openBrowser,
  showAs,
  type Watched,
  watchedPage,
} from '../../support/browser.ts'
import { assertSameWords, assertSays, type TestLab, waitFor, waitForAutoscaler } from '../../support/lab.ts'
import { skipLine } from '../../support/outcome.ts'
import { openSharedLab, reportFile } from '../../support/shared-lab.ts'
import { suite } from '../../support/suite.ts'

/** Kept by CI, for people to look at. */
const PICTURES = join(projectDir, 'report', 'pages')
const WAIT_MS = 120_000

interface Context {
  lab: TestLab
  browser: Browser
  /** The page's address, without a slash at its end. */
  origin: string
  said: string
}

const problem = browserProblem()
if (problem !== undefined) process.stdout.write(skipLine('chromium', problem))
const view = suite<Context>('the page in Chromium')
const it = problem === undefined ? view : view.skip

const dashboards = labDashboards().map(({ name, json }) => readDashboard(json, name))

view.before(async context => {
  if (problem !== undefined) return
  const { lab, creation } = await openSharedLab()
  context.lab = lab
  context.origin = `http://127.0.0.1:${lab.ports.grafanaPort}`
  context.said = creation.kwok[0]?.stdout ?? ''
  await waitForAutoscaler(lab)
  context.browser = await openBrowser()
})
view.after(async ({ browser }) => {
  await browser?.close()
})

/** Does something on a page, and fails when anything went wrong in it. */
async function onPage(
  { browser, origin }: Context,
  path: string,
  act: (watched: Watched) => Promise<void>,
): Promise<void> {
  const watched = await watchedPage(browser, origin)
  try {
    await watched.page.goto(`${origin}${path}`)
    await act(watched)
    assertSameWords(watched.problems, [], `problems of ${path}`)
  } finally {
    await watched.close()
  }
}

it('is at the address that make kwok prints, and shows the lab', async context => {
  assertSays(context.said, new RegExp(`^ {2}Dashboards {3}${context.origin}$`, 'm'))
  await onPage(context, '/', async ({ page }) => {
    const listed = page.getByRole('navigation', { name: 'Dashboards' }).getByRole('link')
    assert.equal(await listed.count(), dashboards.length)
    await page.getByRole('searchbox', { name: 'Search dashboards' }).fill('boutique')
    assertSameWords(await visibleTexts(listed), ['Online Boutique'], 'found dashboards')
    for (const title of ['Nodes', 'Running pods', 'CPU Utilisation', 'Pods by phase']) {
      assert.equal(await page.getByRole('heading', { name: title, exact: true }).count(), 1, title)
    }
    assert.equal(await page.locator('.chart > svg').count(), 4)
    const parts = page.getByRole('region', { name: 'Parts of the lab' })
    assertSays(await parts.innerText(), /^prometheus\s+✓ up\s+127/m)
    assert.equal(await parts.getByText('✗ down').count(), 0)
    const service = page.getByRole('region', { name: 'Services with traces' }).getByRole('link', { name: 'frontend' })
    const jaeger = `http://127.0.0.1:${context.lab.ports.jaegerPort}`
    assertSays((await service.getAttribute('href')) ?? '', new RegExp(`^${jaeger}/search\\?service=frontend&`))
    assert.equal(await page.getByRole('link', { name: 'Jaeger', exact: true }).count(), 1)
  })
})

async function visibleTexts(all: Locator): Promise<string[]> {
  return await all.evaluateAll(found =>
    found.map(each => (each as unknown as { innerText: string }).innerText).filter(text => text !== ''),
  )
}

it("gives verify's verdict on the panels of a dashboard", async context => {
  // Rates of the lab's first minutes are not right yet.
  await waitFor(
    'right dashboard',
    async () => {
      await onPage(context, '/d/lab-overview?from=now-5m&refresh=off', async ({ page }) => {
        await page.getByRole('button', { name: 'Show and verify' }).click({ timeout: WAIT_MS })
        // Also of a wrong number, so that there is time to look again.
        const result = page.locator('main > p:is(.ok, .failed)')
        assertSays(await result.innerText(), /^✓ verify: nothing failed.* at \d\d:\d\d UTC$/)
        // The page comes panel by panel.
        await page.waitForLoadState('load')
        const panels = dashboards[0]?.panels.filter(({ targets }) => targets.length > 0) ?? []
        assert.equal(await page.locator('.panel footer > .verdict').count(), panels.length)
        const compared = await page.getByText('✓ compared with the cluster').count()
        assert.ok(compared > 5, `${compared} panels are compared`)
      })
    },
    WAIT_MS,
  )
})

for (const dashboard of dashboards) {
  it(`draws every panel of ${dashboard.title}, with the numbers that Prometheus gives`, async context => {
    // A sample of before that time may come to Prometheus between the page's question and the test's.
    await waitFor(
      'page without such a sample',
      async () => {
        await onPage(context, `/d/${dashboard.uid}?from=now-5m&refresh=off`, async ({ page }) => {
          const { atMs, panels } = await readPage(page)
          assert.equal(panels.length, dashboard.panels.length)
          const byTitle = new Map(panels.toReversed().map(each => [each.title, each]))
          for (const panel of dashboard.panels) assertDrawn(panel, byTitle.get(panel.title))
          for (const panel of dashboard.panels) await assertNumbers(context.lab, panel, byTitle.get(panel.title), atMs)
        })
      },
      WAIT_MS,
    )
  })
}

/** A panel on a page. */
interface DrawnPanel {
  title: string
  /** Text under the panel. */
  notes: string[]
  /** It shows that there is no data. */
  isEmpty: boolean
  /** The size of each first element that a kind of panel may have, by its selector. */
  sizes: Record<string, { width: number; height: number } | undefined>
  expressions: string[]
  /** The numbers of a stat. */
  values: string[]
}

/** What each kind of panel draws. */
const drawings: Partial<Record<Panel['type'], string>> = {
  timeseries: '.chart > svg',
  table: 'tbody tr',
  text: '.text',
}
const drawingOf = ({ type }: Panel) => drawings[type] ?? '.value strong'

/** Reads all panels in one call: each call to the browser takes time. */
async function readPage(page: Page): Promise<{ atMs: number; panels: DrawnPanel[] }> {
  const selectors = JSON.stringify([...Object.values(drawings), '.value strong'])
  const { time, panels } = (await page.evaluate(`(() => {
    const all = (panel, selector) => [...panel.querySelectorAll(selector)]
    const sizeOf = element => {
      if (!element) return undefined
      const { width, height } = element.getBoundingClientRect()
      return { width, height }
    }
    return {
      time: document.querySelector('#state time').dateTime,
      panels: all(document, 'section.panel').map(panel => ({
        title: panel.querySelector('h4').textContent.trim(),
        notes: all(panel, '.note:not(time)').map(note => note.innerText),
        isEmpty: panel.querySelector('.empty') !== null,
        sizes: Object.fromEntries(${selectors}.map(each => [each, sizeOf(panel.querySelector(each))])),
        expressions: all(panel, 'dd code').map(code => code.textContent),
        values: all(panel, '.value strong').map(value => value.innerText),
      })),
    }
  })()`)) as { time: string; panels: DrawnPanel[] }
  return { atMs: Date.parse(time), panels }
}

/** A panel has what its kind draws, or shows that there is no data. */
function assertDrawn(panel: Panel, drawn: DrawnPanel | undefined): void {
  const { title } = panel
  assert(drawn !== undefined, title)
  const unexpected = drawn.notes.filter(note => !/^\d+ of \d+ (series, the highest|values|rows)\.$/.test(note))
  assert.deepEqual(unexpected, [], title)
  if (drawn.isEmpty) return
  const { width, height } = drawn.sizes[drawingOf(panel)] ?? { width: 0, height: 0 }
  assert.ok(height > 10 && width > 10, `${title}: ${width} × ${height}`)
}

/** A stat has the numbers of Prometheus in the unit of the panel. A panel without data has none in Prometheus. */
async function assertNumbers(lab: TestLab, panel: Panel, drawn: DrawnPanel | undefined, atMs: number): Promise<void> {
  const { title, type, targets } = panel
  const { isEmpty, expressions, values } = drawn ?? assert.fail(title)
  if (!isEmpty && (type !== 'stat' || targets.length !== 1)) return
  const api = createPrometheusApi(`http://127.0.0.1:${lab.ports.prometheusPort}`)
  const asked = (await Promise.all(expressions.map(each => api.instant(each, atMs)))).flat()
  const { FieldType, formattedValueToString, getDisplayProcessor } = grafanaData()
  const config = fieldConfigSource(type, panel.fieldConfig).defaults
  const write = getDisplayProcessor({ field: { type: FieldType.number, config }, theme: grafanaTheme() })
  assertSameWords(
    values,
    asked.map(({ value }) => formattedValueToString(write(value)).trim()),
    `${title}, ${expressions.join(', ')}`,
  )
}

it('shows the chosen variable and time range', async context => {
  await onPage(context, '/d/k8s-resources-namespace-pods?from=now-5m&refresh=off', async ({ page }) => {
    await chooseNamespace(page, 'team-a')
    const pods = await context.lab.kubectl(['get', 'pods', '-n', 'team-a', '-o', 'name'])
    const named = await page.getByRole('region', { name: 'CPU Quota' }).getByRole('link').allInnerTexts()
    assertSameWords(
      named.filter(name => name !== 'team-a'),
      podNames(pods),
      'pods of team-a',
    )
    const minutesShown = async () => {
      // As they stand from left to right: ECharts writes a full hour after all others.
      const times = (await page.evaluate(`[...document.querySelectorAll('.chart')[0].querySelectorAll('svg text')]
        .sort((a, b) => a.getBoundingClientRect().x - b.getBoundingClientRect().x)
        .map(text => text.textContent)`)) as string[]
      const minutes = times.filter(text => /^\d\d:\d\d$/.test(text)).map(minutesOf)
      const [first = 0] = minutes
      return (((minutes.at(-1) ?? 0) - first + 1440) % 1440) + 1
    }
    assert.ok((await minutesShown()) <= 6, `${await minutesShown()} minutes`)
    await page.getByLabel('Time', { exact: true }).selectOption('now-1h')
    await page.waitForURL(/from=now-1h/)
    // A page of an hour is long, and its first chart is read while it still comes.
    await waitFor('chart of an hour', async () => {
      const minutes = await minutesShown()
      assert.ok(minutes > 30, `${minutes} minutes`)
    })
    assert.deepEqual(chosenNamespaces(page), ['team-a'])
  })
})

/** Chooses one namespace of a list with boxes, which takes effect at once. */
async function chooseNamespace(page: Page, name: string): Promise<void> {
  await page.locator('#var-namespace').click()
  const boxes = page.locator('#var-namespace-list')
  await boxes.getByLabel(name, { exact: true }).check()
  await page.waitForURL(new RegExp(`var-namespace=${name}(&|$)`))
  // A list without a choice would get the first of the dashboard again.
  for (const other of chosenNamespaces(page).filter(each => each !== name)) {
    await page.locator('main:not([aria-busy])').waitFor()
    await boxes.getByLabel(other, { exact: true }).uncheck()
    await page.waitForURL(url => !url.searchParams.getAll('var-namespace').includes(other))
  }
  await page.locator('main:not([aria-busy])').waitFor()
  await page.keyboard.press('Escape')
}

const chosenNamespaces = (page: Page) => new URL(page.url()).searchParams.getAll('var-namespace')

function podNames(said: string): string[] {
  return said
    .trim()
    .split('\n')
    .map(line => line.replace('pod/', ''))
}

function minutesOf(time: string): number {
  const [hours = 0, minutes = 0] = time.split(':').map(Number)
  return 60 * hours + minutes
}

it('links from a row to its dashboard with the same variable and time range, and back', async context => {
  await onPage(context, '/d/k8s-resources-cluster?from=now-15m&refresh=off', async ({ page }) => {
    const table = page.getByRole('region', { name: 'CPU Quota' })
    await table.getByRole('link', { name: 'shop', exact: true }).first().click()
    await page.waitForURL(/\/d\/k8s-resources-namespace-pods/)
    const url = new URL(page.url())
    assert.equal(url.pathname, '/d/k8s-resources-namespace-pods')
    assert.deepEqual([url.searchParams.getAll('var-namespace'), url.searchParams.get('from')], [['shop'], 'now-15m'])
    assertSays(await page.locator('#var-namespace').innerText(), /shop$/)
    await page.getByRole('link', { name: 'Lab', exact: true }).click()
    await page.waitForURL(({ pathname }) => pathname === '/')
  })
})

it('refreshes itself at the same address', async context => {
  await onPage(context, '/d/lab-overview?from=now-5m&refresh=5s', async ({ page }) => {
    const at = async () => await page.locator('#state time').getAttribute('datetime')
    const first = await at()
    await waitFor('newer numbers', async () => assert.notEqual(await at(), first))
    assert.equal(await page.locator('section.panel').count(), dashboards[0]?.panels.length)
  })
})

/** Presses Tab until the focus is on what is wanted, and on its way looks whether one can see where it is. */
async function tabTo(page: Page, isThere: (focused: string) => boolean): Promise<void> {
  for (let presses = 0; presses < 200; presses++) {
    await page.keyboard.press('Tab')
    const { words, outline } = (await page.evaluate(`(() => {
      const focused = document.activeElement
      return { words: focused.id + (focused.tagName === 'A' ? 'link' : '') + '|' + focused.textContent.trim(), outline: getComputedStyle(focused).outlineStyle }
    })()`)) as { words: string; outline: string }
    assert.notEqual(outline, 'none', `the focus on ${words.slice(0, 80)} can't be seen`)
    if (isThere(words)) return
  }
  throw new Error('Tab never came there')
}

it('can be used with the keyboard alone', async context => {
  await onPage(context, '/', async ({ page }) => {
    await tabTo(page, words => words.endsWith('|Namespace (Pods)'))
    await page.keyboard.press('Enter')
    await page.waitForURL(/\/d\/k8s-resources-namespace-pods/)
    await tabTo(page, words => words.startsWith('var-namespace|'))
    await page.keyboard.press('Enter')
    await tabTo(page, words => words === '|')
    await page.keyboard.type('team-b')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Space')
    await page.waitForURL(/var-namespace=team-b/)
    await page.locator('main:not([aria-busy])').waitFor()
    await page.keyboard.press('Escape')
    await tabTo(page, words => words.includes('|Query'))
    await page.keyboard.press('Enter')
    assert.equal(await page.locator('footer details[open] code').first().isVisible(), true)
    await tabTo(page, words => /^link[|]load-\d+$/.test(words))
    await page.keyboard.press('Enter')
    await page.waitForURL(/\/d\/k8s-resources-pod/)
    await page.keyboard.press('Tab')
    assert.equal(await page.evaluate('document.activeElement.textContent'), 'Skip to the content')
    await page.keyboard.press('Enter')
    await page.waitForURL(/#main$/)
  })
})

it('shows values at the pointer and by keyboard, isolates a line, and zooms', async context => {
  await onPage(context, '/d/lab-overview?from=now-15m&refresh=off', async ({ page }) => {
    const panel = page.locator('section.panel', { hasText: 'Pods by phase' })
    const chart = panel.locator('.chart')
    await chart.hover({ position: { x: 300, y: 60 } })
    await page.locator('#tip tr').first().waitFor()
    assertSays(await page.locator('#tip').innerText(), /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[\s\S]*Running/)
    assert.ok((await page.locator('.over line').count()) > 3, 'other charts have the same time')
    await panel.getByRole('button', { name: 'Running' }).click()
    await panel.locator('button[aria-pressed=true]').waitFor()
    assertSays(page.url(), /only=\d+%2FRunning/)
    await panel.getByRole('button', { name: /^Values of/ }).click()
    await page.getByRole('region', { name: 'Values of Pods by phase' }).getByRole('cell').first().waitFor()
    await chart.focus()
    await page.keyboard.press('ArrowLeft')
    await waitFor('slider', async () =>
      assertSays((await chart.getAttribute('aria-valuetext')) ?? '', /: Running \d+$/),
    )
    await page.keyboard.press('Shift+PageUp')
    await page.locator('.over rect').first().waitFor()
    await page.keyboard.press('Enter')
    await page.waitForURL(/from=\d{13}.*&to=\d{13}/)
    await page.goBack()
    await page.waitForURL(/from=now-15m/)
  })
})

it('works without JavaScript', async ({ browser, origin }) => {
  const context = await browser.newContext({ javaScriptEnabled: false })
  const page = await context.newPage()
  try {
    await page.goto(`${origin}/d/lab-overview?from=now-15m`)
    await page.getByLabel('Time', { exact: true }).selectOption('now-5m')
    await page.getByRole('button', { name: 'Show', exact: true }).click()
    await page.waitForURL(/from=now-5m/)
    await page.getByRole('button', { name: 'Running', exact: true }).first().click()
    await page.waitForURL(/only=\d+%2FRunning/)
    assert.equal(await page.locator('button[aria-pressed=true]').count(), 1)
  } finally {
    await context.close()
  }
})

for (const path of accessiblePages) {
  it(`${path} fits the screen in light and dark mode and on a phone`, async context => {
    mkdirSync(PICTURES, { recursive: true })
    await onPage(context, accessiblePage(path), async ({ page }) => {
      for (const look of looks) {
        await showAs(page, look)
        const picture = `${path.split('/').at(-1) || 'lab'} ${look.name}.png`.replaceAll(' ', '-')
        await page.screenshot({ path: join(PICTURES, picture) })
        const wide = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')
        assert.equal(wide, 0, `${path} is wider than the screen ${look.name}`)
      }
    })
  })
}

// axe-core takes a minute for the others, which test/long/page-accessibility.test.ts checks, by all rules in all looks.
for (const path of accessiblePages.slice(0, 2)) {
  it(`${path} is accessible in light and dark mode and on a phone, by axe-core`, async context => {
    await onPage(context, accessiblePage(path), async ({ page }) => {
      for (const look of looks) {
        await showAs(page, look)
        assertSameWords(await axeViolations(page, look.rules), [], `violations of ${path} ${look.name}`)
      }
    })
  })
}

/** Opens a report's file in the browser. */
async function onReport(browser: Browser, file: string, act: (page: Page) => Promise<void>): Promise<void> {
  const watched = await watchedPage(browser, 'null')
  try {
    await watched.page.goto(`file://${file}`)
    await act(watched.page)
    assertSameWords(watched.problems, [], 'problems of the report')
  } finally {
    await watched.close()
  }
}

it('has every panel of every dashboard in the report', async ({ lab, browser }) => {
  const out = reportFile(lab)
  // verify.test.ts has written it, unless this file runs alone.
  if (!existsSync(out)) assertSays((await lab.task('report', ['--out', out])).stdout, /; verify: 0 failed$/m)
  await onReport(browser, out, async page => {
    const panels = dashboards.reduce((sum, each) => sum + each.panels.length, 0)
    assert.equal(await page.locator('section.panel').count(), panels)
  })
})

it('has a report that fits the screen and paper, with pictures of dashboards', async ({ lab, browser }) => {
  const out = join(lab.tempDir, 'pictures', 'index.html')
  const chosen = ['lab-overview', 'online-boutique']
  const files = chosen.flatMap(uid => ['--dashboards', join(projectDir, 'dashboards', 'out', 'json', `${uid}.json`)])
  // verify does not know when queries of files may be empty, so it may report a failure.
  const { stdout, stderr } = await lab.task('report', ['--out', out, '--png', ...files])
  assertSays(stdout + stderr, /^2 dashboards in /m)
  for (const uid of chosen) {
    const picture = readFileSync(join(lab.tempDir, 'pictures', `${uid}.png`))
    assert.equal(picture.subarray(1, 4).toString(), 'PNG')
    assert.ok(picture.length > 10_000, `${picture.length} bytes`)
  }
  await onReport(browser, out, async page => {
    // A phone, and A4 paper.
    for (const [media, width] of [
      ['screen', 390],
      ['print', 794],
    ] as const) {
      await page.emulateMedia({ media })
      await page.setViewportSize({ width, height: 1_000 })
      const wide = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')
      assert.equal(wide, 0, `the report is wider than ${width} pixels (${media})`)
    }
  })
})

view.run()
