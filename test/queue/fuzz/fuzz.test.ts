/** The queue against the naive one, over random sequences. `FUZZ_STEPS=1000000` for a long run, `FUZZ_SEED` for a single one. */
import { describe, expect, it } from "vitest"
import { Sequence } from "./sequence.ts"

const steps = Number(process.env["FUZZ_STEPS"] ?? 40_000)
const only = process.env["FUZZ_SEED"]
const length = 250

/** What has gone wrong, and the steps that lead there. */
const runSequence = (seed: number): string | undefined => {
  const sequence = new Sequence(seed)
  try {
    for (let step = 0; step < length; step++) sequence.step()
    sequence.finish()
    return undefined
  } catch (error) {
    return [`FUZZ_SEED=${seed}`, String((error as Error).stack), ...sequence.story].join("\n")
  }
}

describe("the queue", () => {
  it("does over random sequences what plain lists do, overlooks nobody and forgets everything in the end", () => {
    const first = Number(only ?? 1)
    const last = only === undefined ? Math.ceil(steps / length) : first
    for (let seed = first; seed <= last; seed++) {
      const story = runSequence(seed)
      if (story !== undefined) expect.fail(story)
    }
  }, 600_000)
})
