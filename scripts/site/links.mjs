// Finds the links of a built site that lead nowhere: to a file that is not there, or to a place that no page has.
import { globSync, readFileSync } from "node:fs"
import { dirname, join, normalize } from "node:path"
import { inflateSync } from "node:zlib"

export const brokenLinks = (root) => {
  const files = new Set(globSync("**/*", { cwd: root }))
  const pages = new Map([...files].filter((path) => path.endsWith(".html")).map((path) => [path, read(root, path)]))
  const broken = []
  let links = 0
  const check = (from, link) => {
    if (/^(https?|mailto):/.test(link)) return
    links++
    const [path, anchor] = link.split("#").map(decodeURIComponent)
    const file = path === "" ? from : normalize(join(dirname(from), path)).replace(/(^|\/)$|^\.\/?$/, "$1index.html")
    if (!files.has(file)) broken.push(`${from} links to ${link}, which is not there`)
    else if (anchor && !pages.get(file)?.ids.has(anchor)) broken.push(`${from} links to ${link}: no such place`)
  }
  for (const [from, page] of pages) {
    for (const link of page.links) check(from, link)
    // What a page loads is its own.
    for (const link of page.loads) {
      check(from, link)
      if (/^(\w+:)?\/\//.test(link)) broken.push(`${from} loads ${link}`)
    }
  }
  const navigate = ({ children = [], path }) => {
    if (path !== undefined) check("index.html", path)
    children.forEach(navigate)
  }
  navigation(root).forEach(navigate)
  return { broken, links, pages: pages.size }
}

const read = (root, path) => {
  const text = readFileSync(join(root, path), "utf8")
  const all = (pattern) => [...text.matchAll(pattern)].map(([, found]) => found.replaceAll("&amp;", "&"))
  return {
    ids: new Set(all(/ id="([^"]*)"/g)),
    links: all(/<a [^>]*?href="([^"]*)"/g),
    loads: [...all(/ src="([^"]*)"/g), ...all(/<link [^>]*?href="([^"]*)"/g)]
  }
}

/** What a script of the site makes the navigation of: JSON, packed, in a line of JavaScript. */
const navigation = (root) => {
  const [, packed] = /"(.*)"/.exec(readFileSync(join(root, "assets/navigation.js"), "utf8"))
  return JSON.parse(inflateSync(Buffer.from(packed, "base64")))
}
