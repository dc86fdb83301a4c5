/** A table has a line for each row, whatever is in its cells. */
import { describe, expect, it } from "vitest"
import { columns, figureTable } from "../../../src/program/output/columns.ts"

describe("a table", () => {
  it("shows what would break its lines or speak to the terminal", () => {
    expect(
      columns([
        ["a\nb", "1"],
        ["c", "\u001b[2J"]
      ])
    ).toBe("a\\u000ab   1\nc          \\u001b[2J\n")
    expect(figureTable([{ name: "a\u2028", cells: ["1\r"] }])).toBe("a\\u2028   1\\u000d\n")
  })

  it("is no wider for a name without end", () => {
    const lines = figureTable([
      { name: `key ${"x".repeat(10_000)} end`, cells: ["1"] },
      { name: "b", cells: ["22"] }
    ])
    expect(lines.split("\n").map((line) => line.length)).toEqual([85, 85, 0])
    expect(lines).toMatch(/^key x+…x+ end {4}1\nb +22\n$/)
  })
})
