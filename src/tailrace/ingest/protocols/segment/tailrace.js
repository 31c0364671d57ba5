// tailrace.js sends what happens on a page to a Tailrace server. docs/browser.md says what, when, and what never.
(() => {
  if (window.tailrace && tailrace.track) return // once is enough
  const script = document.currentScript
  const settings = script.dataset
  const asked = 'query' in settings // whether queries and fragments of addresses may be sent
  const quiet = navigator.doNotTrack === '1' || navigator.globalPrivacyControl
  const endpoint = (settings.endpoint || new URL('.', script.src).href).replace(/\/$/, '')
  const prefix = `tailrace:${settings.writeKey}:`

  const LONGEST = 16000 // characters of an event
  const BATCH = 20000 // characters of a request: even in bytes less than what browsers send for a page that ends
  const MOST = 500 // events that wait
  const OLDEST = 12e8 // ms, two weeks: after a month a server may have forgotten the ids of what it has
  const PRIVATE = '[data-tailrace-private]'
  // Lists of selectors, to be put together.
  const TYPED = ',input,textarea,select,option,[contenteditable]'
  const UNREAD = PRIVATE + ',script,style' + TYPED
  const USABLE = 'a,button,label,summary,[role=button]' + TYPED
  const NEVER_DEAD = 'a[href],label,summary,audio,video' + TYPED // the browser itself does something with these

  const newId = () =>
    [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => (byte + 256).toString(16).slice(1)).join('')
  const iso = (time) => new Date(time).toISOString()
  const listen = (names, work) => names.split(' ').forEach((name) => addEventListener(name, work, true))

  // Storage may be forbidden or full: what would be there lives as long as the page then.
  const stored = (work) => {
    try {
      return work(localStorage)
    } catch {}
  }
  const recall = (name) => stored((all) => all.getItem(prefix + name)) || undefined
  const remember = (name, value) => {
    stored((all) => (value && !quiet ? all.setItem(prefix + name, value) : all.removeItem(prefix + name)))
    return value
  }

  // What waits: texts of events by their names in storage, which begin with their times. The oldest are first.
  const waiting = new Map()
  const underway = new Set()
  let failures = 0
  let timer

  const forget = (key) => {
    waiting.delete(key)
    remember(key)
  }

  const put = ([key, event]) => {
    const text = JSON.stringify(event)
    if (quiet || text.length > LONGEST) return
    waiting.set(key, remember(key, text))
    if (waiting.size > MOST) forget(waiting.keys().next().value)
    timer = timer || setTimeout(flush, 2000)
  }

  // One request at a time, but for a page that ends. What no answer has settled is sent again under the same ids.
  const flush = async (ending) => {
    clearTimeout(timer)
    timer = 0
    if (underway.size && !ending) return
    const keys = []
    let length = 0
    for (const [key, text] of waiting) if (!underway.has(key) && (length += text.length) < BATCH) keys.push(key)
    if (!keys[0]) return
    keys.forEach((key) => underway.add(key))
    let wait = 0
    try {
      const answer = await post(keys.map((key) => waiting.get(key)))
      wait = answer.headers.get('retry-after') * 1000
      if (answer.status > 499 || /408|429/.test(answer.status)) throw 0
      keys.forEach(forget)
      failures = 0
    } catch {
      wait += (500 + Math.random() * 500) * 2 ** Math.min(failures++, 6)
    }
    keys.forEach((key) => underway.delete(key))
    if (waiting.size) timer = timer || setTimeout(flush, wait)
  }

  // A text as body and no header of ours: browsers need not ask the server before they send it.
  const post = (texts) => {
    const shared = {
      writeKey: settings.writeKey,
      sentAt: iso(Date.now()),
      context: {
        library: { name: 'tailrace.js', version: '1' },
        userAgent: navigator.userAgent,
        locale: navigator.language,
        timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
        screen: { width: screen.width, height: screen.height },
      },
    }
    return fetch(endpoint + '/v1/batch', {
      method: 'POST',
      body: `${JSON.stringify(shared).slice(0, -1)},"batch":[${texts}]}`,
      keepalive: true,
      credentials: 'omit',
      referrerPolicy: 'no-referrer',
      signal: AbortSignal.timeout(30000),
    })
  }

  // An address without what may be secret of it.
  const clean = (address) => {
    try {
      const url = new URL(address)
      url.username = url.password = ''
      if (!asked) url.search = url.hash = ''
      return url.href
    } catch {}
  }

  let device = recall('device') || remember('device', newId())
  let user = recall('user')

  // The page view: what is on the screen until its address changes or the page ends. Times are from navigation, ms.
  let id, url, referrer, opened, usedAt, active, errors, rages, over

  // An event as of now, with the name of its text in storage: such names sort as their events were made.
  let made = 0
  const make = (type, said, context) => {
    const time = Date.now()
    const messageId = newId()
    const element = document.querySelector('title')
    const page = {
      id,
      url,
      referrer,
      title: element && !element.closest(PRIVATE) ? document.title : undefined,
      durationMs: Math.round(performance.now() - opened),
      activeMs: Math.round(active),
      errors,
      ...(context && context.page),
    }
    const who = { messageId, timestamp: iso(time), anonymousId: device, userId: user }
    return [`${time}${1e6 + made++}${messageId}`, { type, ...who, ...said, context: { ...context, page } }]
  }
  const track = (event, properties, context) => put(make('track', { event, properties }, context))

  const open = (at, from) => {
    id = newId()
    url = clean(location.href)
    referrer = from
    opened = usedAt = at
    active = errors = rages = over = 0
    put(make('page', { name: 'Page Viewed' }))
  }

  const leave = () => {
    effect()
    tellLoad()
    if (!over) track('Page Left')
    over = 1
  }

  const moved = () => {
    const from = url
    if (clean(location.href) === url) return
    leave()
    open(performance.now(), from)
  }

  const used = () => {
    const now = performance.now()
    active += Math.min(now - usedAt, 5000)
    usedAt = now
  }

  let loadTold
  const tellLoad = () => {
    const [timing] = performance.getEntriesByType('navigation')
    const [paint] = performance.getEntriesByName('first-paint')
    if (loadTold || !timing.loadEventEnd) return
    loadTold = 1
    const page = {
      domContentMs: Math.round(timing.domContentLoadedEventEnd),
      firstPaintMs: paint && Math.round(paint.startTime),
      loadMs: Math.round(timing.loadEventEnd),
    }
    track('Page Loaded', undefined, { kind: 'load', page })
  }

  // What an element says, without what is private or typed.
  const textOf = (node, said = '') => {
    for (const child of node.childNodes) {
      if (said.length > 200) break
      if (child.nodeType === 3) said += child.data
      if (child.nodeType === 1 && !child.matches(UNREAD)) said = textOf(child, said)
    }
    return said
  }

  const tokensOf = (node) => {
    const own = (name, sign) =>
      (node.getAttribute(name) || '').split(/\s+/).map((value) => value && ' ' + sign + encodeURIComponent(value))
    return [node.localName, ...(node.closest(PRIVATE) ? [] : [...own('id', '#'), ...own('class', '.')])].join('')
  }

  const elementOf = (element) => {
    const tokens = []
    for (let node = element; node; node = node.parentElement) tokens.unshift(tokensOf(node))
    const read = !element.closest(UNREAD) && !element.isContentEditable
    const text = read ? textOf(element).replace(/\s+/g, ' ').trim().slice(0, 100) : undefined
    return { text, selector: tokens.join(' ') }
  }

  // Clicks that wait until it is known whether they did anything, with the signals in them.
  const clicks = new Map()
  const settle = (click) => clicks.delete(click) && put(click)
  const effect = () => {
    observer.disconnect()
    for (const click of clicks.keys()) settle(click)
  }
  const observer = new MutationObserver(() => setTimeout(effect)) // after an error of the same handler

  let lastClick = {}
  let count
  const clicked = (event) => {
    const { target, timeStamp, clientX, clientY, detail, isTrusted } = event
    if (!isTrusted) return
    const signals = {}
    const near = Math.hypot(clientX - lastClick.clientX, clientY - lastClick.clientY) < 30
    count = detail && near && timeStamp - lastClick.timeStamp < 1000 ? count + 1 : 1
    lastClick = event
    if (count > 2) signals.frustrated = ++rages
    const element = elementOf(target.closest(USABLE) || target)
    const click = make('track', { event: 'Click' }, { kind: 'click', element, signals })
    const chose = detail < 2 && String(getSelection()) // text, by dragging; further clicks choose text by themselves
    const mortal = !target.closest(NEVER_DEAD) && !target.isContentEditable && !chose
    clicks.set(click, signals)
    observer.observe(document, { subtree: true, childList: true, attributes: true, characterData: true })
    setTimeout(() => {
      if (mortal) signals.dead = 1
      settle(click)
    }, 1000)
  }

  const failed = (said, source, line, column) => {
    if (++errors > 20) return
    for (const signals of clicks.values()) signals.error = 1
    const message = (asked ? said : said.replace(/(:\/\/[^\s?#]*)[?#]\S*/g, '$1')).slice(0, 500)
    track('Error', { message, source: clean(source), line, column }, { kind: 'error' })
  }

  const end = () => {
    effect()
    tellLoad()
    flush(1)
  }

  const begin = () => {
    open(0, clean(document.referrer))
    const loaded = () => setTimeout(tellLoad, 500)
    if (document.readyState === 'complete') loaded()
    listen('load', loaded)
    for (const name of ['pushState', 'replaceState']) {
      const original = history[name]
      history[name] = (...given) => {
        original.apply(history, given)
        moved()
      }
    }
    listen('popstate', moved)
    listen('click', clicked)
    listen('scroll change submit blur', effect)
    listen('scroll pointermove pointerdown keydown', used)
    listen('error', (event) => event.message && failed(event.message, event.filename, event.lineno, event.colno))
    listen('unhandledrejection', ({ reason }) => failed(String((reason && reason.message) || reason)))
    listen('online', () => flush())
    listen('visibilitychange', () => document.hidden && end())
    listen('pagehide', () => {
      leave()
      end()
    })
    listen('pageshow', (event) => event.persisted && open(performance.now(), referrer))
  }

  window.tailrace = {
    track: (name, params) => track(String(name), params),
    identify: (who, traits) => {
      if (who != null) user = remember('user', String(who))
      put(make('identify', { traits }))
    },
    reset: () => {
      user = remember('user')
      device = remember('device', newId())
    },
  }

  for (const key of (stored(Object.keys) || []).sort()) {
    const name = key.slice(prefix.length)
    if (!key.startsWith(prefix)) continue
    if (quiet || name.slice(0, 13) < Date.now() - OLDEST) forget(name)
    else if (/^\d/.test(name)) waiting.set(name, recall(name))
  }
  if (quiet) return
  if (document.prerendering) document.addEventListener('prerenderingchange', begin, { once: true })
  else begin()
})()
