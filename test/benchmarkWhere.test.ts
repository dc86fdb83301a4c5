/** Where the time of a profile goes: whose a frame is, and that nothing is lost or counted twice. */
import { assert, describe, it } from "@effect/vitest"
import { join } from "node:path"
import { declarationsOf } from "../scripts/bench/where/frames.ts"
import { type Profile, split } from "../scripts/bench/where/split.ts"
import { whereTable } from "../scripts/bench/where/table.ts"

const root = join(import.meta.dirname, "..")
const inProject = (path: string) => `file://${root}/${path}`
const effect = inProject("node_modules/effect/dist/internal/effect.js")

const intervalMicros = 500

/** A made profile: each frame by who calls it, and how often it was found running, once in each interval. */
const profileOf = (
  frames: Readonly<Record<string, { readonly by?: string; readonly url?: string; readonly takes?: number }>>
): Profile => {
  const names = Object.keys(frames)
  const idOf = (name: string) => names.indexOf(name) + 1
  const samples = names.flatMap((name) => Array.from({ length: frames[name]!.takes ?? 0 }, () => idOf(name)))
  return {
    nodes: names.map((name) => ({
      id: idOf(name),
      // A frame that stands twice in the tree has what tells it apart behind a sign.
      callFrame: { functionName: name.split("@")[0]!, url: frames[name]!.url ?? "", lineNumber: 0 },
      children: names.filter((other) => frames[other]!.by === name).map(idOf)
    })),
    samples,
    timeDeltas: [0, ...samples.map(() => intervalMicros)]
  }
}

describe("npm run bench:where", () => {
  it("gives Effect's own time to whoever the nearest frame on a side is", () => {
    const { shares } = split(
      profileOf({
        callers: { url: inProject("scripts/bench/implementations/effect-callers.ts"), takes: 10 },
        evaluate: { by: "callers", url: effect, takes: 20 },
        worker: { by: "evaluate", url: inProject("src/internal/fiberWorker.ts"), takes: 5 },
        "evaluate@2": { by: "worker", url: effect, takes: 40 },
        notify: { by: "evaluate@2", url: inProject("src/internal/request.ts"), takes: 5 },
        "evaluate@3": { by: "notify", url: effect, takes: 20 }
      }),
      intervalMicros
    )
    assert.deepStrictEqual(shares, {
      "the driver of the benchmark": 0.1,
      "the caller: its fiber, stream or promise": 0.4,
      "attempts, ends and notifying": 0.1,
      "workers' fibers": 0.4
    })
  })

  it("leaves out the time in which the thread waited, and the profiler's own", () => {
    const { shares } = split(
      profileOf({
        "(idle)": { takes: 1_000 },
        post: { url: "node:inspector", takes: 1_000 },
        "(garbage collector)": { takes: 30 },
        "(program)": { takes: 10 }
      }),
      intervalMicros
    )
    assert.deepStrictEqual(shares, { "garbage collection": 0.75, "the rest of the host": 0.25 })
  })

  it("takes no sample for more than two intervals: then the processor was another program's", () => {
    const profile = profileOf({ "(program)": { takes: 6 }, "(garbage collector)": { takes: 4 } })
    const interrupted = profile.timeDeltas!.with(3, 1_000_000).with(10, 10)
    const { shares } = split({ ...profile, timeDeltas: interrupted }, intervalMicros)
    // Of the first six, one lasts for two; the last of the others came at once.
    assert.closeTo(shares["garbage collection"]!, (3 * 500 + 10) / (7 * 500 + 3 * 500 + 10), 1e-12)
  })

  it("gives what the handler asks of the host to the handler", () => {
    const { shares } = split(
      profileOf({
        suspend: { url: inProject("scripts/bench/tasks.ts"), takes: 1 },
        queueMicrotask: { by: "suspend", url: "node:internal/process/task_queues", takes: 1 },
        enqueueMicrotask: { by: "queueMicrotask", takes: 1 },
        "enqueueMicrotask@2": { takes: 1 }
      }),
      intervalMicros
    )
    assert.deepStrictEqual(shares, { "the handler and its timer": 0.75, "the rest of the host": 0.25 })
  })

  it("names what no rule knows", () => {
    const { shares, unassigned } = split(
      profileOf({
        make: { url: inProject("node_modules/effect/dist/Layer.js"), takes: 3 },
        run: { url: inProject("node_modules/other/index.js"), takes: 1 }
      }),
      intervalMicros
    )
    assert.deepStrictEqual(shares, { unassigned: 1 })
    assert.deepStrictEqual(unassigned, [
      ["effect/Layer.js top.make", 0.75],
      ["other/index.js top.run", 0.25]
    ])
  })

  it("knows a function by the declaration in which it stands", () => {
    const text = [
      "const a = 1",
      "export class B {",
      "  run() {}",
      "}",
      "export const c = () => {",
      "  const d = 2",
      "}"
    ]
    assert.deepStrictEqual(declarationsOf(text.join("\n")), [
      [0, "a"],
      [1, "B"],
      [4, "c"]
    ])
  })

  it("makes a table whose columns add up to what was measured", () => {
    const table = whereTable({
      date: "2026-01-01",
      command: "",
      machine: {},
      cases: [
        {
          impl: "effect-worker-pool-promise",
          case: "W1",
          n: 1,
          rounds: 1,
          cpuMicros: 5,
          cpuMax: 6,
          profiledMicros: 7,
          otherThreadsMicros: 1,
          shares: { "garbage collection": 0.25, contexts: 0.7, unassigned: 0.05 },
          unassigned: []
        }
      ]
    })
    const cells = table.split("\n").map((line) => line.split("|").map((cell) => cell.trim()))
    assert.deepStrictEqual(cells[0]!.slice(1, 3), ["µs per request", "W1, promises"])
    const parts = cells.slice(2, -3).map((row) => Number(row[2]))
    assert.strictEqual(parts.reduce((a, b) => a + b).toFixed(2), "5.00")
    assert.include(table, "| **measured, without the profiler** | **5.00** |")
    assert.include(table, "| other threads: collection and compilation | 1.00 |")
  })
})
