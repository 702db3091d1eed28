import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { projectDir } from '../../lab/lab.ts'
import { Html, html } from './html.ts'

const PAGE_STYLE = readFileSync(join(projectDir, 'lib', 'render', 'charts', 'page.css'), 'utf8')

/** A page with its body. It loads nothing and runs no script, unless its server's policy allows it. */
export function pageHtml(given: { title: string; body: Html; head?: Html }): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${given.title}</title>
${given.head}
<style>${new Html(PAGE_STYLE)}${new Html(WIDTHS)}</style>
</head>
<body>
<a class="unseen skip" href="#main">Skip to the content</a>
${given.body}
</body>
</html>
`.text
}

/** The content security policy of a page in a file. */
export const FILE_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"

/** The width of a panel in the grid, from 1 to 24. */
const WIDTHS = Array.from({ length: 24 }, (_, at) => `.w${at + 1}{grid-column:span ${at + 1}}`).join('')
