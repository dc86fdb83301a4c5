/** The ids of stored requests: UUIDs, since that is what every process can make by itself and no two make twice. */
import { createHash } from "node:crypto"

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

export const isUuid = (text: string): boolean => uuid.test(text)

/** The version 5 (RFC 9562) of a tag and a text: the same text of two tags is two ids. */
export const idFor = (tag: string, name: string): string => {
  const hash = createHash("sha1").update(namespace).update(`${tag}\n${name}`).digest()
  hash[6] = (hash[6]! & 0x0f) | 0x50
  hash[8] = (hash[8]! & 0x3f) | 0x80
  const hex = hash.toString("hex")
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join("-")
}

const drawn = "5b0f3c7a9d1e4f6286c20e7d4a8b91f3"
/** Of this library; drawn once. */
const namespace = Buffer.from(drawn, "hex")
