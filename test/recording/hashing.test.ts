/** The hashes of keys: the same for the same, and nothing for whoever has not the secret. */
import { assert, describe, it } from "@effect/vitest"
import { createHash } from "node:crypto"
import { Hashing } from "../../src/recording/hashing.ts"

const secret = Uint8Array.from({ length: 16 }, (_, n) => n)

describe("the hashes of a recording", () => {
  it("are the same for the same key and the same secret, and differ for another of either", () => {
    const one = new Hashing(secret)
    assert.strictEqual(one.of("acme"), new Hashing(secret).of("acme"))
    assert.strictEqual(one.of("acme"), one.of("acme"))
    assert.notStrictEqual(one.of("acme"), one.of("acmf"))
    assert.notStrictEqual(one.of("acme"), new Hashing().of("acme"))
    assert.notStrictEqual(one.fingerprint, new Hashing().fingerprint)
  })

  it("are eleven letters of SHA-256 of the secret and the key, whatever the key is", () => {
    for (const key of ["acme", "", "ü€𝄞", "x".repeat(10_000)]) {
      const whole = createHash("sha256").update(`000102030405060708090a0b0c0d0e0f${key}`).digest("base64url")
      assert.strictEqual(new Hashing(secret).of(key), whole.slice(0, 11))
      assert.match(whole.slice(0, 11), /^[\w-]{11}$/)
    }
  })

  it("do not grow with the keys that there are", () => {
    const one = new Hashing(secret)
    const first = one.of("key-0")
    for (let n = 1; n < 25_000; n++) one.of(`key-${n}`)
    assert.strictEqual(one.of("key-0"), first)
  })
})
