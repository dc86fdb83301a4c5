/** The hash of keys: as its authors have published it. */
import { assert, describe, it } from "@effect/vitest"
import { Hashing } from "../../src/recording/hashing.ts"
import { siphash } from "../../src/recording/siphash.ts"

const secret = Uint8Array.from({ length: 16 }, (_, n) => n)
const hex = (length: number) => {
  const { high, low } = siphash(
    secret,
    Uint8Array.from({ length }, (_, n) => n)
  )
  return `${high.toString(16).padStart(8, "0")}${low.toString(16).padStart(8, "0")}`
}

describe("SipHash-2-4", () => {
  it("gives what the paper of its authors says, for any length of the last word", () => {
    assert.strictEqual(hex(15), "a129ca6149be45e5")
    // From the list that comes with their program.
    assert.deepStrictEqual([0, 1, 2, 3, 7, 8, 9, 63].map(hex), [
      "726fdb47dd0e0e31",
      "74f839c593dc67fd",
      "0d6c8009d9a94f5a",
      "85676696d7fb7e2d",
      "ab0200f58b01d137",
      "93f5f5799a932462",
      "9e0082df0ba9e4b0",
      "958a324ceb064572"
    ])
  })
})

describe("the hashes of a recording", () => {
  it("are the same for the same key and the same secret, and differ for another of either", () => {
    const one = new Hashing(secret)
    assert.strictEqual(one.of("acme"), new Hashing(secret).of("acme"))
    assert.strictEqual(one.of("acme"), one.of("acme"))
    assert.notStrictEqual(one.of("acme"), one.of("acmf"))
    assert.notStrictEqual(one.of("acme"), new Hashing().of("acme"))
    assert.notStrictEqual(one.fingerprint, new Hashing().fingerprint)
  })

  it("have eleven letters, which have all of their bits", () => {
    const one = new Hashing(secret)
    assert.match(one.of("acme"), /^[\w-]{11}$/)
    const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    const value = [...one.fingerprint].reduce((sum, letter) => sum * 64n + BigInt(digits.indexOf(letter)), 0n)
    assert.strictEqual(value.toString(16), "726fdb47dd0e0e31")
  })
})
