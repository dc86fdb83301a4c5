/** A flag whose value may be left out. */
import { expect, it } from "vitest"
import { attached } from "../../src/program/arguments.ts"

it.each([
  ["run --threads 4 a.jsonl", "run --threads=4 a.jsonl"],
  ["run --threads auto a.jsonl", "run --threads=auto a.jsonl"],
  ["run --threads none", "run --threads=none"],
  ["run --threads a.jsonl", "run --threads a.jsonl"],
  ["run a.jsonl --threads", "run a.jsonl --threads"],
  ["run --threads=4 5", "run --threads=4 5"],
  ["run --threads -1", "run --threads -1"],
  ["run --threads ./4", "run --threads ./4"],
  ["run --threads --isolate process", "run --threads --isolate process"],
  ["run -- --threads 4", "run -- --threads 4"],
  ["run --max-workers 4", "run --max-workers 4"],
  ["", ""]
])("%s is %s", (given, parsed) => {
  const words = (text: string) => text.split(" ").filter((word) => word !== "")
  expect(attached(words(given))).toEqual(words(parsed))
})
