// The search of the site: what Pagefind has indexed, in the generator's own dialog, which has the keys: "/" or Ctrl-K opens
// it, the arrows choose, Enter goes there. Its own index is taken away by `search.mjs`.
;(() => {
  const input = document.getElementById("tsd-search-input")
  const list = document.getElementById("tsd-search-results")
  const status = document.getElementById("tsd-search-status")
  const base = new URL(document.documentElement.dataset.base, location.href)
  const most = { pages: 8, places: 3 }
  let loading

  const load = () => (loading ??= import(new URL("pagefind/pagefind.js", base)))
  const find = async (query) => {
    const pagefind = await load()
    // None: something else has been typed since.
    const found = await pagefind.debouncedSearch(query, {}, 150)
    return found && Promise.all(found.results.slice(0, most.pages).map((result) => result.data()))
  }
  const show = async () => {
    const query = input.value.trim()
    let said = ""
    let pages = []
    try {
      if (query !== "") pages = await find(query)
      if (!pages || query !== input.value.trim()) return
      if (query !== "" && pages.length === 0) said = `Nothing found for "${query}"`
    } catch {
      said = "The search needs the site to come from a web server"
    }
    list.replaceChildren(...pages.flatMap(rowsOf))
    input.setAttribute("aria-activedescendant", "")
    status.textContent = said
  }
  input.addEventListener("focus", () => load().catch(() => {}))
  input.addEventListener("input", show)
  status.textContent = ""

  /** A page that was found, and below it where: its best places, in their order. */
  const rowsOf = ({ excerpt, meta: { title }, sub_results: places, url }, at) => {
    const isPage = (place) => place.url === url || place.title === title
    const best = places.filter((place) => !isPage(place)).sort((a, b) => weightOf(b) - weightOf(a))
    const shown = new Set(best.slice(0, most.places))
    const own = places.find(isPage) ?? (shown.size === 0 ? { excerpt } : undefined)
    return [
      row(`${at}`, url, title, own?.excerpt),
      ...places
        .filter((place) => shown.has(place))
        .map((place, n) => row(`${at}-${n}`, place.url, place.title, place.excerpt, "place"))
    ]
  }

  const weightOf = ({ weighted_locations: words }) => words.reduce((sum, word) => sum + word.balanced_score, 0)

  const row = (id, url, title, excerpt = "", kind = "page") => {
    const item = document.createElement("li")
    Object.assign(item, { id: `found-${id}`, role: "option", ariaSelected: "false", className: kind })
    const link = document.createElement("a")
    Object.assign(link, { href: url, tabIndex: -1 })
    const name = document.createElement("span")
    name.textContent = title
    const text = document.createElement("small")
    // Escaped by Pagefind, but for the marks.
    text.innerHTML = excerpt
    link.append(name, text)
    item.append(link)
    return item
  }
})()
