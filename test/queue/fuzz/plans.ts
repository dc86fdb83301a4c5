/** Random disciplines, and the requests that come to them. */
import * as Limit from "../../../src/Limit.ts"
import type { Discipline } from "../../../src/Discipline.ts"
import type { Strategy } from "../../../src/PoolConfig.ts"
import type { Random } from "../../support/random.ts"
import { disciplineOf, requestOf, valuesOf } from "../support.ts"

export interface Plan {
  readonly discipline: Discipline
  readonly capacity: number
  readonly maxScheduled: number
  readonly strategy: Strategy
  readonly keys: ReadonlyArray<string>
  readonly priorities: ReadonlyArray<number>
}

export const tags = ["Send", "Read", "Count"]
/** Some that would be taken for others if they were merely put together. */
const entities = ["a", "b", "1:a", "", "/", undefined]

const rateOf = (random: Random): Limit.Rate => {
  const limit = random.of([1, 2, 10, 3])
  return { limit, period: random.of([10, 100, 1000]), burst: random.of([1, limit, 2 * limit]) }
}

const perOf = (random: Random): Limit.Per =>
  random.of<Limit.Per>([
    "pool",
    "tag",
    "key",
    (_, { entity }) => entity,
    (tag, { entity }) => (tag === "Read" ? undefined : entity)
  ])

const limitOf = (random: Random, name: string): Limit.Limit => {
  const kind = random.below(4)
  const tagged = random.below(3) === 0 ? { tags: [random.of(tags)] } : {}
  const per = perOf(random)
  if (kind === 0) return Limit.serial(per, { name, ...tagged })
  const concurrency = random.of([1, 2, 3])
  const until = random.of(["attempt", "request"] as const)
  const rate = rateOf(random)
  if (kind === 1) return Limit.make({ name, per, rate, ...tagged })
  return Limit.make(
    kind === 2 ? { name, per, concurrency, until, ...tagged } : { name, per, concurrency, until, rate, ...tagged }
  )
}

export const changeOf = (random: Random, { concurrency, rate }: Limit.Limit): Limit.Change => ({
  ...(concurrency === Infinity ? {} : { concurrency: random.of([1, 2, 3, 5]) }),
  ...(rate === undefined || random.below(2) === 0 ? {} : { rate: rateOf(random) })
})

export const planOf = (random: Random): Plan => {
  const weights = Array.from({ length: 8 }, () => random.of([0.1, 0.3, 1, 1, 2, 4]))
  const keys = Array.from({ length: random.of([1, 2, 3, 8]) }, (_, at) => (at === 0 ? "" : `key ${at}`))
  const isBounded = random.below(3) === 0
  return {
    keys,
    priorities: random.of([[0], [0, 0, 1], [-10, -1, 0, 5, 10]]),
    maxScheduled: Infinity,
    capacity: isBounded ? random.of([1, 4, 10]) : Infinity,
    strategy: random.of(["suspend", "suspend", "dropping", "sliding"] as const),
    discipline: disciplineOf({
      key: () => "",
      weight: random.below(2) === 0 ? undefined : (key) => weights[Number(key.at(-1) ?? 0)]!,
      agingMillis: random.of([1, 100, 30_000, Infinity]),
      order: random.of(["fifo", "fifo", "lifo"] as const),
      forgetKeys: random.of([0, 2, 10_000]),
      keyCapacity: random.of(["none", "dynamic", 2] as const),
      limits: Array.from({ length: random.below(5) }, (_, at) => limitOf(random, `limit${at}`))
    })
  }
}

export const comes = (random: Random, { discipline, keys, priorities }: Plan, now: number) => {
  const tag = random.of(tags)
  const values = valuesOf(discipline.limits, tag, { entity: random.of(entities) })
  return requestOf({ key: random.of(keys), tag, priority: random.of(priorities), values }, now)
}
