/** What `--policy` takes: `adaptive`, `fixed:10`, `queueLength:100`, `gradient`, with options behind, or the least of several. */
import { Effect } from "effect"
import { ScalingPolicy } from "../../index.ts"
import { BadUsage } from "../errors.ts"
import { millisOf, numberOf } from "./quantities.ts"

export interface NamedPolicy {
  /** As it was written. */
  readonly text: string
  readonly policy: ScalingPolicy.ScalingPolicy
  /** The greatest `N` of its `fixed:N`. */
  readonly fixed: number | undefined
  /** The greatest `N` of its `queueLength:N`. */
  readonly threshold: number | undefined
}

const forms = "adaptive, gradient, fixed:N, queueLength:N, or several of them with commas between"

/** How it is told in the help. */
export const policyHelp = `adaptive         as many workers as the measured load needs
fixed:N          always N workers; N may be more than the 64 that --max-workers is by default
queueLength:N    one more at each look while more than N requests wait
gradient         a limit that comes down when the handlers get slower the more of them run
A,B              the least that any of them wants, such as adaptive,gradient
Options follow, such as adaptive:waitTarget=50ms:cooldown=2s; adaptive has waitTarget, clearWithin, cooldown, deadBand and fallPerSecond,
queueLength lowWater and step, gradient tolerance, initial and least`

export const parsePolicy = (
  text: string,
  options: ScalingPolicy.AdaptiveOptions = {}
): Effect.Effect<NamedPolicy, BadUsage> =>
  Effect.gen(function* () {
    const parts = text.split(",").map((part) => parse(part.trim(), options))
    const [first, ...others] = parts.filter((part) => part !== undefined)
    if (first === undefined || others.length + 1 < parts.length) {
      return yield* new BadUsage({ reason: `Expected --policy to be ${forms}, with N a whole number, got "${text}"` })
    }
    const policy =
      others.length === 0 ? first.policy : ScalingPolicy.min(first.policy, ...others.map(({ policy }) => policy))
    if (policy.invalid !== undefined) {
      const { actual, expected, field } = policy.invalid
      const isOption = Object.values(optionsOf).some((options) => Object.hasOwn(options, field))
      return yield* new BadUsage({
        reason: `Expected --policy ${text} to have ${isOption ? `a ${field}` : "an N"} that is ${expected}, got ${actual}`
      })
    }
    const all = [first, ...others]
    return { text, policy, fixed: greatest(all, "fixed"), threshold: greatest(all, "threshold") }
  })

/**
 * `fixed:N` means N workers: the bounds make room for them when they were not given, and are in the way when they were. On
 * threads there are as many workers as threads, unless more were asked for.
 */
export const boundsFor = (
  { fixed, text }: NamedPolicy,
  { maxWorkers, minWorkers }: { readonly minWorkers: number | undefined; readonly maxWorkers: number | undefined },
  threads?: number | undefined
): Effect.Effect<number | undefined, BadUsage> => {
  const least = minWorkers ?? 1
  if (fixed === undefined) {
    return Effect.succeed(maxWorkers ?? (threads === undefined ? undefined : Math.max(threads, least)))
  }
  if (fixed < least) {
    return new BadUsage({
      reason: `Expected --policy ${text} to be at least --min-workers (${least}), got ${fixed}`
    })
  }
  if (maxWorkers === undefined) return Effect.succeed(Math.max(threads ?? 64, least, fixed))
  return fixed <= maxWorkers
    ? Effect.succeed(maxWorkers)
    : new BadUsage({ reason: `Expected --policy ${text} to be at most --max-workers (${maxWorkers}), got ${fixed}` })
}

interface Part {
  readonly policy: ScalingPolicy.ScalingPolicy
  readonly fixed?: number
  readonly threshold?: number
}

/** How the options of each are read. */
const optionsOf: Readonly<Record<string, Readonly<Record<string, (text: string) => number | undefined>>>> = {
  adaptive: {
    waitTarget: millisOf,
    clearWithin: millisOf,
    cooldown: millisOf,
    deadBand: numberOf,
    fallPerSecond: numberOf
  },
  gradient: { tolerance: numberOf, initial: numberOf, least: numberOf },
  fixed: {},
  queueLength: { lowWater: numberOf, step: numberOf }
}

/** `undefined`: this is none. */
const parse = (text: string, defaults: ScalingPolicy.AdaptiveOptions): Part | undefined => {
  const [name = "", ...rest] = text.split(":")
  const isCounted = name === "fixed" || name === "queueLength"
  const n = isCounted ? numberOf(rest[0] ?? "") : undefined
  const options = Object.hasOwn(optionsOf, name)
    ? readOptions(optionsOf[name]!, rest.slice(isCounted ? 1 : 0))
    : undefined
  if (options === undefined || (isCounted && n === undefined)) return undefined
  if (name === "adaptive") return { policy: ScalingPolicy.adaptive({ ...defaults, ...options }) }
  if (name === "gradient") return { policy: ScalingPolicy.gradient(options) }
  return name === "fixed"
    ? { policy: ScalingPolicy.fixed(n!), fixed: n! }
    : { policy: ScalingPolicy.queueLength({ threshold: n!, ...options }), threshold: n! }
}

const readOptions = (
  kinds: (typeof optionsOf)[string],
  texts: ReadonlyArray<string>
): Readonly<Record<string, number>> | undefined => {
  const options: Record<string, number> = {}
  for (const text of texts) {
    const [name = "", value = "", ...more] = text.split("=")
    const read = Object.hasOwn(kinds, name) && !Object.hasOwn(options, name) ? kinds[name]!(value) : undefined
    if (read === undefined || more.length > 0) return undefined
    options[name] = read
  }
  return options
}

const greatest = (parts: ReadonlyArray<Part>, field: "fixed" | "threshold"): number | undefined => {
  const all = parts.flatMap((part) => part[field] ?? [])
  return all.length === 0 ? undefined : Math.max(...all)
}
