/** Which threads there are and what runs on them, over random sequences of what threads and callers can do. */
import { describe, expect, it } from "@effect/vitest"
import { From, To } from "../../src/threads/messages.ts"
import { randomOf, type Random } from "../support/random.ts"
import { type FakeHost, FleetWorld, idleForMillis, killAfterMillis, type Limits } from "./fleetWorld.ts"

const sequences = Number(process.env["FLEET_SEQUENCES"] ?? 1500)
const firstSeed = Number(process.env["FLEET_SEED"] ?? 1)

/** What the fleet promises, told by what the threads really do. */
const breachesOf = (world: FleetWorld): ReadonlyArray<string> => {
  const { fleet, limits, places, queue } = world
  const { max, min, spare } = limits
  const problems = [...world.breaches]
  for (const [key, count] of world.ends) if (count !== 1) problems.push(`${key} has ended ${count} times`)
  const { failure, stats } = fleet
  const stuck = fleet.all.filter(({ isStuck, task }) => isStuck && task !== undefined).length
  const computing = world.present.filter(({ runs }) => runs !== undefined).length
  const occupied = fleet.all.filter(({ task }) => task !== undefined)
  if (computing > occupied.length) problems.push(`${computing} compute, the fleet knows of ${occupied.length}`)
  const running = occupied.length - stuck
  if (running > max) problems.push(`${running} run, at most ${max} may`)
  if (world.isClosed) return problems
  const live = stats.starting + stats.idle + stats.busy
  const tasks = [...world.tasks.values()]
  const outside = tasks.filter(({ hasPlace, place }) => !hasPlace && place !== undefined).length
  const waiting = tasks.filter(({ place }) => place === undefined).length
  // It hears of those that have passed the gate when they come.
  const asked = tasks.length + queue.length
  const wanted = Math.max(min, Math.min(max, asked - stuck) + spare)
  if (live < wanted && !world.isHalted) problems.push(`${live} threads, ${wanted} are wanted`)
  if (live > max + spare) problems.push(`${live} threads, never more than ${max + spare}`)
  if (waiting > 0 && stats.idle > 0 && running < max) problems.push(`${waiting} wait beside an idle thread`)
  const able = failure === undefined ? stats.idle + occupied.length : Infinity
  const given = Math.max(0, Math.min(max + stuck, able) - outside)
  if (places.places !== given) problems.push(`${places.places} places, ${given} attempts can run`)
  if (queue.length > 0 && places.free > 0) problems.push(`${queue.length} are held back beside a free place`)
  if (queue.length + waiting > 0 && stats.starting + computing === 0) {
    if (stats.idle + stats.dying + world.promised.length === 0) problems.push("nobody is there for those who wait")
  }
  return problems
}

const step = (world: FleetWorld, random: Random, nextKey: () => number): string | undefined => {
  const { fleet } = world
  const pick = (is: (host: FakeHost) => boolean) => random.of(world.present.filter(is)) as FakeHost | undefined
  const roll = random.below(100)
  if (roll < 18) return (world.request(nextKey()), "request")
  if (roll < 34) return (world.arrive(), "arrive")
  if (roll < 38) return (world.submit(nextKey(), false), "outside")
  if (roll < 39) {
    const key = nextKey()
    world.unsendable.add(key)
    return (world.submit(key, false), "unsendable")
  }
  if (roll < 52) return (pick(({ state }) => state === "starting")?.ready(), "ready")
  if (roll < 66) return (pick(({ runs }) => runs !== undefined)?.answer(), "answer")
  if (roll < 70) {
    pick(({ runs }) => runs !== undefined)?.listener.onMessage([From.heard])
    return "heard"
  }
  if (roll < 77) {
    const host = pick(({ runs }) => runs !== undefined)
    const task = host && world.tasks.get(host.runs!)
    if (task !== undefined) fleet.killFor(task)
    return `kill ${host?.id}`
  }
  if (roll < 85) return (pick(({ isKilled, isTold }) => isKilled || isTold)?.exit(), "exit")
  if (roll < 88) return (pick(({ state }) => state === "ready")?.exit({ reason: "uncaught", detail: "bug" }), "crash")
  if (roll < 90) {
    const host = pick(({ state }) => state === "starting")
    host?.listener.onMessage([From.unusable, "no such module"])
    return (host?.exit(), "unusable")
  }
  if (roll < 91) {
    const thread = random.of(fleet.all) as (typeof fleet.all)[number] | undefined
    if (thread !== undefined) fleet.kill(thread, { reason: "outOfMemory", detail: "too much" })
    return "too much memory"
  }
  if (roll < 92) return ((world.cannotStart = !world.cannotStart), `cannot start: ${world.cannotStart}`)
  if (roll < 95) {
    const waiting = [...world.tasks].filter(([, { place }]) => place === undefined)
    const [key] = random.of(waiting) ?? []
    if (key !== undefined) world.withdraw(key)
    return "withdraw"
  }
  if (roll < 98) return (world.advance(random.of([10, killAfterMillis, idleForMillis])), "time")
  const { idle } = fleet.stats
  fleet.age()
  if (fleet.stats.idle < Math.min(idle, world.promised.length))
    world.breaches.push("a promised thread was ended for its age")
  return "age"
}

const limitsOf = (random: Random): Limits => {
  const max = 1 + random.below(3)
  return {
    max,
    min: random.below(max + 1),
    spare: random.below(3),
    recycleAfter: random.of([undefined, undefined, 1, 2])
  }
}

const runSequence = async (seed: number): Promise<void> => {
  const random = randomOf(seed)
  const limits = limitsOf(random)
  const world = new FleetWorld(limits)
  let lastKey = 0
  const done: Array<string> = []
  const check = async (what: string) => {
    done.push(what)
    await world.settled()
    await world.settled()
    const problems = breachesOf(world)
    if (problems.length > 0)
      expect.fail([`FLEET_SEED=${seed} ${JSON.stringify(limits)}`, ...problems, ...done].join("\n"))
  }
  await check("begin")
  for (let left = 20 + random.below(80); left > 0; left--) {
    const what = step(world, random, () => ++lastKey)!
    await check(what)
  }
  if (random.below(4) === 0) {
    world.isClosed = true
    world.fleet.close()
    await check("close")
    while (world.promised.length > 0) world.arrive()
    for (const host of world.present) host.exit()
    await check("all are gone")
    expect(world.fleet.all.length, `FLEET_SEED=${seed}`).toBe(0)
  } else {
    // All that waits is run, once threads can start and do what they should.
    world.cannotStart = false
    for (let turn = 0; turn < 1000 && world.tasks.size + world.promised.length + world.queue.length > 0; turn++) {
      for (const host of world.present) {
        if (host.isKilled || host.isTold) host.exit()
        else if (host.state === "starting") host.ready()
        else if (host.runs !== undefined) host.answer()
      }
      world.arrive()
      if (turn === 500) world.fleet.want()
      await check("serve")
    }
    const left = { tasks: world.tasks.size, promised: world.promised.length, queue: world.queue.length }
    expect(left, `FLEET_SEED=${seed}\n${done.join("\n")}`).toEqual({ tasks: 0, promised: 0, queue: 0 })
    // And when nothing is asked for there are as many threads as there are to be then.
    world.fleet.want()
    for (const host of world.present) if (host.state === "starting") host.ready()
    world.advance(idleForMillis)
    world.fleet.age()
    for (const host of world.present) if (host.isTold || host.isKilled) host.exit()
    await check("age")
    const { min, spare } = limits
    expect(world.fleet.all.length, `FLEET_SEED=${seed}\n${done.join("\n")}`).toBe(Math.max(min, spare))
  }
  for (let key = 1; key <= lastKey; key++)
    expect(world.ends.get(key) ?? 0, `${key} of FLEET_SEED=${seed}`).toBeLessThan(2)
}

describe("fleet", () => {
  it(
    `keeps its promises after every step of ${sequences} random sequences`,
    async () => {
      for (let seed = firstSeed; seed < firstSeed + sequences; seed++) await runSequence(seed)
    },
    Math.max(60_000, sequences * 100)
  )

  const worldOf = (limits: Partial<Limits>) => {
    const world = new FleetWorld({ min: 1, max: 2, spare: 0, recycleAfter: undefined, ...limits })
    for (const host of world.present) host.ready()
    return world
  }

  it("the thread that was used last is used first, so that the others age", () => {
    const world = worldOf({ min: 0, max: 3, spare: 0 })
    for (const key of [1, 2, 3]) world.request(key)
    world.fleet.want()
    for (const host of world.present) host.ready()
    for (const _ of [1, 2, 3]) world.arrive()
    for (const host of world.present) host.answer()
    for (const key of [4, 5]) {
      world.advance(idleForMillis - 1)
      world.request(key)
      world.arrive()
      expect(world.hosts.map(({ runs }) => runs)).toEqual([undefined, undefined, key])
      world.hosts[2]!.answer()
      world.fleet.age()
    }
    expect(world.hosts.map(({ isTold }) => isTold)).toEqual([true, true, false])
  })

  it("a stuck thread takes the place of none, and is not replaced for ever", () => {
    const world = worldOf({ min: 0, max: 1, spare: 0 })
    world.submit(1, false)
    world.hosts[0]!.ready()
    world.fleet.killFor(world.tasks.get(1)!)
    world.advance(killAfterMillis)
    expect(world.fleet.stats).toMatchObject({ stuck: 1, dying: 0, starting: 1 })
    world.hosts[1]!.ready()
    expect(world.places.places).toBe(1)
    world.request(2)
    world.arrive()
    expect(world.hosts[1]!.runs).toBe(2)
    world.hosts[1]!.answer()
    world.advance(idleForMillis)
    world.fleet.age()
    expect(world.fleet.stats).toMatchObject({ idle: 0, starting: 0, stuck: 1, dying: 1 })
    world.hosts[0]!.exit()
    expect(world.ends).toEqual(
      new Map([
        [1, 1],
        [2, 1]
      ])
    )
  })

  it("one that is killed before it is ready is not started again before somebody asks", () => {
    const world = worldOf({ min: 0, max: 1, spare: 0 })
    world.submit(1, false)
    world.fleet.kill(world.fleet.all[0]!, { reason: "outOfMemory", detail: "too much" })
    for (const host of world.present) host.exit()
    expect(world.fleet.failure).toBe("too much")
    expect(world.started).toBe(1)
    world.advance(idleForMillis)
    world.fleet.age()
    expect(world.started).toBe(1)
    world.submit(2, false)
    expect(world.started).toBe(2)
    expect(world.ends).toEqual(new Map([[1, 1]]))
  })

  it("an attempt that is interrupted while its answer is taken is not taken for the next one", () => {
    const world = worldOf({ min: 1, max: 1, spare: 0 })
    world.submit(1, false)
    world.submit(2, false)
    const [host, first] = [world.hosts[0]!, world.tasks.get(1)!]
    const sent: Array<number> = []
    host.post = ({ 0: kind, 3: key }) => {
      if (kind === To.run) host.runs = Number(key)
      sent.push(kind)
    }
    // The last that is done before the next attempt is under way.
    host.keepAlive = () => first.place!.interrupt(first)
    host.answer()
    expect([host.runs, sent, first.hasEnded]).toEqual([2, [To.run], true])
    const second = world.tasks.get(2)!
    second.place!.interrupt(second)
    expect(sent).toEqual([To.run, To.interrupt])
  })

  it("closing ends what is idle, kills what starts or runs, and lets nobody wait", () => {
    const world = worldOf({ min: 2, max: 2, spare: 1 })
    world.submit(1, false)
    world.submit(2, false)
    world.submit(3, false)
    expect(world.fleet.stats).toMatchObject({ busy: 2, starting: 1 })
    world.hosts[0]!.answer()
    expect(world.hosts[0]!.runs).toBe(3)
    world.hosts[1]!.answer()
    world.isClosed = true
    world.fleet.close()
    expect(world.hosts.map(({ isKilled, isTold }) => [isKilled, isTold])).toEqual([
      [true, false],
      [false, true],
      [true, false]
    ])
    world.submit(4, false)
    world.hosts[0]!.answer()
    for (const host of world.present) host.exit()
    expect(world.fleet.all).toEqual([])
    expect([...world.ends.values()]).toEqual([1, 1, 1, 1])
    expect(world.places.places).toBe(0)
  })
})
