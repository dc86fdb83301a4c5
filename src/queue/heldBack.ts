/** How much of what waits could not start now, were there any number of workers. */
import type { Lane } from "./flow.ts"
import type { Gate } from "./gate.ts"
import type { Gates } from "./gates.ts"
import type { Ranked } from "./ranked.ts"

/** What counts those that are parked. */
interface Counted {
  readonly heldBack: number
}

/** Of more lanes than this nobody asks how much of them could start: it is asked at each look of a Scaler. */
const mostLooked = 1000

/**
 * What is parked, and what waits in other lanes beyond the room of their gates: while all workers are busy nobody has tried it, and
 * a thousand more workers would find the gate closed behind the first few. Too low by what more lanes than are looked at have of it.
 */
export class HeldBack {
  total: number
  private readonly beyond = new Map<Counted, number>()

  constructor(gates: Gates, ready: Iterable<Lane>, now: number) {
    this.total = gates.heldBack
    if (!gates.areAny) return
    const places = new Map<Gate, number>()
    let looked = 0
    for (const lane of ready) {
      if (looked++ === mostLooked) break
      const closed = gates.closed(lane, now)
      if (closed !== undefined) this.add(lane, lane.size, closed)
      else {
        const { at, starts } = startsOf(lane, places, now)
        if (at !== undefined) this.add(lane, lane.size - starts, at)
      }
    }
  }

  /** Of this tag, key, limit or gate. */
  of(counted: Counted): number {
    return counted.heldBack + (this.beyond.get(counted) ?? 0)
  }

  private add({ flow, tag }: Lane, requests: number, gate: Gate): void {
    this.total += requests
    for (const counted of [tag, flow, gate, gate.limit]) {
      if (counted !== undefined) this.beyond.set(counted, (this.beyond.get(counted) ?? 0) + requests)
    }
  }
}

/** How many of a lane could start, which takes their places, and the gate at which the others would wait. */
const startsOf = (lane: Lane, places: Map<Gate, number>, now: number) => {
  const { gates, head, size, tag } = lane
  let starts = size
  let at: Gate | undefined
  // Where attempts are counted, and not starts, a batch is one.
  const eachOf = ({ limit, tokens }: Gate): number =>
    limit!.interval === 0 && tokens === undefined && limit!.limit.until === "attempt" ? (tag.batching?.size ?? 1) : 1
  for (const gate of gates) {
    const left = places.get(gate) ?? gate.places(now)
    places.set(gate, left)
    if (left * eachOf(gate) >= starts) continue
    starts = left * eachOf(gate)
    at = gate
  }
  // One that counts at its gates already needs no place.
  if (starts === 0 && (head as Ranked).holds === true) starts = 1
  for (const gate of gates) places.set(gate, Math.max(0, places.get(gate)! - Math.ceil(starts / eachOf(gate))))
  return { starts, at }
}
