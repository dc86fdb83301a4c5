/** What throws where it is touched, or cannot be written, is the end of its one line and of nothing else. */
import { fileURLToPath } from "node:url"
import { describe, it } from "vitest"
import { outcomes, start, temporary } from "../fixtures/program.ts"
import { hostile, untouchable, writable } from "../../support/hostileValues.ts"

const files = temporary()
const module = fileURLToPath(new URL("../fixtures/hostile.ts", import.meta.url))
const nested = `${"[".repeat(100_000)}${"]".repeat(100_000)}`

const hostileNames = Object.keys(hostile).filter((name) => !writable.has(name))
const lines: ReadonlyArray<readonly [line: object | string, end: string, tag?: string | undefined]> = [
  ...hostileNames.flatMap((value): typeof lines => [
    [{ type: "Give", data: { value } }, "failed", untouchable.has(value) ? "Defect" : "InvalidResult"],
    // To write it nobody has to ask what it has.
    [{ type: "FailWith", data: { value } }, "failed", value === "a throwing has trap" ? undefined : "InvalidError"],
    [{ type: "DieOf", data: { value } }, "failed", "Defect"]
  ]),
  [{ type: "ThrowingPayload", data: { value: "x" } }, "rejected", "InvalidPayload"],
  [{ type: "DyingPayload", data: { value: "x" } }, "rejected", "InvalidPayload"],
  [{ type: "InterruptingPayload", data: { value: "x" } }, "rejected", "InvalidPayload"],
  [{ type: "ThrowingResult", data: null }, "failed", "InvalidResult"],
  [{ type: "InterruptingResult", data: null }, "failed", "InvalidResult"],
  [{ type: "ThrowingError", data: null }, "failed", "InvalidError"],
  [`{"type": "Take", "data": {"value": ${nested}}}`, "succeeded"],
  [`{"type": "Take", "data": {"other": ${nested}}}`, "rejected", "InvalidPayload"],
  [`{"type": "Give", "data": ${nested}}`, "rejected", "InvalidPayload"],
  [`{"type": ${nested}}`, "malformed", "MalformedLine"],
  [`{"type": "Take", "timeout": ${nested}}`, "malformed", "MalformedLine"],
  [nested, "malformed", "MalformedLine"]
]

describe("values that throw when they are touched", () => {
  it("end their lines, each with an outcome, and the run goes on to its end", async ({ expect }) => {
    const out = files.path("outcomes.jsonl")
    const requests = files.lines(lines.map(([line]) => line))
    const program = start("run", requests, "--handlers", module, "--outcomes", out, "--json")
    expect(await program.code()).toBe(1)
    expect(program.summary).toMatchObject({ lines: lines.length, left: 0 })
    expect(outcomes(out).map(({ end, error, line }) => [line, end, error?._tag])).toEqual(
      lines.map(([, end, tag], at) => [at + 1, end, tag])
    )
    // All of them have their end: nothing is tried again.
    const again = start("run", requests, "--handlers", module, "--outcomes", out, "--json", "--resume")
    expect(await again.code()).toBe(1)
    expect(again.summary).toMatchObject({ earlier: lines.length, attempts: 0, left: 0 })
  })

  it("do so in a run without outcomes too", async ({ expect }) => {
    const requests = files.lines(lines.map(([line]) => line))
    const program = start("run", requests, "--handlers", module, "--json")
    expect(await program.code()).toBe(1)
    expect(program.summary).toMatchObject({ lines: lines.length, left: 0 })
  })
})
