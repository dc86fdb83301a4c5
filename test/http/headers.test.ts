/** What a client prefers, by the grammar of RFC 7240. */
import { expect, it } from "vitest"
import { waitSeconds } from "../../src/http/headers.ts"

it.each([
  ["wait=5", 5],
  ["WAIT = 5", 5],
  ['wait="5"', 5],
  [String.raw`wait="\5"`, 5],
  ["wait=99", 60],
  ["respond-async, wait=5", 5],
  ["respond-async;wait=5, wait=6", 6],
  ["wait=5; x=1", 5],
  ["wait=5;;, wait=6", 5],
  [", ,wait=5", 5],
  ['return=minimal; foo="some parameter", wait=5', 5],
  ['foo="a, wait=1"', undefined],
  ['foo="a, wait=1", wait=2', 2],
  [String.raw`foo="a\", wait=1", wait=2`, 2],
  ['foo="a, wait=1', undefined],
  ["wait", undefined],
  ["wait=", undefined],
  ["wait=soon, wait=5", undefined],
  ["wait=-5", undefined],
  ["wait=1.5", undefined],
  ["awaits=5", undefined],
  ["foo=wait=5", undefined],
  ["", undefined],
  [undefined, undefined]
])("Prefer: %s waits %s seconds", (prefer, seconds) => {
  expect(waitSeconds(prefer, 60)).toBe(seconds)
})

it("a long preference is read as fast as any", () => {
  for (const prefer of [" ".repeat(16_000), "a ".repeat(8000), `a="${"\\\\".repeat(8000)}`, "a=".repeat(8000)]) {
    expect(waitSeconds(prefer, 60)).toBe(undefined)
  }
})
