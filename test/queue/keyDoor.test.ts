/** The door at which each key has a line of its own, against a plain list of callers. */
import { assert, describe, it } from "vitest"
import { Flows } from "../../src/queue/flows.ts"
import { KeyDoor } from "../../src/queue/keyDoor.ts"
import type { RankedRequest } from "../../src/queue/ranked.ts"
import { randomOf } from "../support/random.ts"
import { disciplineOf, requestOf } from "./support.ts"

describe("KeyDoor", () => {
  for (const keyCapacity of ["dynamic", 3] as const) {
    it(`agrees with a plain list over 10,000 random steps, capacity per key ${keyCapacity}`, () => {
      const random = randomOf(11)
      const capacity = 12
      const keys = ["a", "b", "c", "d"]
      const flows = new Flows(disciplineOf())
      let total = 0
      /** How many there are of each, in one walk: the line grows long. */
      const ofKeys = (requests: Iterable<Pick<RankedRequest, "key">>) => {
        const counts = Object.fromEntries(keys.map((key) => [key, 0]))
        for (const { key } of requests) counts[key]!++
        return counts
      }
      const placesOf = (key: string) => flows.find(key)?.places ?? 0
      const share = () => (keyCapacity === "dynamic" ? capacity - total : keyCapacity)
      const hasRoom = () => total < capacity
      const door = new KeyDoor(flows, share)
      let line: Array<RankedRequest> = []
      const count = (key: string, by: 1 | -1, isDelayed: boolean) => {
        const flow = flows.of(key)
        if (isDelayed) flows.count(flow, 0, by)
        else flows.count(flow, by, 0)
        flows.release(flow)
        total += by
      }
      const enter = ({ key }: RankedRequest) => {
        assert.isBelow(placesOf(key), share(), "over its share")
        count(key, 1, false)
      }
      for (let step = 0; step < 10_000; step++) {
        const what = random.below(10)
        if (what < 5) {
          const request = requestOf({ key: random.of(["a", "a", "a", ...keys]) })
          const { key } = request
          const mayEnter = placesOf(key) < share() && line.every((other) => other.key !== key)
          assert.strictEqual(door.admits(request), mayEnter)
          if (mayEnter && hasRoom()) enter(request)
          else {
            door.push(request)
            line.push(request)
          }
        } else if (what < 6 && line.length > 0) {
          const request = random.of(line)
          line = line.filter((other) => other !== request)
          door.remove(request)
        } else {
          const key = random.of(keys)
          if (placesOf(key) === 0) continue
          const { delayed, waiting } = flows.find(key)!
          const isDelayed = waiting === 0 || (delayed > 0 && random.below(2) === 0)
          count(key, -1, isDelayed)
          // An attempt that failed comes back to its place, whatever that makes of the share.
          if (random.below(4) === 0) count(key, 1, true)
        }
        while (hasRoom()) {
          const request = door.next() as RankedRequest | undefined
          const mayEnter = line.filter(({ key }) => placesOf(key) < share())
          if (request === undefined) {
            assert.deepStrictEqual(mayEnter, [], "somebody waits who may come in")
            break
          }
          const least = Math.min(...mayEnter.map(({ key }) => placesOf(key)))
          assert.strictEqual(placesOf(request.key), least, "of the key with the fewest places")
          assert.strictEqual(
            request,
            line.find(({ key }) => key === request.key),
            "the first of its key"
          )
          line = line.filter((other) => other !== request)
          enter(request)
        }
        assert.strictEqual(door.size, line.length)
        assert.deepStrictEqual(ofKeys(door as Iterable<RankedRequest>), ofKeys(line))
      }
      assert.deepStrictEqual([...door], line)
    })
  }
})
