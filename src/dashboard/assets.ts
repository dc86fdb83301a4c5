/** The files of the page, as the build has left them. */
import { Effect } from "effect"
import { createHash } from "node:crypto"
import { readFile } from "node:fs/promises"

export interface Asset {
  readonly body: Uint8Array
  readonly contentType: string
  readonly etag: string
}

/** The same from `src/dashboard` and from `dist/dashboard`. */
const folder = new URL("../../dist/dashboard/", import.meta.url)

const files = [
  ["/", "index.html", "text/html; charset=utf-8"],
  ["/assets/app.js", "app.js", "text/javascript; charset=utf-8"],
  ["/assets/app.css", "app.css", "text/css; charset=utf-8"]
] as const

/** By path. Empty when the page has not been built. */
export const load: Effect.Effect<ReadonlyMap<string, Asset>> = Effect.orElseSucceed(
  Effect.tryPromise(async () => {
    const assets = new Map<string, Asset>()
    for (const [path, file, contentType] of files) {
      const body = await readFile(new URL(file, folder))
      const hash = createHash("sha256").update(body).digest("base64url").slice(0, 16)
      assets.set(path, { body, contentType, etag: `"${hash}"` })
    }
    return assets
  }),
  () => new Map<string, Asset>()
)
