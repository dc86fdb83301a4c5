/** What the page makes of runs, those that have not measured everything among them. */
import { assert, describe, it } from "@effect/vitest"
import { roundsOf } from "../scripts/bench/cases.ts"
import { bySection, keep } from "../scripts/bench/kept.ts"
import type { Measurement } from "../scripts/bench/load.ts"
import { hows, origins, ratios, tables } from "../scripts/bench/pageTables.ts"
import { type Lacking, type Result, type Results, summarize } from "../scripts/bench/results.ts"

const measured = (rate: number, figures: Readonly<Record<string, number>> = {}): Measurement => ({
  n: 10,
  rate,
  cpuMicros: 1_000 / rate,
  peakMegabytes: 100,
  ...figures
})

const runOf = (command: string, results: ReadonlyArray<Result | Lacking>, by?: string): Results => ({
  machine: { cores: 2 },
  versions: { node: "v24" },
  command,
  date: "2026-11-28",
  quick: false,
  ...(by === undefined ? {} : { by }),
  how: Object.fromEntries(results.map(({ impl }) => [impl, `called by ${command}`])),
  cases: Object.fromEntries(results.map(({ case: name }) => [name, `case ${name}`])),
  results
})

/** Of three rounds in which this pool made 100, 200 and 300, its promise door twice and a peer half of that. */
const three = (name: string, figures: Readonly<Record<string, number>> = {}): ReadonlyArray<Result> => {
  const ours = [100, 200, 300].map((rate) => measured(rate, figures))
  const promises = [200, 400, 600].map((rate) => measured(rate))
  const peer = [50, 100, 300].map((rate) => measured(rate))
  return [
    summarize(name, "effect-worker-pool", ours, ours, promises),
    summarize(name, "effect-worker-pool-promise", promises, ours, promises),
    summarize(name, "p-limit", peer, ours, promises)
  ]
}

describe("tables of the page", () => {
  it("show the median with the least and the most, and how many times as fast as each row both doors are", () => {
    const text = tables([runOf("a", three("W1"))], ["W1"])
    assert.include(text, "**W1**: case W1 (10 requests, 3 rounds)")
    assert.include(
      text,
      "|  | per second (min to max) | CPU µs (min to max) | peak MB | this pool by it | this pool, promises by it |"
    )
    assert.include(text, "| **this pool** | 200 (100 to 300) | 5 (3.33 to 10) | 100 |  | 2.00 |")
    assert.include(text, "| **this pool, promises** | 400 (200 to 600) | 2.5 (1.67 to 5) | 100 | 0.50 |  |")
    assert.include(
      text,
      "| p-limit | 100 (50 to 300) | 10 (3.33 to 20) | 100 | 2.00 (1.00 to 2.00) | 4.00 (2.00 to 4.00) |"
    )
  })

  it("show a figure that some rows have, and leave it out of the others", () => {
    const text = tables([runOf("a", three("W1a", { turnMillis: 28 }))], ["W1a"])
    assert.include(text, "| longest turn, ms |")
    assert.include(text, "| 2.00 | 28 |")
    assert.include(text, "| 4.00 (2.00 to 4.00) |  |")
  })

  it("leave out a case that was not measured, and one that nobody could do", () => {
    const lacking = { case: "W6", impl: "p-limit", lacks: "no retries" }
    assert.strictEqual(tables([runOf("a", [...three("W1"), lacking])], ["C1", "W6"]), "")
    assert.notInclude(tables([runOf("a", three("W1"))], ["C1", "W1"]), "C1")
    assert.strictEqual(tables([], ["W1"]), "")
  })

  it("say who lacks something, with as many cells as the others have", () => {
    const lacking = { case: "W1", impl: "async", lacks: "no metrics" }
    const lines = tables([runOf("a", [...three("W1"), lacking])], ["W1"])
      .split("\n")
      .slice(2)
    assert.include(lines, "| async | no metrics |  |  |  |  |")
    assert.deepStrictEqual([...new Set(lines.map((line) => line.split("|").length))], [8])
  })

  it("show runs from before there was a door for promises", () => {
    const old = summarize("W1", "p-limit", [measured(50)], [measured(100)])
    const lines = tables([runOf("a", [old])], ["W1"])
      .split("\n")
      .slice(2)
    assert.strictEqual(lines[0], "|  | per second (min to max) | CPU µs (min to max) | peak MB | this pool by it |")
    assert.strictEqual(lines[2], "| p-limit | 50 | 20 | 100 | 2.00 |")
  })
})

describe("ratios of the page", () => {
  it("have a row for each case and door, and a column for each peer", () => {
    const other = summarize("W6", "async-stacked", [measured(50)], [measured(100)], [measured(200)])
    assert.strictEqual(
      ratios([runOf("a", [...three("W1"), other])], ["W1", "C1", "W6"]),
      [
        "|  | p-limit | async-stacked |",
        "| --- | ---: | ---: |",
        "| **W1** case W1: this pool | 2.00 (1.00 to 2.00) |  |",
        "| **W1** case W1: this pool, promises | 4.00 (2.00 to 4.00) |  |",
        "| **W6** case W6: this pool |  | 2.00 |",
        "| **W6** case W6: this pool, promises |  | 4.00 |"
      ].join("\n")
    )
  })

  it("leave out a run whose ratios are to somebody else", () => {
    assert.strictEqual(ratios([runOf("a", three("W1"), "p-limit")], ["W1"]), "")
  })
})

describe("runs that are kept", () => {
  const old = runOf("old", [...three("W1"), ...three("W5")])
  const fresh = runOf("fresh", three("W1"))

  it("give way to a newer one case by case", () => {
    const kept = keep(fresh, [old])
    assert.deepStrictEqual(
      kept.map(({ cases, command }) => [command, Object.keys(cases)]),
      [
        ["fresh", ["W1"]],
        ["old", ["W5"]]
      ]
    )
    assert.deepStrictEqual(
      keep(runOf("both", [...three("W1"), ...three("W5")]), kept).map(({ command }) => command),
      ["both"]
    )
  })

  it("take what was measured in turns with a case along with it", () => {
    const beside: Result = { ...three("Q1-key")[0]!, beside: "W1" }
    assert.deepStrictEqual(
      keep(fresh, [runOf("old", [...three("W1"), beside])]).map(({ command }) => command),
      ["fresh"]
    )
  })

  it("go to the sections of their cases", () => {
    const all = [...three("W1"), ...three("article"), ...three("Q1-key"), ...three("C1")]
    const namesOf = (run: Results) =>
      [...bySection(run)].map(([section, { cases, results }]) => [section, Object.keys(cases), results.length])
    assert.deepStrictEqual(namesOf(runOf("a", all)), [
      ["results", ["W1", "article"], 6],
      ["queue", ["Q1-key"], 3],
      ["cold", ["C1"], 3]
    ])
  })

  it("say which cases are of which, and how each was called last", () => {
    assert.notInclude(origins([fresh]), "cases")
    const text = origins(keep(fresh, [old]))
    assert.include(text, "by `fresh`\n- cases: W1")
    assert.include(text, "by `old`\n- cases: W5")
    assert.include(hows(keep(fresh, [old])), "**p-limit**: called by fresh")
  })
})

describe("rounds", () => {
  it("are five for what is compared in short, three for the others, and no more than a case takes", () => {
    assert.deepStrictEqual(
      ["W1", "W9-waiting-100", "W2-1024", "W2-64", "W7"].map((name) => roundsOf(name)),
      [5, 5, 5, 3, 1]
    )
    assert.deepStrictEqual([roundsOf("W1", 2), roundsOf("W7", 9)], [2, 1])
  })
})
