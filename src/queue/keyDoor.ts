/** A door at which each key has a line of its own: one that has its share of the places blocks nobody but itself. */
import type { PoolRequest } from "../internal/request.ts"
import { ByCount } from "./byCount.ts"
import type { Door } from "./door.ts"
import type { Flows } from "./flows.ts"
import { keyOf } from "./ranked.ts"
import { Ring } from "./ring.ts"

export class KeyDoor implements Door {
  size = 0
  private readonly lines = new Map<string, Ring<PoolRequest>>()
  /** The keys of those lines, by the places that they have. */
  private readonly byPlaces = new ByCount<string>()
  private readonly flows: Flows
  private readonly share: () => number

  /** `share`: the places that one key may have now. */
  constructor(flows: Flows, share: () => number) {
    this.flows = flows
    this.share = share
    flows.onPlaces.push(({ key, places }) => {
      if (this.size > 0 && this.byPlaces.has(key)) this.byPlaces.set(key, places)
    })
  }

  admits(request: PoolRequest): boolean {
    const key = keyOf(request)
    return !(this.size > 0 && this.lines.has(key)) && this.placesOf(key) < this.share()
  }

  push(request: PoolRequest): void {
    const key = keyOf(request)
    let line = this.lines.get(key)
    if (line === undefined) {
      this.lines.set(key, (line = new Ring(2)))
      this.byPlaces.set(key, this.placesOf(key))
    }
    line.push(request)
    this.size++
  }

  /** Of the key that has the fewest places: where that may have no more, none may. */
  next(): PoolRequest | undefined {
    const key = this.byPlaces.least
    if (key === undefined || this.placesOf(key) >= this.share()) return undefined
    const line = this.lines.get(key)!
    const request = line.shift()!
    this.left(key, line)
    return request
  }

  remove(request: PoolRequest): void {
    const key = keyOf(request)
    const line = this.lines.get(key)!
    line.remove(request)
    this.left(key, line)
  }

  replace(before: PoolRequest, request: PoolRequest): void {
    const key = keyOf(request)
    if (key === keyOf(before)) return this.lines.get(key)!.replace(before, request)
    this.remove(before)
    this.push(request)
  }

  *[Symbol.iterator](): Iterator<PoolRequest> {
    const requests = [...this.lines.values()].flatMap((line) => [...line])
    yield* requests.sort((a, b) => a.sequence - b.sequence)
  }

  private left(key: string, line: Ring<PoolRequest>): void {
    this.size--
    if (line.size > 0) return
    this.lines.delete(key)
    this.byPlaces.delete(key)
  }

  private placesOf(key: string): number {
    return this.flows.find(key)?.places ?? 0
  }
}
