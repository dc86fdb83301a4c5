/** One random sequence of what can happen to a queue, step by step beside the naive one. */
import { isDue } from "../../../src/internal/deadlines.ts"
import * as Limit from "../../../src/Limit.ts"
import { insideOf } from "./laws.ts"
import type { Entry } from "./naive.ts"
import { changeOf, comes, tags } from "./plans.ts"
import { Broken, World } from "./world.ts"

export class Sequence extends World {
  step(): void {
    const roll = this.random.below(100)
    if (roll < 26) this.come()
    else if (roll < 50) this.take()
    else if (roll < 64) this.end(this.any((entry) => entry.isRunning))
    else if (roll < 68) this.settle(this.any((entry) => entry.isRunning && !entry.hasEnded))
    else if (roll < 73) this.release(this.any(({ place }) => place === "delayed"))
    else if (roll < 78) this.withdraw(this.any(({ place }) => place !== "none"))
    else if (roll < 88) this.pass(this.random.of([0, 1, 1, 5, 10, 100, 1000]))
    else if (roll < 90) this.change()
    else if (roll < 93) this.pause(this.random.below(2) === 0)
    else if (roll < 94) this.resumeAll()
    else if (roll < 96) this.close(this.any((entry) => !entry.hasEnded && entry.place !== "blocked"))
    else if (roll < 98) this.prioritize(this.any(({ place }) => place === "waiting" || place === "delayed"))
    else this.takeOut(this.any(({ place }) => place === "waiting"))
    this.check()
  }

  /** Everything comes to its end, and then nothing is remembered. */
  finish(): void {
    this.resumeAll()
    const { naive, queue } = this
    for (let rounds = 0; naive.entries.size > 0; rounds++) {
      if (rounds > 5000) throw new Broken(`${naive.entries.size} never end`)
      while (this.take());
      for (const entry of naive.entries) if (entry.isRunning) this.end(entry, "succeeds")
      for (const entry of naive.in("delayed")) this.release(entry)
      this.check()
      this.pass(this.alarm.at === Infinity ? 1000 : Math.max(0, this.alarm.at - this.now))
    }
    const { flows, gates } = queue.fair!
    flows.virtual = 1e15
    for (let looks = 0; looks < 1000; looks++) {
      flows.sweep(this.now + 1e9)
      gates.limits.sweep(this.now + 1e9)
    }
    const { crowded, timed } = insideOf(gates)
    const lingers = gates.limits.all.map(({ byValue, gates, lingering, limit, running }) => {
      const ofTags = tags.filter((tag) => limit.tags?.has(tag) !== false).length
      const kept = limit.per === "pool" ? 1 : limit.per === "tag" ? ofTags : 0
      return gates > kept || byValue.size + lingering.size + running > 0
    })
    const left = [flows.size, queue.waiting, queue.delayed, queue.blocked, timed.size, crowded.size, gates.heldBack]
    if (left.some((count) => count > 0) || lingers.includes(true) || this.alarm.at !== Infinity)
      throw new Broken(`something is left: ${left.join(" ")} ${lingers.join(" ")} ${this.alarm.at}`)
  }

  private any(fits: (entry: Entry) => boolean): Entry | undefined {
    const found = [...this.naive.entries].filter(fits)
    return found.length === 0 ? undefined : this.random.of(found)
  }

  private come(): void {
    const { naive, queue } = this
    const request = comes(this.random, this.plan, this.now)
    const entry: Entry = {
      request,
      tag: request.tag,
      key: request.key,
      priority: request.policy.priority,
      place: "none",
      isRunning: false,
      counts: false,
      hasEnded: false,
      goesFirst: false
    }
    this.tell("comes", entry)
    const places = queue.waiting + queue.delayed
    const offered = queue.offer(request)
    if (offered === "full") {
      if (this.plan.strategy !== "dropping") throw new Broken("refused")
      return
    }
    naive.entries.add(entry)
    this.byRequest.set(request, entry)
    if (offered === "blocked") {
      entry.place = "blocked"
      return
    }
    if (offered === "accepted" && places >= this.plan.capacity) throw new Broken("let in though it is full")
    if (typeof offered === "object") this.evict(offered, places < this.plan.capacity ? entry.key : undefined)
    naive.wait(entry, false)
  }

  /** An attempt has really ended; what comes then is what can come in a pool. */
  private end(
    entry: Entry | undefined,
    how: "succeeds" | "waits" | "comes back" | "is put back" = this.random.of([
      "succeeds",
      "succeeds",
      "succeeds",
      "waits",
      "comes back",
      "is put back"
    ] as const)
  ): void {
    if (entry === undefined) return
    const { naive, now, queue } = this
    const { request } = entry
    this.tell(`ends, ${how}:`, entry)
    queue.ended(request, this.random.of([0, 1, 10, 100]), now)
    entry.isRunning = false
    if (entry.hasEnded) return this.over(entry)
    if (how === "succeeds") return this.over(entry)
    if (how === "is put back") {
      if (this.random.below(2) === 0) this.close(entry)
      request.elapse(now)
      queue.putBack(request, now)
      naive.wait(entry, true)
      return
    }
    request.elapse(now)
    queue.hold(request)
    entry.place = "delayed"
    if (how === "comes back") this.release(entry)
  }

  /** Its caller has its answer; if an attempt of it runs, that goes on for a while. */
  private settle(entry: Entry | undefined): void {
    if (entry === undefined) return
    this.tell("is settled, and still runs:", entry)
    entry.request.phase = "ended"
    this.queue.settled(entry.request, this.now)
    entry.hasEnded = true
  }

  private release(entry: Entry | undefined): void {
    if (entry === undefined) return
    this.tell("comes back", entry)
    entry.request.elapse(this.now)
    this.queue.release(entry.request, this.now)
    this.naive.wait(entry, this.waitsFirst(entry))
  }

  private withdraw(entry: Entry | undefined): void {
    if (entry === undefined) return
    this.tell("is withdrawn", entry)
    this.queue.withdraw(entry.request, this.now)
    this.naive.leave(entry)
    this.over(entry)
  }

  private pass(millis: number): void {
    this.tell(`${millis} ms pass`)
    this.now += millis
    if (!isDue(this.alarm.at, this.now)) return
    this.alarm.at = Infinity
    this.queue.fair!.gates.onAlarm(this.now)
  }

  private change(): void {
    const { flows, gates } = this.queue.fair!
    if (this.naive.limits.length === 0) return
    const before = this.random.of(this.naive.limits)
    const limit = Limit.change(before, changeOf(this.random, before))
    this.tell(`${limit.name} is ${limit.concurrency}, ${JSON.stringify(limit.rate)}`)
    gates.change(gates.limits.find(limit.name)!, limit, flows.all, this.now)
    this.naive.change(limit, this.now)
  }

  private pause(paused: boolean): void {
    const { flows, gates } = this.queue.fair!
    const { naive, now, plan, random } = this
    const what = random.of(["tag", "key", "limit"] as const)
    const name = random.of(what === "tag" ? tags : what === "key" ? plan.keys : naive.limits.map(({ name }) => name))
    if (name === undefined) return
    this.tell(`${paused ? "pause" : "resume"} ${what} ${name}`)
    if (what === "tag") gates.pause(gates.tag(name), paused, now)
    else if (what === "limit") gates.pauseLimit(gates.limits.find(name)!, paused, flows.all, now)
    else {
      const flow = flows.of(name)
      gates.pause(flow, paused, now)
      flows.release(flow)
    }
    if (paused) naive.paused.add(`${what} ${name}`)
    else naive.paused.delete(`${what} ${name}`)
  }

  private resumeAll(): void {
    this.tell("resume all")
    this.queue.resumeAll(this.now)
    this.naive.paused.clear()
  }

  private close(entry: Entry | undefined): void {
    if (entry === undefined) return
    const at = this.random.of(["pool", "key", "tag", ...this.naive.limits.map(({ name }) => name)])
    const millis = this.random.of([1, 10, 100, 2000])
    this.tell(`nothing of ${at} for ${millis} ms, says`, entry)
    this.queue.notBefore(entry.request, at, this.now, millis)
    this.naive.close(entry, at, this.now + millis)
  }

  private prioritize(entry: Entry | undefined): void {
    if (entry === undefined) return
    const priority = this.random.of(this.plan.priorities)
    this.tell(`has priority ${priority}:`, entry)
    const { place } = entry
    this.naive.leave(entry)
    entry.priority = priority
    this.queue.setPriority(entry.request, priority, this.now)
    if (place === "waiting") this.naive.wait(entry, this.waitsFirst(entry))
    else entry.place = place
  }

  private takeOut(entry: Entry | undefined): void {
    if (entry === undefined) return
    const isHeldBack = this.naive.obstacles(entry, this.now, this.naive.running()).length > 0
    if (this.queue.isHeldBack(entry.request, this.now) !== isHeldBack)
      throw new Broken(`${entry.request.sequence} is ${isHeldBack ? "" : "not "}held back`)
    if (isHeldBack) return
    this.tell("is taken out", entry)
    this.queue.takeOut(entry.request, this.now)
    this.started(entry)
  }
}
