/** What is named how in the database: its schema, its tables, a line for each tag, the channel of notices. */
import { createHash } from "node:crypto"

/** Names of one store. Those of pg-boss stand beside ours, which all begin with `pool_`. */
export interface Names {
  readonly schema: string
  readonly job: string
  readonly queue: string
  readonly version: string
  readonly outcome: string
  readonly process: string
  readonly tally: string
  readonly pause: string
  readonly expiry: string
  readonly channel: string
}

/** What a schema may be called: it is written into statements as it is. */
export const isSchema = (schema: string): boolean => /^[a-z_][a-z0-9_]{0,47}$/.test(schema)

export const make = (schema: string): Names => ({
  schema,
  job: `${schema}.job`,
  queue: `${schema}.queue`,
  version: `${schema}.pool_version`,
  outcome: `${schema}.pool_outcome`,
  process: `${schema}.pool_process`,
  tally: `${schema}.pool_tally`,
  pause: `${schema}.pool_pause`,
  expiry: `${schema}.pool_expiry`,
  channel: `${schema}_notices`
})

/** Where requests go that were delivered too often, until somebody records their end. No tag has this name. */
export const deadLetters = "//dead-letters"

/** The queue of a tag: its own name, but for what the name of a queue may not have, which is written as `/` and two digits a byte. */
export const queueOf = (tag: string): string =>
  tag === "" ? "/" : tag.replace(/[^\w.-]/gu, (sign) => Buffer.from(sign).reduce((text, byte) => text + hex(byte), ""))

export const tagOf = (queue: string): string =>
  queue === "/"
    ? ""
    : queue.replace(/(?:\/[0-9a-f]{2})+/g, (signs) => Buffer.from(signs.replaceAll("/", ""), "hex").toString())

const hex = (byte: number) => `/${byte.toString(16).padStart(2, "0")}`

/** What stands for a key in an index, which takes no text of any length, and in a text, which takes not every one. */
export const keyOf = (key: string): string | undefined => {
  if (key === "") return undefined
  const isPlain = key.length <= 200 && key.isWellFormed() && !key.includes("\0") && !key.startsWith("#")
  return isPlain ? key : `#${createHash("sha256").update(key, "utf16le").digest("base64url")}`
}
