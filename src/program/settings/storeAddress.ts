/** Where durable requests are, as one writes it: the folder of a store of one's own, or the URL of a PostgreSQL. */
import { Redacted } from "effect"
import { resolve } from "node:path"

export type StoreAddress =
  | { readonly kind: "embedded"; readonly directory: string }
  /** It may have a password. */
  | { readonly kind: "postgres"; readonly url: Redacted.Redacted }

export const storeForm = "a folder such as ./jobs, a URL such as postgres://user@host/database, or none"

/** `"none"`: in memory, also where the environment or a file says otherwise. `undefined`: it is no address. */
export const storeAddressOf = (text: string, folder?: string): StoreAddress | "none" | undefined => {
  if (text === "none") return "none"
  if (isUrl.test(text)) {
    return readable(text) === undefined ? undefined : { kind: "postgres", url: Redacted.make(text, { label: "store" }) }
  }
  if (text.trim() === "" || text.includes("\0")) return undefined
  return { kind: "embedded", directory: folder === undefined ? text : resolve(folder, text) }
}

/** The address without a password, for people to see. What may hold one and cannot be read is not told at all. */
export const shownStore = (text: string): string => {
  if (!isUrl.test(text)) return text
  const url = readable(text)
  if (url === undefined) return `${text.slice(0, text.indexOf("://"))}://(not shown)`
  if (url.password !== "") url.password = hidden
  for (const name of new Set(url.searchParams.keys())) {
    if (/password/i.test(name)) url.searchParams.set(name, hidden)
  }
  return url.href
}

export const shownAddress = (address: StoreAddress): string =>
  address.kind === "embedded" ? address.directory : shownStore(Redacted.value(address.url))

const hidden = "***"
const isUrl = /^[a-z][a-z\d+.-]*:\/\//i

/** A password with a `/`, `?` or `#` that is not encoded would end up in another part, to be shown. */
const readable = (text: string): URL | undefined => {
  const url = URL.parse(text)
  if (url === null || !/^postgres(ql)?:$/.test(url.protocol)) return undefined
  return url.hash === "" && !`${url.pathname}${url.search}`.includes("@") ? url : undefined
}
