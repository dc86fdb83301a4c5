/** What may follow a load: `@key=light*99,priority=0:9+5:1,type=Report`, whose its requests are and how urgent. */
import { Effect } from "effect"
import { Arrivals } from "../../Simulation.ts"
import { BadUsage } from "../errors.ts"
import { numberOf } from "../settings/quantities.ts"
import { parseArrivals } from "./loadFlags.ts"

const form = "LOAD@key=KEYS,priority=PRIORITIES,type=TYPE"
const keyForm =
  "NAME, NAME*COUNT for NAME-1 to NAME-COUNT, or several with + between and a share after a colon, such as a:3+b:1"
const priorityForm =
  "a whole number from -10 to 10, or several with + between and a share after a colon, such as 0:9+5:1"

/** Nobody tries more keys than this by hand. */
const mostKeys = 1_000_000

/** All loads together. */
export const parseLoads = (texts: ReadonlyArray<string>): Effect.Effect<Arrivals.Arrivals, BadUsage> =>
  Effect.map(Effect.forEach(texts, parseLoad), ([first, ...others]) => Arrivals.merge(first!, ...others))

const parseLoad = (text: string): Effect.Effect<Arrivals.Arrivals, BadUsage> =>
  Effect.gen(function* () {
    const at = /@(?:key|priority|type)=[^@]*$/.exec(text)?.index
    if (at === undefined) return yield* parseArrivals(text)
    const arrivals = yield* parseArrivals(text.slice(0, at))
    const labels: Record<string, string> = {}
    for (const part of text.slice(at + 1).split(",")) {
      const [name = "", ...value] = part.split("=")
      if (!["key", "priority", "type"].includes(name) || Object.hasOwn(labels, name) || value.length === 0) {
        return yield* refuse(`to be ${form}`, text)
      }
      labels[name] = value.join("=")
    }
    const key = sharesOf(labels["key"], keysOf)
    if (key === null) return yield* refuse(`${form} with KEYS ${keyForm}`, text)
    const priority = sharesOf(labels["priority"], prioritiesOf)
    if (priority === null) return yield* refuse(`${form} with PRIORITIES ${priorityForm}`, text)
    const { type } = labels
    if (type === "") return yield* refuse(`${form} with TYPE a text that is not empty`, text)
    return Arrivals.labelled(arrivals, { type, key, priority })
  })

/** `null`: it is none. */
const sharesOf = <A>(
  text: string | undefined,
  valuesOf: (text: string) => ReadonlyArray<A> | undefined
): ReadonlyArray<Arrivals.Share<A>> | undefined | null => {
  if (text === undefined) return undefined
  const shares: Array<Arrivals.Share<A>> = []
  for (const part of text.split("+")) {
    const [name = "", weight = "1", ...rest] = part.split(":")
    const values = valuesOf(name.trim())
    const share = numberOf(weight)
    if (values === undefined || share === undefined || share <= 0 || rest.length > 0) return null
    // What several have they have in equal parts.
    for (const value of values) shares.push({ value, share: share / values.length })
  }
  return shares
}

const keysOf = (text: string): ReadonlyArray<string> | undefined => {
  const [, name, count] = /^(.+)\*(\d+)$/.exec(text) ?? []
  if (name === undefined) return text === "" ? undefined : [text]
  const keys = Number(count)
  return keys >= 1 && keys <= mostKeys ? Array.from({ length: keys }, (_, n) => `${name}-${n + 1}`) : undefined
}

const prioritiesOf = (text: string): ReadonlyArray<number> | undefined => {
  const priority = numberOf(text)
  return Number.isInteger(priority) && Math.abs(priority!) <= 10 ? [priority!] : undefined
}

const refuse = (expected: string, text: string) =>
  new BadUsage({ reason: `Expected --arrivals ${expected}, got "${text}"` })
