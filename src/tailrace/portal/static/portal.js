// What pages gain where scripts run: times in the viewer's zone, plots, buttons that copy. Nothing depends on it.
'use strict'

const days = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', timeZone: 'UTC' })
const zoned = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' })

function localize(time) {
  const text = zoned.format(new Date(time.dateTime))
  if (time.textContent !== text) time.textContent = text
}

function copyable(box) {
  if (box.querySelector(':scope > button')) return
  const button = document.createElement('button')
  button.type = 'button'
  button.className = 'quiet small copy'
  button.textContent = 'Copy'
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(box.querySelector('code').textContent)
    button.textContent = 'Copied'
    setTimeout(() => { button.textContent = 'Copy' }, 2000)
  })
  box.append(button)
}

function color(name) {
  return getComputedStyle(document.body).getPropertyValue(name).trim()
}

// Where the pointer is on no day, the legend is about the last one.
function series(label, scale, stroke, fill) {
  return { label, scale, stroke, fill, width: 2, points: { show: false }, value: (plot, n, of) => (n ?? plot.data[of].at(-1))?.toLocaleString() ?? '' }
}

function plot(box) {
  const data = JSON.parse(box.dataset.plot)
  const axis = { stroke: color('--faint'), grid: { stroke: color('--line'), width: 1 }, ticks: { show: false } }
  const short = (_, marks) => marks.map((n) => Intl.NumberFormat(undefined, { notation: 'compact' }).format(n))
  const options = {
    width: box.clientWidth,
    height: 260,
    tzDate: (s) => uPlot.tzDate(new Date(s * 1000), 'UTC'),
    scales: { sessions: { range: (_, low, high) => [0, (high || 1) * 1.1] }, events: { range: (_, low, high) => [0, (high || 1) * 1.1] } },
    axes: [
      { ...axis, grid: { show: false }, values: (_, marks) => marks.map((s) => days.format(s * 1000)) },
      { ...axis, scale: 'events', values: short, size: 52 },
      { ...axis, scale: 'sessions', values: short, size: 52, side: 1, grid: { show: false } },
    ],
    series: [
      { label: 'Day', value: (plot, s) => new Date((s ?? plot.data[0].at(-1)) * 1000).toISOString().slice(0, 10) },
      series('Events', 'events', color('--accent'), `${color('--accent')}18`),
      series('Sessions', 'sessions', color('--second')),
    ],
  }
  const made = new uPlot(options, [data[0], data[2], data[1]], box)
  new ResizeObserver(() => made.setSize({ width: box.clientWidth, height: 260 })).observe(box)
}

function enrich(root) {
  root.querySelectorAll('time[datetime]').forEach(localize)
  root.querySelectorAll('[data-copyable]').forEach(copyable)
}

enrich(document)
document.querySelector('.side [aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'center' })
document.querySelectorAll('[data-plot]').forEach(plot)
new MutationObserver((changes) => {
  for (const { target } of changes) enrich((target instanceof Element ? target : target.parentElement)?.parentElement ?? document)
}).observe(document.body, { childList: true, characterData: true, subtree: true })
