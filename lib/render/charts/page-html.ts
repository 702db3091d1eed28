import { Html, html } from './html.ts'

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
<style>${new Html(PAGE_STYLE)}</style>
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

/** Styles for light and dark, wide and narrow screens, and paper. The contrast of text is at least 4.5. */
const PAGE_STYLE = `
:root{color-scheme:light dark;--text:#1f2328;--faint:#59636e;--page:#f4f5f5;--panel:#fff;--line:#d8dadf;--link:#1856c4;--ok:#14692d;--failed:#b3261e}
@media (prefers-color-scheme:dark){:root{--text:#e6e6ea;--faint:#a2a7b0;--page:#111217;--panel:#181b1f;--line:#34373f;--link:#7fa9ff;--ok:#6fd08c;--failed:#ff8a80}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--text);font:14px/1.4 Inter,system-ui,sans-serif}
main,header,nav{max-width:1700px;margin:0 auto;padding:.5rem 1rem}
h1{font-size:1.4rem;margin:.3rem 0}h2{font-size:1.25rem;margin:1.6rem 0 .3rem}h3{font-size:1rem;margin:.9rem 0 .3rem}h4{font-size:.9rem;margin:0;font-weight:600;flex:1;overflow-wrap:anywhere}
a{color:var(--link)}
:focus-visible{outline:3px solid var(--link);outline-offset:2px}
nav ul{display:flex;flex-wrap:wrap;gap:.3rem 1rem;list-style:none;margin:0;padding:0}
.grid{display:grid;grid-template-columns:repeat(24,minmax(0,1fr));gap:.5rem}${WIDTHS}
.panel{background:var(--panel);border:1px solid var(--line);border-radius:3px;padding:.4rem .55rem;display:flex;flex-direction:column;gap:.3rem;min-width:0}.panel>header{padding:0;margin:0;display:flex;justify-content:flex-end;gap:.4rem;max-width:none;position:relative}.about summary{list-style:none;color:var(--faint);border:1px solid;border-radius:50%;width:1.5rem;height:1.5rem;text-align:center;font:italic .8rem/1.4rem Georgia,serif}.break{grid-column:1/-1}.about summary::-webkit-details-marker{display:none}.about p{position:absolute;z-index:4;right:0;left:0;top:100%;margin:0;padding:.5rem .6rem;background:var(--panel);color:var(--text);border:1px solid var(--line);border-radius:3px;box-shadow:0 3px 12px #0005}
.panel footer{margin-top:auto;display:flex;flex-wrap:wrap;align-items:baseline;gap:.2rem 1rem;font-size:.8rem;color:var(--faint)}
.note,.empty{margin:0;color:var(--faint);font-size:.87rem}.empty{font-size:1.1rem}
.chart{overflow-x:auto}.chart>svg{display:block;width:100%;min-width:26rem;max-width:70rem;height:auto}
.chart.wide>svg{min-width:44rem;max-width:none}.chart.narrow>svg{min-width:15rem}
.scroll{overflow:auto;max-height:19rem}.legend{max-height:9rem}
table{border-collapse:collapse;font-size:.87rem;width:100%}th,td{text-align:left;padding:.12rem .5rem .12rem 0;font-weight:400;vertical-align:baseline}td{white-space:nowrap}td.words{white-space:normal;overflow-wrap:anywhere}td .note{white-space:normal;min-width:12rem;overflow-wrap:anywhere}td a,li a,dd a{display:inline-block;padding:.2rem 0}.columns li a{vertical-align:top}
thead th{font-weight:600;position:sticky;top:0;background:var(--panel)}tbody tr+tr>*{border-top:1px solid var(--line)}
.number{text-align:right;font-variant-numeric:tabular-nums}th.number{white-space:nowrap}
.swatch{width:.75em;height:.75em;margin-right:.4em;flex:none}.bar{display:block;width:100%;height:.5rem;margin-top:.15rem}.track{fill:var(--line)}
.values{display:flex;flex-wrap:wrap;gap:.2rem 1.4rem;margin:0}.values dt{color:var(--faint);font-size:.87rem;overflow-wrap:anywhere}.values dd{margin:0;font-size:1.5rem}
.values.list{display:block;max-height:19rem;overflow:auto}.values.list dl{margin:0}.values.list .value{margin-bottom:.35rem}.values.list dd{font-size:1rem}.value{min-width:min(6rem,100%);flex:1}
#status:empty{display:none}#status{max-width:1700px;margin:0 auto;padding:0 1rem}.verdict{margin:0;color:var(--faint);min-width:0;overflow-wrap:anywhere}.verdict ul{margin:0;padding-left:1rem}div.verdict{flex-basis:100%}.ok{color:var(--ok)}.failed{color:var(--failed);font-weight:600}
summary{cursor:pointer}details dl{margin:.3rem 0}details dd{margin:0 0 .3rem}code,pre{font:.85rem/1.4 ui-monospace,monospace;white-space:pre-wrap;overflow-wrap:anywhere}
.facts{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem;margin:.5rem 0}.facts dt{color:var(--faint)}.facts dd{margin:0;overflow-wrap:anywhere}
form.pick{display:flex;flex-wrap:wrap;gap:.4rem 1rem;align-items:end;margin:.5rem 0}form.pick label,.label{display:block;color:var(--faint);font-size:.87rem}
.legend button{all:unset;cursor:pointer;display:inline-flex;align-items:baseline}.legend button:focus-visible{outline:3px solid var(--link)}.off th,.off td{color:var(--faint)}.off .swatch{opacity:.3}
.chart{user-select:none;touch-action:pan-x pan-y}.chart>svg[data-plot]{cursor:crosshair}.over{pointer-events:none}.over line{stroke:var(--text);stroke-dasharray:4 3;opacity:.6}.over rect{fill:var(--link);opacity:.18}.over circle{stroke:var(--panel)}
#tip{position:fixed;z-index:9;pointer-events:none;background:var(--panel);border:1px solid var(--line);border-radius:4px;box-shadow:0 3px 12px #0005;padding:.35rem .5rem;font-size:.8rem;max-width:min(36rem,92vw);max-height:92vh;overflow:hidden}#tip[hidden]{display:none}#tip table{font-size:inherit;width:auto}#tip td{border:0;padding:0 .5rem 0 0;white-space:normal;overflow-wrap:anywhere}#tip td:last-child{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}#tip .near td{font-weight:600}
main[aria-busy=true]{opacity:.6}html:not(.js) .script{display:none}
.home{display:grid;grid-template-columns:16rem minmax(0,1fr);gap:1rem 1.5rem}.home nav{padding:0;margin:0;position:sticky;top:0;max-height:100vh;overflow:auto;align-self:start}.home nav h3{font-size:.8rem;color:var(--faint);margin:.8rem 0 .1rem}.home nav ul{display:block}.home nav li a{padding:.2rem 0;display:block;overflow-wrap:anywhere}.home nav input{width:100%}.home h2{font-size:1.05rem;margin:1rem 0 .3rem}.home .legend{max-height:5.5rem}.home .legend th{white-space:nowrap}.home .legend :is(th,td){padding-right:.3rem}.home .legend table{font-size:.8rem}.home .chart>svg{min-width:0}.columns{display:grid;grid-template-columns:repeat(auto-fit,minmax(17rem,1fr));gap:0 1.5rem;overflow-wrap:anywhere}.columns ul{margin:0;padding-left:1.1rem}.links{display:flex;flex-wrap:wrap;gap:.2rem 1.4rem;list-style:none;margin:0 0 .5rem;padding:0}[hidden]{display:none!important}
.mark{border-left:2px dashed;padding-left:.4rem}.mark.scenario{border-color:#8f5fd6}.mark.alert{border-color:#e0503a}
.row>summary{margin:.8rem 0 .3rem}.row>summary h3{display:inline;margin:0}.tabs{display:flex;flex-wrap:wrap;gap:.2rem;padding:.4rem 0 0;border-bottom:1px solid var(--line)}.tabs button{border:0;background:none;border-bottom:3px solid transparent;border-radius:0}.tabs [aria-current]{border-color:var(--link);font-weight:600}.panel>header a{font-size:.8rem}
.drop{position:relative}.drop:not(.about)>summary{background:var(--panel);border:1px solid var(--faint);border-radius:4px;padding:.25rem .5rem;max-width:20rem;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}.popup{position:absolute;z-index:5;margin:.2rem 0 0;padding:.4rem;background:var(--panel);border:1px solid var(--line);border-radius:4px;box-shadow:0 3px 12px #0005;min-width:14rem;max-width:min(30rem,92vw)}.popup [type=search]{width:100%;margin-bottom:.3rem}.options{max-height:18rem;overflow:auto}form.pick .options label{display:flex;gap:.4rem;align-items:baseline;color:var(--text);padding:.15rem 0;font-size:.87rem;overflow-wrap:anywhere}form.pick .options label[hidden]{display:none}
select,button,input{font:inherit;color:inherit;background:var(--panel);border:1px solid var(--faint);border-radius:4px;padding:.25rem .4rem;max-width:20rem}
.unseen:not(:focus){position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
@media (max-width:900px){.home{grid-template-columns:minmax(0,1fr)}.home nav{position:static;max-height:15rem}.grid{grid-template-columns:minmax(0,1fr)}.grid>.panel{grid-column:auto}.facts{grid-template-columns:1fr}.facts dd{margin-bottom:.3rem}}
@media print{:root{--text:#000;--faint:#444;--page:#fff;--panel:#fff;--line:#bbb;--link:#000;--ok:#000;--failed:#000;color-scheme:light}
body{font-size:10pt}.panel,tr{break-inside:avoid}h2{break-before:page}h3,h4{break-after:avoid}.scroll,.home .legend,.values.list{max-height:none;overflow:visible}.home{display:block}.home h2{break-before:auto}td,thead th,th.number{white-space:normal;overflow-wrap:anywhere}.chart>svg,.chart.wide>svg,.chart.narrow>svg{min-width:0}
details:not(.row),form.pick,.tabs,.skip,.home nav{display:none}*{print-color-adjust:exact}}
`
