/** How deep a text nests, whatever its strings say. */
import { expect, it } from "vitest"
import { nestsDeeperThan } from "../../src/internal/jsonText.ts"

const nested = (levels: number, within = "") => "[".repeat(levels) + within + "]".repeat(levels)
const padding = `,"${"x".repeat(100)}"`

it.each([
  [nested(4), false],
  [nested(5), false],
  [nested(6), true],
  [`{"a":`.repeat(6) + "1" + "}".repeat(6), true],
  [`[${Array.from({ length: 50 }, () => nested(4)).join()}]`, false],
  [`[${Array.from({ length: 50 }, () => nested(4)).join()},${nested(5)}]`, true],
  // Brackets within a string are none, nor is a quote that is escaped the end of one.
  [`["${"[".repeat(50)}"]`, false],
  [String.raw`["\"[[[[[[[[","\\",[[[[]]]]${padding}]`, false],
  [String.raw`["\\\"[[[[[[[[","\\\\",[[[[[]]]]]${padding}]`, true],
  // No JSON at all.
  [`["${"[".repeat(50)}`, false],
  [`]]]]]]${nested(5)}${padding}`, false],
  ["[".repeat(50), true]
])("%s nests deeper than 5: %s", (text, isDeeper) => {
  expect(nestsDeeperThan(text, 5)).toBe(isDeeper)
})
