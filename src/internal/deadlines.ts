/**
 * All the instants at which the pool has to act, behind one timer: timeouts, expiries, delays, graces, the drain.
 *
 * Deadlines of equal length fall due in the order in which they were set, so each length has a linked list, and a heap
 * orders the few lists: setting and clearing cost the same however many there are (the scheme of Node's own timers).
 * Those of the workers are set and cleared with each attempt and seldom come true. They stand in no list: to set one is to
 * write it, and when the earliest may be due all of them are looked at (at most 16 % of W1a; a look at 10,000 takes 0.03 ms).
 */
import type { Alarm, Turn } from "./runtime.ts"
import type { Time } from "./time.ts"

/** One instant. It can be set again once it was cleared or has fired. */
export class Deadline {
  at = Infinity
  /** How often the alarm had been set by then. */
  alarms = 0
  list: List | undefined
  previous: Deadline | undefined
  next: Deadline | undefined
  /** Written by `watch` and `unwatch`. */
  watched = false
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

/**
 * An alarm later than this tells that the process was stopped, or busy for long. What came for it meanwhile, a handler's
 * answer perhaps, is read before anything is due.
 */
const lateMillis = 20

/** A nanosecond, the grain of clocks: sums of fractions may miss an instant by less, and a shorter sleep would be none. */
export const grainMillis = 1e-6

export class Deadlines {
  private readonly lists = new Map<number, List>()
  private readonly heap: Array<List> = []
  private readonly watched = new Set<Deadline>()
  /** No watched deadline falls due before this, but for those in `due`. */
  private lookAt = Infinity
  /** Watched ones that have fallen due and are still to fire, the last first. */
  private due: Array<Deadline> = []
  private readonly time: Time
  private readonly alarm: Alarm
  private readonly turn: Turn
  /** When the alarm rings; `-Infinity` while deadlines are being fired. */
  private ringsAt = Infinity
  private alarms = 0
  /**
   * The longest that the alarm may sleep: each time twice as long. Where the clock does not keep up with the timers that
   * shows in the first milliseconds; an hour costs 22 rings in place of one.
   */
  private longest = 1
  private stopped = false

  constructor(time: Time, alarm: Alarm, turn: Turn) {
    this.time = time
    this.alarm = alarm
    this.turn = turn
  }

  /** From now on this one is looked at, and not put into a list. */
  watch(deadline: Deadline): void {
    deadline.watched = true
    this.watched.add(deadline)
  }

  unwatch(deadline: Deadline): void {
    this.clear(deadline)
    this.watched.delete(deadline)
    deadline.watched = false
  }

  /** `millis` is a whole number, or `Infinity`, which sets nothing. */
  set(deadline: Deadline, now: number, millis: number): void {
    deadline.alarms = this.alarms
    if (deadline.watched) {
      deadline.at = now + millis
      if (deadline.at >= this.lookAt) return
      this.lookAt = deadline.at
      if (deadline.at < this.ringsAt && !this.stopped) this.arm(deadline.at, now)
      return
    }
    this.clear(deadline)
    if (millis === Infinity) return
    this.link(deadline, now + millis, millis)
    if (deadline.at < this.ringsAt && !this.stopped) this.arm(deadline.at, now)
  }

  private link(deadline: Deadline, at: number, millis: number): void {
    deadline.at = at
    let list = this.lists.get(millis)
    if (list === undefined) {
      list = { millis, head: undefined, last: undefined, earliest: deadline.at }
      this.lists.set(millis, list)
      this.heap.push(list)
      this.siftUp(this.heap.length - 1)
    }
    // `now` may be a little older than that of the last one set: what ran between the two took its time.
    let before = list.last
    while (before !== undefined && before.at > deadline.at) before = before.previous
    const after = before === undefined ? list.head : before.next
    deadline.list = list
    deadline.previous = before
    deadline.next = after
    if (before === undefined) list.head = deadline
    else before.next = deadline
    if (after === undefined) list.last = deadline
    else after.previous = deadline
    if (deadline.at < list.earliest) {
      list.earliest = deadline.at
      this.siftUp(this.heap.indexOf(list))
    }
  }

  clear(deadline: Deadline): void {
    if (deadline.watched) {
      deadline.at = Infinity
      return
    }
    const { list, next, previous } = deadline
    if (list === undefined) return
    if (previous === undefined) list.head = next
    else previous.next = next
    if (next === undefined) list.last = previous
    else next.previous = previous
    deadline.list = deadline.previous = deadline.next = undefined
    deadline.at = Infinity
  }

  /** Nothing fires any more. */
  stop(): void {
    this.stopped = true
    this.alarm.clear()
  }

  private arm(at: number, now: number): void {
    this.ringsAt = at
    const wait = at - now
    if (wait <= 0) return this.turn.defer(this.fire)
    const sleep = Math.min(
      this.longest,
      wait > tieBreakMillis + grainMillis ? wait - tieBreakMillis : Math.max(wait, grainMillis)
    )
    this.alarms++
    this.time.set(now, sleep)
    this.alarm.set(sleep, this.ring)
  }

  private readonly ring = (): void => {
    this.longest *= 2
    const { time } = this
    const isLate = time.lateMillis > lateMillis
    const millis = time.rang()
    if (millis > 0) this.postpone(millis)
    if (!isLate) return this.fire()
    this.ringsAt = -Infinity
    this.turn.defer(this.fire)
  }

  /**
   * The alarm has rung, and the time was moved on for it. It tells of those alone that it was set for or after: what was
   * set since has all of its time before it.
   */
  private postpone(millis: number): void {
    const isLater = (deadline: Deadline) => deadline.alarms === this.alarms && deadline.at !== Infinity
    for (const deadline of this.watched) if (isLater(deadline)) deadline.at += millis
    for (const list of this.lists.values()) {
      const later: Array<Deadline> = []
      for (let at = list.head; at !== undefined; at = at.next) if (isLater(at)) later.push(at)
      for (const deadline of later) {
        const at = deadline.at + millis
        this.clear(deadline)
        this.link(deadline, at, list.millis)
      }
    }
  }

  /** Fires what is due. Whoever sets a deadline is never called back from there: this runs only when the alarm rings. */
  private readonly fire = (): void => {
    this.ringsAt = -Infinity
    let now = this.time.now()
    while (isDue(this.earliest(), now)) {
      if (this.turn.isOver(now)) return this.turn.defer(this.fire)
      this.fireNext(now)
      now = this.time.now()
    }
    this.ringsAt = Infinity
    const earliest = this.earliest()
    if (earliest !== Infinity && !this.stopped) this.arm(earliest, now)
  }

  private earliest(): number {
    return this.due.length > 0 ? -Infinity : Math.min(this.lookAt, this.earliestListed)
  }

  private get earliestListed(): number {
    return this.heap.length === 0 ? Infinity : this.heap[0]!.earliest
  }

  private fireNext(now: number): void {
    if (this.due.length === 0) {
      if (this.earliestListed < this.lookAt) this.fireListed(now)
      else this.look(now)
      return
    }
    const deadline = this.due.pop()!
    // It may have been cleared, or set again, since.
    if (!isDue(deadline.at, now)) return
    deadline.at = Infinity
    deadline.onDue(now)
  }

  private look(now: number): void {
    this.lookAt = Infinity
    for (const deadline of this.watched) {
      if (isDue(deadline.at, now)) this.due.push(deadline)
      else if (deadline.at < this.lookAt) this.lookAt = deadline.at
    }
    // Of two for the same instant the one that was watched first comes first.
    if (this.due.length > 1) this.due.sort((a, b) => a.at - b.at).reverse()
  }

  private fireListed(now: number): void {
    const list = this.heap[0]!
    const { head } = list
    if (head === undefined) {
      this.lists.delete(list.millis)
      const last = this.heap.pop()!
      if (this.heap.length > 0) {
        this.heap[0] = last
        this.siftDown()
      }
    } else if (!isDue(head.at, now)) {
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

/** Whether that instant has come. */
export const isDue = (at: number, now: number): boolean => at <= now + grainMillis
