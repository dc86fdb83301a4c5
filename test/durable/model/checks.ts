/** What must hold after each command, and what in the end. */
import { isDeepStrictEqual } from "node:util"
import { Effect, Scheduler } from "effect"
import { lawViolations } from "../../../src/durable/service.ts"
import type { RequestRecord } from "../../../src/durable/Store.ts"
import { storeTimeoutMillis } from "./commands.ts"
import type { Received, World } from "./world.ts"
import { mostDeliveries } from "./world.ts"

/** What the store has, whatever else goes wrong with it; `undefined`: it is away. */
export const looked = <A>(world: World, ask: Effect.Effect<A, unknown>): Effect.Effect<A | undefined> =>
  Effect.suspend(() => {
    if (world.reach === "away") return Effect.succeed(undefined)
    const { faults } = world.memory
    faults.setPace(0, 0)
    faults.setReach("here")
    return Effect.ensuring(
      Effect.orDie(ask),
      Effect.sync(() => {
        faults.setReach(world.reach)
        faults.setPace(...world.pace)
      })
      // Nobody else has a turn meanwhile.
    ).pipe(Effect.provideService(Scheduler.PreventSchedulerYield, true))
  })

/** The law holds, an end stays what it was, and nobody holds more than it may. */
export const breaches = (world: World): Effect.Effect<ReadonlyArray<string>> =>
  Effect.gen(function* () {
    const problems = [...world.breaches]
    const ids = Array.from(world.asked.values(), ({ id }) => id)
    const seen = yield* looked(world, Effect.all([world.observer.counts, world.observer.ends(ids)]))
    if (seen !== undefined) {
      const [counts, ends] = seen
      problems.push(...lawViolations(counts))
      const now = new Map(ends.map((end) => [end.id, JSON.stringify(end)]))
      for (const [id, end] of now) {
        if (world.ends.has(id)) continue
        world.ends.set(id, end)
        world.endedAt.set(id, world.step)
      }
      for (const [id, end] of world.ends) {
        if (now.get(id) !== end) problems.push(`the end of ${id} was ${end}, and is ${now.get(id)}`)
      }
    }
    if (!world.faults.has("freeze")) problems.push(...lateCalls(world))
    for (const process of world.processes) {
      const { held } = yield* process.durable.local
      if (held > process.maxHeld) problems.push(`${process.name} holds ${held}, more than ${process.maxHeld}`)
    }
    return problems
  })

/** A call has its answer soon after the time that it may wait for the store. */
const lateCalls = (world: World): ReadonlyArray<string> =>
  [...world.submitting].flatMap(({ key, process, since }) =>
    process.state === "live" && world.now - since > storeTimeoutMillis + 2_000
      ? [`the call of request ${key} waits for the store since ${since}`]
      : []
  )

/**
 * Where nothing goes wrong, and all had their turn: whoever runs what somebody else has ended has heard of it. What is told before its
 * claim is answered is heard of at the next beat.
 */
export const deafRuns = (world: World): ReadonlyArray<string> =>
  world.faults.size > 0
    ? []
    : [...world.running].flatMap(({ id, key, process, step }) =>
        step < (world.endedAt.get(id) ?? 0) ? [`${process.name} has not heard that request ${key} has ended`] : []
      )

/** Some seconds after nothing goes wrong any more: nobody runs what has ended, or what others have. */
export const lateRuns = (world: World): Effect.Effect<ReadonlyArray<string>> =>
  Effect.gen(function* () {
    const problems: Array<string> = []
    for (const { deliveries, id, key, process } of world.running) {
      if (process.state !== "live") continue
      const record = yield* Effect.orDie(world.observer.find(id))
      if (record?.state === "ended") problems.push(`${process.name} still runs request ${key}, which has ended`)
      else if (record!.deliveries > deliveries)
        problems.push(`${process.name} still runs request ${key}, which others have`)
    }
    return problems
  })

/** What is known of the claims that processes had. */
const claimsOf = (world: World, id: string): ReadonlyArray<Received> =>
  world.received.filter(({ claim }) => claim.request.id === id)

/** Once nothing goes wrong any more, and all has had time to end. */
export const finalBreaches = (world: World): Effect.Effect<ReadonlyArray<string>> =>
  Effect.gen(function* () {
    const problems = [...(yield* breaches(world))]
    const records = new Map<string, RequestRecord>()
    for (const { id, isAcknowledged, key } of world.asked.values()) {
      const record = yield* Effect.orDie(world.observer.find(id))
      if (record !== undefined) records.set(id, record)
      else if (isAcknowledged) problems.push(`request ${key} was said to be stored, and is not there`)
      if (record !== undefined && record.state !== "ended") problems.push(`request ${key} is ${record.state} for ever`)
    }
    for (const { answer, id, process } of world.waiters) {
      if (world.isGone(process) || process.state === "closing") continue
      const end = records.get(id)?.end
      if (answer === undefined) problems.push(`${process.name} waits for ${id} for ever`)
      else if (answer.end !== end?.end || answer.deliveries !== end.deliveries)
        problems.push(`${process.name} heard of ${id} ${answer.end}, and it has ${end?.end}`)
    }
    for (const { fiber, id, process } of world.executing) {
      if (world.isGone(process) || process.state === "closing" || fiber.pollUnsafe() !== undefined) continue
      problems.push(`a caller in ${process.name} waits for ${id} for ever`)
    }
    for (const asked of world.asked.values()) {
      const record = records.get(asked.id)
      if (record?.end !== undefined) problems.push(...ofOne(world, asked.id, asked.key, asked.attempts, record))
    }
    return problems
  })

const ofOne = (world: World, id: string, key: number, attempts: number, record: RequestRecord): Array<string> => {
  const problems: Array<string> = []
  const { deliveries, end } = record
  const runs = world.runs.get(id) ?? 0
  const { faults } = world
  const claims = claimsOf(world, id)
  // A drain that stops an attempt gives it back counted, and takes no request's chance.
  const drains = world.processes.filter(({ state }) => state === "closed" || state === "closing").length
  if (deliveries > mostDeliveries + drains) problems.push(`request ${key} was delivered ${deliveries} times`)
  if (runs > (deliveries + 1) * attempts) problems.push(`request ${key} ran ${runs} times in ${deliveries} deliveries`)
  const hurts = ["crash", "poison", "freeze", "answersLost", "flaky", "drain"].filter((fault) => faults.has(fault))
  if (hurts.length === 0 && deliveries > 1) {
    problems.push(`request ${key} was delivered ${deliveries} times, and no process was hurt`)
  }
  if (hurts.length === 0 && runs > attempts) problems.push(`request ${key} ran ${runs} times, and no process was hurt`)
  if (end?.end === "interrupted") problems.push(`request ${key} has ended with a process`)
  if (end?.exit.includes("DeliveriesExhausted") === true) {
    if (deliveries < mostDeliveries) problems.push(`request ${key} is exhausted after ${deliveries} deliveries`)
    // Two that end processes can hurt others even where a suspect runs alone.
    const asked = [...world.asked.values()]
    const poisons = asked.filter(({ behaviour }) => behaviour === "poison")
    if (hurts.join() === "poison" && poisons.length === 1 && poisons[0]!.id !== id) {
      problems.push(`request ${key} is exhausted for what another did`)
    }
  }
  if (end?.end === "succeeded" && !claims.some((received) => isSame(received, record))) {
    problems.push(`the end of request ${key} is none that anybody has made`)
  }
  problems.push(...ofLapses(world, id, key, record, claims))
  return problems
}

const isSame = ({ record: made }: Received, { end }: RequestRecord): boolean =>
  made !== undefined && end !== undefined && isDeepStrictEqual(made, end)

/** Who has lost a claim hears of it, and nobody else. */
const ofLapses = (
  world: World,
  id: string,
  key: number,
  record: RequestRecord,
  claims: ReadonlyArray<Received>
): Array<string> => {
  const problems: Array<string> = []
  const isOfOthers = ["cancelled", "expired"].includes(record.end!.end) || record.end!.exit.includes("Exhausted")
  for (const { claim, isReturned, process: name } of claims) {
    const process = world.processes.find((each) => each.name === name)
    if (process === undefined || world.isGone(process) || process.state === "closing") continue
    const later = claims.find((other) => other.claim.fence > claim.fence)
    if (later === undefined || isReturned || isOfOthers) continue
    world.fenced++
    if (!process.lapsed.has(id))
      problems.push(`${name} has lost request ${key} to ${later.process}, and never heard of it`)
  }
  for (const process of world.processes) {
    if (!process.lapsed.has(id)) continue
    const own = claims.filter((received) => received.process === process.name)
    const isLost = own.some((received) => {
      return !isSame(received, record) || claims.some(({ claim }) => claim.fence > received.claim.fence)
    })
    if (!isLost) problems.push(`${process.name} was told that it has lost request ${key}, and its end counts`)
  }
  return problems
}
