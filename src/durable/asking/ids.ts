/** The ids of stored requests: UUIDs, since that is what every process can make by itself and no two make twice. */
import { createHash } from "node:crypto"

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

export const isUuid = (text: string): boolean => uuid.test(text)

/**
 * What follows from a tag and a caller's text, as a UUID of version 8 (RFC 9562). Two tags make two of one text, also where that is a UUID: an
 * order may have its own for each. What this has made of a tag stays as it is for that tag, which it knows by the last three bytes.
 */
export const idFor = (tag: string, name: string): string => {
  const text = isUuid(name) ? name.toLowerCase() : name
  if (isUuid(text) && text[14] === "8" && text.endsWith(sealOf(tag, text))) return text
  const hash = digest(`${tag}\n${text}`)
  hash[6] = (hash[6]! & 0x0f) | 0x80
  hash[8] = (hash[8]! & 0x3f) | 0x80
  const hex = hash.toString("hex")
  const begun = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 26)].join("-")
  return begun + sealOf(tag, begun)
}

/** Of all that comes before it. */
const sealOf = (tag: string, id: string): string => digest(`${tag}\n\n${id.slice(0, 30)}`).toString("hex", 0, 3)

const digest = (text: string): Buffer => createHash("sha1").update(namespace).update(text).digest()

const drawn = "5b0f3c7a9d1e4f6286c20e7d4a8b91f3"
/** Of this library; drawn once. */
const namespace = Buffer.from(drawn, "hex")
