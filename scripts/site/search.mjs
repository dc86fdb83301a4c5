// Indexes a built site for its search: the words of each page, but not of what surrounds them on every page.
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import * as pagefind from "pagefind"

/** Lists of what has a page, or a place, of its own, and what is on every page. */
const excluded = [
  ".tsd-breadcrumb",
  ".tsd-index-group",
  ".tsd-member-summaries",
  ".tsd-accordion-summary",
  ".tsd-sources",
  ".tsd-tag",
  ".tsd-anchor-icon",
  "pre > button"
]

export const addSearch = async (root) => {
  const { errors, index } = await pagefind.createIndex({ rootSelector: ".col-content", excludeSelectors: excluded })
  const added = await index.addDirectory({ path: root })
  const written = await index.writeFiles({ outputPath: join(root, "pagefind") })
  await pagefind.close()
  const problems = [...errors, ...added.errors, ...written.errors]
  if (problems.length > 0) throw new Error(problems.join("\n"))
  // The generator's own index, of names alone. Without one its dialog leaves what is typed to `search.js`.
  writeFileSync(join(root, "assets/search.js"), "")
}
