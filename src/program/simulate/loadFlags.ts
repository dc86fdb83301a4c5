/** What `--arrivals` and `--service` take: a name, a colon, and values with commas between. */
import { Effect } from "effect"
import { Arrivals, ServiceTimes } from "../../Simulation.ts"
import { BadUsage } from "../errors.ts"
import { millisOf, numberOf, shareOf } from "../settings/quantities.ts"
import { readArrivals, readServiceTimes } from "./traces.ts"

/** What may stand for a value, and how an error tells it. */
interface Kind {
  readonly expected: string
  readonly read: (text: string) => number | undefined
}

interface Form<A> {
  /** For the help and for errors; the names in it are those of the values. */
  readonly usage: string
  /** As many values as one of these. */
  readonly counts: ReadonlyArray<number>
  readonly kinds: ReadonlyArray<Kind>
  /** Answers a text for values that do not fit each other. */
  readonly make: (...values: ReadonlyArray<number>) => A | string
}

const atLeast = (least: number, of: Kind["read"]): Kind["read"] => {
  return (text) => {
    const value = of(text)
    return value !== undefined && value >= least ? value : undefined
  }
}
const rate: Kind = { expected: "a number of requests per second, at least 0", read: atLeast(0, numberOf) }
const time: Kind = { expected: "a duration such as 500ms, 30s or 2h, at least 0", read: atLeast(0, millisOf) }
const period: Kind = { expected: "a duration such as 24h, above 0", read: atLeast(Number.MIN_VALUE, millisOf) }
const sigma: Kind = { expected: "a number, at least 0", read: atLeast(0, numberOf) }
const count: Kind = {
  expected: "a whole number, at least 0",
  read: (text) => {
    const value = numberOf(text)
    return Number.isSafeInteger(value) && value! >= 0 ? value : undefined
  }
}
const share: Kind = { expected: "a share from 0 to 1, or a percentage", read: shareOf }

const arrivals: Readonly<Record<string, Form<Arrivals.Arrivals>>> = {
  poisson: { usage: "RATE", counts: [1], kinds: [rate], make: (rate) => Arrivals.poisson(rate!) },
  constant: { usage: "RATE", counts: [1], kinds: [rate], make: (rate) => Arrivals.constant(rate!) },
  step: {
    usage: "BEFORE,AFTER,AT",
    counts: [3],
    kinds: [rate, rate, time],
    make: (before, after, at) => Arrivals.step(before!, after!, at!)
  },
  ramp: {
    usage: "FROM,TO[,START,END]",
    counts: [2, 4],
    kinds: [rate, rate, time, time],
    make: (from, to, start = 0, end = Infinity) =>
      start < end ? Arrivals.ramp(from!, to!, start, end === Infinity ? undefined : end) : "END to be after START"
  },
  spike: {
    usage: "BASE,PEAK,AT,LENGTH",
    counts: [4],
    kinds: [rate, rate, time, time],
    make: (base, peak, at, length) => Arrivals.spike(base!, peak!, at!, length!)
  },
  burst: {
    usage: "COUNT[,AT]",
    counts: [1, 2],
    kinds: [count, time],
    make: (count, at) => Arrivals.burst(count!, at)
  },
  daily: {
    usage: "LOW,HIGH[,PERIOD]",
    counts: [2, 3],
    kinds: [rate, rate, period],
    make: (low, high, period) => Arrivals.daily(low!, high!, period)
  }
}

const service: Readonly<Record<string, Form<ServiceTimes.ServiceTimes>>> = {
  constant: { usage: "TIME", counts: [1], kinds: [time], make: (millis) => ServiceTimes.constant(millis!) },
  exponential: { usage: "MEAN", counts: [1], kinds: [time], make: (mean) => ServiceTimes.exponential(mean!) },
  lognormal: {
    usage: "MEAN,SIGMA",
    counts: [2],
    kinds: [time, sigma],
    make: (mean, sigma) => ServiceTimes.lognormal(mean!, sigma!)
  },
  bimodal: {
    usage: "FAST,SLOW[,SHARE_OF_SLOW]",
    counts: [2, 3],
    kinds: [time, time, share],
    make: (fast, slow, share = 0.1) => ServiceTimes.bimodal(fast!, slow!, share)
  }
}

export const parseArrivals = (text: string): Effect.Effect<Arrivals.Arrivals, BadUsage> =>
  parse("arrivals", text, arrivals, readArrivals)

/** `TYPE=SERVICE` is that of the requests of a type, and `SERVICE` that of all others. */
export const parseServices = (texts: ReadonlyArray<string>): Effect.Effect<ServiceTimes.ServiceTimes, BadUsage> =>
  Effect.gen(function* () {
    const times: Record<string, ServiceTimes.ServiceTimes> = {}
    let others: ServiceTimes.ServiceTimes | undefined
    for (const text of texts) {
      const [, type, rest] = /^([^:=]+)=(.*)$/s.exec(text) ?? []
      const service = yield* parseService(rest ?? text)
      if (type === undefined ? others !== undefined : Object.hasOwn(times, type)) {
        const of = type === undefined ? "all others" : type
        return yield* new BadUsage({ reason: `Expected --service once for ${of}, got another one, "${text}"` })
      }
      if (type === undefined) others = service
      else times[type] = service
    }
    if (others === undefined) {
      return yield* new BadUsage({
        reason: "Expected one --service without a type, for all that have none of their own"
      })
    }
    return Object.keys(times).length === 0 ? others : ServiceTimes.byType(times, others)
  })

/** One of them, of no type. */
export const parseService = (text: string): Effect.Effect<ServiceTimes.ServiceTimes, BadUsage> =>
  parse("service", text, service, readServiceTimes)

const usages = (forms: Readonly<Record<string, Form<unknown>>>): ReadonlyArray<string> => [
  ...Object.entries(forms).map(([name, { usage }]) => `${name}:${usage}`),
  "csv:FILE"
]

const parse = <A>(
  flag: string,
  text: string,
  forms: Readonly<Record<string, Form<A>>>,
  readFile: (path: string) => Effect.Effect<A, BadUsage>
): Effect.Effect<A, BadUsage> => {
  const colon = text.indexOf(":")
  const name = colon === -1 ? text : text.slice(0, colon)
  const rest = colon === -1 ? "" : text.slice(colon + 1)
  if (name === "csv" && rest !== "") return readFile(rest)
  const form = Object.hasOwn(forms, name) ? forms[name] : undefined
  const refuse = (expected: string) => new BadUsage({ reason: `Expected --${flag} ${expected}, got "${text}"` })
  if (form === undefined) return refuse(`to be one of ${usages(forms).join(" ")}`)
  const parts = rest.split(",")
  if (!form.counts.includes(parts.length)) return refuse(`to be ${name}:${form.usage}`)
  const names = form.usage.split(/\W+/)
  const values: Array<number> = []
  for (const [n, part] of parts.entries()) {
    const value = form.kinds[n]!.read(part)
    if (value === undefined) return refuse(`${name}:${form.usage} with ${names[n]} ${form.kinds[n]!.expected}`)
    values.push(value)
  }
  const made = form.make(...values)
  return typeof made === "string" ? refuse(`${name}:${form.usage} with ${made}`) : Effect.succeed(made)
}
