/** Lanes in the order of their turns, against a list that is sorted anew each time. */
import { assert, describe, it } from "vitest"
import { Bench, isBefore, type Ranking, type Seated } from "../../src/queue/bench.ts"
import { randomOf } from "../support/random.ts"

class Key implements Ranking {
  base = 0
  readonly weight = 1

  expected(): number {
    return 0
  }

  headStartOf(): number {
    return 0
  }

  rankOf({ priority }: Seated): number {
    return this.base - priority
  }
}

class Lane implements Seated {
  heapAt = -1
  level = 0
  turn: number
  readonly flow: Key
  readonly priority: number
  readonly tie: number

  constructor(flow: Key, priority: number, turn: number, tie: number) {
    this.flow = flow
    this.priority = priority
    this.turn = turn
    this.tie = tie
  }
}

/** Of each key the first lane, and of those the one of the least rank. */
const firstOf = (lanes: ReadonlyArray<Lane>): { readonly rank: number; readonly lane: Lane } | undefined => {
  let best: { rank: number; lane: Lane } | undefined
  for (const flow of new Set(lanes.map(({ flow }) => flow))) {
    const [lane] = lanes.filter((lane) => lane.flow === flow).sort((a, b) => (isBefore(a, b) ? -1 : 1))
    const rank = flow.rankOf(lane!)
    if (best === undefined || rank < best.rank || (rank === best.rank && isBefore(lane!, best.lane))) {
      best = { rank, lane: lane! }
    }
  }
  return best
}

describe("Bench", () => {
  for (const keys of [1, 2, 20]) {
    it(`agrees with a sorted list over 3,000 random steps and ${keys} keys`, () => {
      const random = randomOf(keys)
      const flows = Array.from({ length: keys }, () => new Key())
      const bench = new Bench<Lane>()
      let model: Array<Lane> = []
      for (let step = 0; step < 3000; step++) {
        const pushing = Math.floor(step / 300) % 2 === 0 ? 5 : 2
        const what = random.below(10)
        if (what < pushing) {
          const lane = new Lane(random.of(flows), random.below(5), random.below(30), step)
          bench.add(lane)
          model.push(lane)
        } else if (what < 6 && model.length > 0) {
          const lane = random.below(2) === 0 ? bench.first! : random.of(model)
          bench.remove(lane)
          model = model.filter((other) => other !== lane)
        } else if (what < 7 && model.length > 0) {
          const lane = random.of(model)
          lane.turn = random.below(30)
          bench.changed(lane)
        } else if (what < 8) {
          // It may grow without a word.
          random.of(flows).base += random.below(10)
        } else {
          const flow = random.of(flows)
          flow.base -= random.below(10)
          bench.rerank(flow)
        }
        assert.strictEqual(bench.size, model.length)
        for (const flow of flows)
          assert.strictEqual(
            bench.has(flow),
            model.some((lane) => lane.flow === flow)
          )
        assert.strictEqual(bench.first, firstOf(model)?.lane)
      }
    })
  }
})
