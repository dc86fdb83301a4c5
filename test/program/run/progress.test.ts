/** How far a run is, as it says it. */
import { expect, it } from "vitest"
import { progressLine } from "../../../src/program/run/progress.ts"

const counts = { delayed: 0, scheduled: 0, state: "open", stuck: 0, waiting: 2, workers: 3 } as const
const line = (some: object) => progressLine({ bad: 1, done: 4 }, { ...counts, ...some }, 2, 10)

it.each([
  ["what waits", {}, "4 of 10 done, 1 failed, 2/s, 3 workers, 2 waiting, 3 s left"],
  [
    "what waits for another attempt with it",
    { delayed: 1 },
    "4 of 10 done, 1 failed, 2/s, 3 workers, 3 waiting, 3 s left"
  ],
  [
    "what is for later apart from it",
    { delayed: 3, scheduled: 2 },
    "4 of 10 done, 1 failed, 2/s, 3 workers, 3 waiting, 2 later, 3 s left"
  ]
])("tells %s", (_, some, expected) => {
  expect(line(some)).toBe(expected)
})
