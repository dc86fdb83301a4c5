/**
 * All the instants at which the pool has to act, behind one timer: timeouts, expiries, delays, graces, the drain.
 *
 * Deadlines of equal length fall due in the order in which they were set, so each length has a linked list, and a heap
 * orders the few lists: setting and clearing cost the same however many there are (the scheme of Node's own timers).
 */
import { Clock, Duration, Effect } from "effect"
import type { Turn } from "./runtime.ts"

/** One instant. It can be set again once it was cleared or has fired. */
export class Deadline {
  at = Infinity
  list: List | undefined
  previous: Deadline | undefined
  next: Deadline | undefined
  readonly onDue: (now: number) => void

  constructor(onDue: (now: number) => void) {
    this.onDue = onDue
  }
}

/** Deadlines of one length. `earliest` may be too early after a removal: it is corrected when it comes up. */
interface List {
  readonly millis: number
  head: Deadline | undefined
  last: Deadline | undefined
  earliest: number
}

/**
 * The timer wakes this much before an instant and once more at it, so that a handler's own sleep to the same
 * millisecond, set since, comes first: an end that came from the handler wins. A power of two, to lose no precision.
 */
const tieBreakMillis = 0.25

export class Deadlines {
  private readonly lists = new Map<number, List>()
  private readonly heap: Array<List> = []
  private readonly now: () => number
  private wake: (() => void) | undefined
  private wakesAt = Infinity

  constructor(now: () => number) {
    this.now = now
  }

  /** `millis` is a whole number, or `Infinity`, which sets nothing. */
  set(deadline: Deadline, now: number, millis: number): void {
    this.clear(deadline)
    if (millis === Infinity) return
    deadline.at = now + millis
    let list = this.lists.get(millis)
    if (list === undefined) {
      list = { millis, head: undefined, last: undefined, earliest: deadline.at }
      this.lists.set(millis, list)
      this.heap.push(list)
      this.siftUp(this.heap.length - 1)
    }
    deadline.list = list
    deadline.previous = list.last
    if (list.last === undefined) list.head = deadline
    else list.last.next = deadline
    list.last = deadline
    if (deadline.at < this.wakesAt) {
      this.wakesAt = deadline.at
      this.wake?.()
    }
  }

  clear(deadline: Deadline): void {
    const { list, next, previous } = deadline
    if (list === undefined) return
    if (previous === undefined) list.head = next
    else previous.next = next
    if (next === undefined) list.last = previous
    else next.previous = previous
    deadline.list = deadline.previous = deadline.next = undefined
    deadline.at = Infinity
  }

  /** The fiber that fires what is due, for ever. It yields when the turn is used up, however much falls due at once. */
  readonly reaper = (turn: Turn): Effect.Effect<never> =>
    Effect.forever(
      Effect.suspend(() => {
        let now = this.now()
        while (this.earliest() <= now) {
          if (turn.isOver(now)) return Effect.yieldNow
          this.fireNext(now)
          now = this.now()
        }
        this.wakesAt = this.earliest()
        const wait = this.wakesAt - now
        return wait === Infinity ? this.parked : Effect.raceFirst(sleepBefore(wait), this.parked)
      }),
      { disableYield: true }
    )

  private readonly parked = Effect.callback<void>((resume) => {
    this.wake = () => {
      this.wake = undefined
      resume(Effect.void)
    }
  })

  private earliest(): number {
    return this.heap.length === 0 ? Infinity : this.heap[0]!.earliest
  }

  private fireNext(now: number): void {
    const list = this.heap[0]!
    const { head } = list
    if (head === undefined) {
      this.lists.delete(list.millis)
      const last = this.heap.pop()!
      if (this.heap.length > 0) {
        this.heap[0] = last
        this.siftDown()
      }
    } else if (head.at > now) {
      list.earliest = head.at
      this.siftDown()
    } else {
      this.clear(head)
      head.onDue(now)
    }
  }

  private siftUp(index: number): void {
    const { heap } = this
    const list = heap[index]!
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (heap[parent]!.earliest <= list.earliest) break
      heap[index] = heap[parent]!
      index = parent
    }
    heap[index] = list
  }

  private siftDown(): void {
    const { heap } = this
    const list = heap[0]!
    let index = 0
    for (;;) {
      let child = 2 * index + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && heap[child + 1]!.earliest < heap[child]!.earliest) child++
      if (heap[child]!.earliest >= list.earliest) break
      heap[index] = heap[child]!
      index = child
    }
    heap[index] = list
  }
}

const sleepBefore = (wait: number): Effect.Effect<void> =>
  Clock.clockWith((clock) => clock.sleep(Duration.millis(wait > tieBreakMillis ? wait - tieBreakMillis : wait)))
