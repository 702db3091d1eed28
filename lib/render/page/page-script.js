/**
 * The script of the pages. All that it does is possible without it by the form of a page and the tables of charts:
 *
 * - a choice in the form takes effect at once, and is in the URL;
 * - a chart shows the values at the pointer or at the place of the arrow keys, in all charts the same time, and a drag
 *   (or Shift with the arrow keys, then Enter) zooms the time range;
 * - the page refreshes itself.
 *
 * The server draws everything. Of a chart, its points come at the first touch.
 */
const SVG = 'http://www.w3.org/2000/svg'
const FORM = 'choices'
const LEAST_MS = 60_000
const main = document.getElementById('main')
const status = document.getElementById('status')
document.documentElement.classList.add('js')

const form = () => document.getElementById(FORM)

// ---- Loading a page

/** Under way: a new one ends it. */
let loading

/** Shows another page of the lab in place of this one; `push` adds it to the history. */
async function load(url, { push = false, isRefresh = false } = {}) {
  loading?.abort()
  const mine = new AbortController()
  loading = mine
  if (!isRefresh) main.setAttribute('aria-busy', 'true')
  try {
    const signal = AbortSignal.any([mine.signal, AbortSignal.timeout(60_000)])
    const answer = await fetch(url, { headers: { accept: 'text/html' }, signal })
    const next = new DOMParser().parseFromString(await answer.text(), 'text/html')
    if (!answer.ok || next.getElementById('main') === null) {
      status.textContent = 'The lab has no such page now; what is shown is old.'
      return
    }
    if (push) history.pushState(null, '', url)
    put(next, isRefresh ? ['main'] : ['header', 'main'])
    status.textContent = ''
  } catch {
    if (!mine.signal.aborted) status.textContent = 'The lab does not answer; what is shown is old.'
  } finally {
    if (loading === mine) {
      loading = undefined
      main.removeAttribute('aria-busy')
    }
  }
}

/** Replaces parts of the page. Focus, open parts, and what was scrolled or searched stay. */
function put(next, parts) {
  keeping(() => {
    for (const part of parts) document.querySelector(part).replaceChildren(...next.querySelector(part).childNodes)
    Object.assign(main.dataset, next.getElementById('main').dataset)
  })
  if (parts.includes('header')) document.title = next.title
  for (const search of document.querySelectorAll('[type=search]')) if (search.value) filter(search)
}

/** Changes elements, and then gives those at the same place the state of the former ones. */
function keeping(change) {
  const all = selector => [...document.querySelectorAll(selector)].map(element => ({ at: placeOf(element), element }))
  const opened = all('details').map(({ at, element }) => ({ at, isOpen: element.open }))
  const scrolled = all('.scroll, .list').map(({ at, element }) => ({ at, top: element.scrollTop }))
  const searched = all('[type=search]').map(({ at, element }) => ({ at, value: element.value }))
  const focused = placeOf(document.activeElement)
  const touched = active && placeOf(active.chart)
  const { scrollY } = window
  change()
  for (const { at, isOpen } of opened) set(at, 'open', isOpen)
  for (const { at, top } of scrolled) if (top > 0) set(at, 'scrollTop', top)
  for (const { at, value } of searched) if (value !== '') set(at, 'value', value)
  if (!document.contains(document.activeElement) || document.activeElement === document.body) {
    elementAt(focused)?.focus({ preventScroll: true })
  }
  if (active) {
    const chart = elementAt(touched)
    if (chart) void point(chart, active.timeMs, active)
    else leave()
  }
  window.scrollTo({ top: scrollY, behavior: 'instant' })
}

/** The place of an element: the id of the nearest element that has one, and its number among those of its kind there. */
function placeOf(element) {
  const holder = element.closest('[id]') ?? document.body
  return { id: holder.id, kind: element.tagName, at: [...holder.querySelectorAll(element.tagName)].indexOf(element) }
}

function elementAt({ id, kind, at }) {
  const holder = id === '' ? document.body : document.getElementById(id)
  return at === -1 ? holder : holder?.querySelectorAll(kind)[at]
}

function set(place, name, value) {
  const element = elementAt(place)
  if (element) element[name] = value
}

// ---- Choices

/** What is chosen, as a URL query. The fields of a fixed range count only with their own button. */
function chosen(submitter) {
  const query = new URLSearchParams(new FormData(form(), submitter))
  if (query.get('range') !== 'fixed') for (const name of ['start', 'end']) query.delete(name)
  return query
}

const open = query => load(`${location.pathname}?${query}`, { push: true })

document.addEventListener('change', ({ target }) => {
  if (target.form?.id !== FORM || !target.name || target.type === 'datetime-local') return
  if (target.type === 'checkbox' && target.checked) {
    // All goes with no other value.
    for (const other of target.form.elements) {
      if (other.name === target.name && (other.value === '$__all') !== (target.value === '$__all')) other.checked = false
    }
  }
  const query = chosen()
  // A list of times is a new range.
  if (target.name === 'from') query.delete('to')
  void open(query)
})

document.addEventListener('submit', event => {
  const { target, submitter } = event
  if (target.id !== FORM || submitter?.formMethod === 'post') return
  event.preventDefault()
  if (['only', 'table'].includes(submitter?.name)) void choosePanel(submitter)
  else void open(chosen(submitter))
})

window.addEventListener('popstate', () => void load(location.href))

/** Draws one panel with a choice of its own. */
async function choosePanel({ name, value }) {
  const [id] = value.split('/')
  for (const field of form().querySelectorAll(`[type=hidden][name=${name}]`)) {
    if (field.value.startsWith(`${id}/`)) field.remove()
  }
  if (!value.endsWith('/')) {
    const field = Object.assign(document.createElement('input'), { type: 'hidden', name, value })
    form().append(field)
  }
  const query = chosen()
  main.dataset.query = query
  history.replaceState(null, '', `?${query}`)
  const answer = await fetch(partOf('panel', id)).catch(() => undefined)
  if (!answer?.ok) {
    status.textContent = 'The lab does not answer; what is shown is old.'
    return
  }
  const next = new DOMParser().parseFromString(await answer.text(), 'text/html')
  keeping(() => {
    const panel = document.querySelector(`[data-panel="${id}"]`)
    panel.replaceWith(next.querySelector('[data-panel]') ?? panel)
  })
}

/** The URL of a part of this page, with the time range that it shows. */
function partOf(kind, panel) {
  const query = new URLSearchParams(main.dataset.query)
  query.set('from', main.dataset.from)
  query.set('to', main.dataset.until)
  query.set('panel', panel)
  return `/${kind}/${encodeURIComponent(main.dataset.key)}?${query}`
}

// ---- Lists of values

document.addEventListener('input', ({ target }) => {
  if (target.type === 'search') filter(target)
})

/** Shows the items of a list with a text. Of a list that is a part, the server finds them. */
function filter(search) {
  const list = document.getElementById(search.getAttribute('aria-controls'))
  const wanted = search.value.toLowerCase()
  for (const item of list.querySelectorAll('li, label')) item.hidden = !item.textContent.toLowerCase().includes(wanted)
  for (const group of list.querySelectorAll('section')) group.hidden = !group.querySelector('li:not([hidden])')
  if (list.dataset.partial === undefined || wanted === '') return
  clearTimeout(filter.timer)
  filter.timer = setTimeout(async () => {
    const query = new URLSearchParams(main.dataset.query)
    query.set('variable', list.dataset.partial)
    query.set('find', search.value)
    const answer = await fetch(`/options/${encodeURIComponent(main.dataset.key)}?${query}`).catch(() => undefined)
    if (!answer?.ok) return
    const next = new DOMParser().parseFromString(await answer.text(), 'text/html')
    const found = next.getElementById(list.id)?.children ?? []
    // What is chosen stays in the form.
    const kept = [...list.children].filter(item => item.querySelector(':checked'))
    const values = kept.map(item => item.querySelector('input').value)
    list.replaceChildren(...kept, ...[...found].filter(item => !values.includes(item.querySelector('input').value)))
  }, 200)
}

for (const kind of ['pointerdown', 'focusin', 'keydown']) {
  document.addEventListener(kind, ({ target, key }) => {
    if (key !== undefined && key !== 'Escape') return
    for (const drop of document.querySelectorAll('.drop[open]')) {
      const isInside = drop.contains(target)
      if (key === undefined ? !isInside : isInside) drop.open = false
      if (key !== undefined && isInside) drop.querySelector('summary').focus()
    }
  })
}

// ---- Charts

/** The chart under the pointer or the focus, its time, where the selection of a range began, and the pointer. */
let active
const known = new WeakMap()

/** The points of a chart, asked for once. */
function pointsOf(chart) {
  if (!known.has(chart)) {
    const { panel } = chart.closest('[data-panel]').dataset
    const answer = fetch(partOf('points', panel)).then(got => (got.ok ? got.json() : undefined))
    known.set(
      chart,
      answer.catch(() => undefined),
    )
  }
  return known.get(chart)
}

/** Where a chart has its times and values, in the units of its picture. */
function plotOf(chart) {
  const svg = chart.querySelector('svg[data-plot]')
  if (svg === null) return undefined
  const [left, right, top, bottom, high, low] = svg.dataset.plot.split(' ').map(Number)
  const [from, until] = [Number(main.dataset.from), Number(main.dataset.until)]
  const { width } = svg.viewBox.baseVal
  return {
    ...{ svg, top, bottom },
    xOf: timeMs => left + ((timeMs - from) / (until - from)) * (right - left),
    yOf: value => top + ((high - value) / (high - low)) * (bottom - top),
    timeAt(clientX) {
      const box = svg.getBoundingClientRect()
      const x = ((clientX - box.left) * width) / box.width
      return Math.min(until, Math.max(from, from + ((x - left) / (right - left)) * (until - from)))
    },
  }
}

function draw(holder, kind, attributes) {
  const element = holder.appendChild(document.createElementNS(SVG, kind))
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value)
  return element
}

/** Draws the line of a time, and the selected range, in every chart. */
function cross({ timeMs, startMs }) {
  for (const chart of main.querySelectorAll('.chart')) {
    const plot = plotOf(chart)
    if (plot === undefined) continue
    const { svg, top, bottom, xOf } = plot
    svg.querySelector('.over')?.remove()
    const over = draw(svg, 'g', { class: 'over' })
    const x = xOf(timeMs)
    draw(over, 'line', { x1: x, x2: x, y1: top, y2: bottom })
    if (startMs === undefined) continue
    const start = xOf(startMs)
    draw(over, 'rect', { x: Math.min(x, start), width: Math.abs(x - start), y: top, height: bottom - top })
  }
}

/** Shows a time in all charts, and the values of one. */
async function point(chart, timeMs, { startMs, pointer } = {}) {
  const mine = { chart, timeMs, startMs, pointer }
  active = mine
  cross(mine)
  const points = await pointsOf(chart)
  if (active !== mine || points === undefined || points.timesMs.length === 0) return
  const at = nearest(points.timesMs, timeMs)
  const shownMs = points.timesMs[at]
  const plot = plotOf(chart)
  const over = plot.svg.querySelector('.over')
  let sum = 0
  const rows = points.series.flatMap(({ name, color, isStacked, values, texts }) => {
    const value = values[at]
    if (value === null) return []
    if (isStacked) sum += value
    const y = plot.yOf(isStacked ? sum : value)
    // A chart of rows has no place for values.
    if (Number.isFinite(y)) draw(over, 'circle', { cx: plot.xOf(shownMs), cy: y, r: 3.5, fill: color })
    return [{ name, color, value, text: texts[at], y }]
  })
  rows.sort((a, b) => b.value - a.value)
  const time = new Date(shownMs).toISOString().slice(0, 19).replace('T', ' ')
  describe(chart, `${time}: ${rows.map(({ name, text }) => `${name} ${text}`).join(', ')}`, shownMs)
  // The lines of marks that the pointer is on, or nearly.
  const marks = points.marks.filter(mark => Math.abs(mark.timeMs - timeMs) < span() / 60)
  tip(time, { rows, marks }, plot)
}

function nearest(timesMs, timeMs) {
  let best = 0
  timesMs.forEach((each, at) => {
    if (Math.abs(each - timeMs) < Math.abs(timesMs[best] - timeMs)) best = at
  })
  return best
}

/** For screen readers a chart in focus is a slider over its times. */
function describe(chart, words, timeMs) {
  if (document.activeElement !== chart) return
  const { from, until } = main.dataset
  const values = { role: 'slider', 'aria-valuemin': from, 'aria-valuemax': until, 'aria-valuenow': timeMs }
  for (const [name, value] of Object.entries({ ...values, 'aria-valuetext': words })) chart.setAttribute(name, value)
}

/** Shows the values beside the pointer, or at the time in the chart. */
function tip(time, { rows, marks }, { svg, xOf }) {
  const shown = document.getElementById('tip') ?? document.body.appendChild(document.createElement('div'))
  Object.assign(shown, { id: 'tip', hidden: false })
  shown.setAttribute('aria-hidden', 'true')
  const box = svg.getBoundingClientRect()
  const scale = box.width / svg.viewBox.baseVal.width
  const { x, y } = active.pointer ?? { x: box.left + xOf(active.timeMs) * scale, y: box.top }
  const nearestRow = rows.reduce((best, row) => {
    const distance = each => Math.abs(box.top + each.y * scale - y)
    return active.pointer && (best === undefined || distance(row) < distance(best)) ? row : best
  }, undefined)
  const notes = marks.map(({ timeMs: markedMs, kind, text }) => {
    const note = document.createElement('div')
    note.className = `mark ${kind}`
    note.textContent = `${new Date(markedMs).toISOString().slice(11, 19)} ${text}`
    return note
  })
  const lines = rows.map(row => {
    const line = document.createElement('tr')
    line.classList.toggle('near', row === nearestRow)
    const mark = document.createElement('td')
    mark.append('■')
    mark.style.color = row.color
    const [name, value] = [row.name, row.text].map(words => {
      const cell = document.createElement('td')
      cell.textContent = words
      return cell
    })
    line.append(mark, name, value)
    return line
  })
  const table = document.createElement('table')
  table.append(...lines)
  shown.replaceChildren(time, table, ...notes)
  const { width, height } = shown.getBoundingClientRect()
  const left = x + 16 + width > innerWidth ? x - 16 - width : x + 16
  shown.style.left = `${Math.max(4, left)}px`
  shown.style.top = `${Math.max(4, Math.min(y + 16, innerHeight - height - 4))}px`
}

function leave() {
  active = undefined
  for (const over of main.querySelectorAll('.over')) over.remove()
  const shown = document.getElementById('tip')
  if (shown) shown.hidden = true
}

/** Shows a range of time, of at least a minute. */
function zoom(startMs, endMs) {
  leave()
  const [from, to] = [startMs, endMs].sort((a, b) => a - b)
  const more = Math.max(0, LEAST_MS - (to - from)) / 2
  const query = chosen()
  query.set('from', Math.floor(from - more))
  query.set('to', Math.ceil(to + more))
  void open(query)
}

const span = () => Number(main.dataset.until) - Number(main.dataset.from)

/** Shows twice the range, not beyond now. */
function zoomOut() {
  const until = Math.min(Date.now(), Number(main.dataset.until) + span() / 2)
  zoom(until - 2 * span(), until)
}

const chartOf = ({ target }) => target.closest?.('.chart')

main.addEventListener('pointermove', event => {
  const chart = active?.startMs === undefined ? chartOf(event) : active.chart
  const plot = chart && plotOf(chart)
  if (!plot) return
  const { clientX: x, clientY: y } = event
  void point(chart, plot.timeAt(x), { startMs: active?.startMs, pointer: { x, y } })
})
main.addEventListener('pointerdown', event => {
  const chart = chartOf(event)
  const plot = chart && plotOf(chart)
  if (!plot || event.button !== 0) return
  const { clientX: x, clientY: y, pointerType } = event
  // A finger scrolls.
  const startMs = pointerType === 'touch' || !form() ? undefined : plot.timeAt(x)
  void point(chart, plot.timeAt(x), { startMs, pointer: { x, y } })
})
document.addEventListener('pointerup', () => {
  if (active?.startMs === undefined || !active.pointer) return
  const { startMs, timeMs } = active
  if (Math.abs(timeMs - startMs) > span() / 100) zoom(startMs, timeMs)
  else active.startMs = undefined
})
document.addEventListener('pointerover', event => {
  if (active?.pointer && active.startMs === undefined && !chartOf(event)) leave()
})
main.addEventListener('dblclick', event => {
  if (form() && chartOf(event)) zoomOut()
})
main.addEventListener('focusin', event => {
  const chart = chartOf(event)
  if (chart && plotOf(chart) && !active?.pointer) void point(chart, active?.timeMs ?? Number(main.dataset.until))
})
main.addEventListener('focusout', event => {
  if (active?.chart === chartOf(event) && !active?.pointer) leave()
})
main.addEventListener('keydown', async event => {
  const chart = event.target
  if (!chart.matches?.('.chart') || !plotOf(chart)) return
  const { key, shiftKey } = event
  const steps = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -1e9, End: 1e9 }
  if (key === 'Escape') return leave()
  if (key === '-' && form()) return zoomOut()
  if (key === 'Enter' && active?.startMs !== undefined) return zoom(active.startMs, active.timeMs)
  if (steps[key] === undefined) return
  event.preventDefault()
  const points = await pointsOf(chart)
  if (!points?.timesMs.length) return
  const timeMs = active?.timeMs ?? Number(main.dataset.until)
  const at = nearest(points.timesMs, timeMs) + steps[key]
  const next = points.timesMs[Math.min(points.timesMs.length - 1, Math.max(0, at))]
  void point(chart, next, { startMs: shiftKey && form() ? (active?.startMs ?? timeMs) : undefined })
})

// ---- Refresh

const units = { s: 1_000, m: 60_000 }
let refreshed = Date.now()

/** Loads the page again at the chosen interval, unless it is hidden or a range is selected. */
setInterval(() => {
  const [, count, unit] = /^(\d+)([sm])$/.exec(main.dataset.refresh) ?? []
  const isDue = count !== undefined && Date.now() - refreshed >= count * units[unit]
  if (!isDue || document.hidden || loading || active?.startMs !== undefined) return
  refreshed = Date.now()
  void load(location.href, { isRefresh: true })
}, 1_000)
