/** Values that break whoever touches them without care. */
const deep = (levels: number): unknown => {
  let value: unknown = 1
  for (let level = 0; level < levels; level++) value = [value]
  return value
}

const cyclic = () => {
  const value: Record<string, unknown> = {}
  value.self = [value]
  return value
}

const revoked = (target: object) => {
  const { proxy, revoke } = Proxy.revocable(target, {})
  revoke()
  return proxy
}

const boom = (): never => {
  throw new Error("the password is 1234")
}

/** Gives a value at the first touches, and throws at a later one. */
const throwingAfter = (times: number) => {
  let touched = 0
  return {
    get value() {
      return ++touched > times ? boom() : touched
    }
  }
}

/** Each as it would be made by a handler: anew. */
export const hostile: Readonly<Record<string, () => unknown>> = {
  deep: () => deep(5000),
  "deeper than a stack": () => deep(100_000),
  "deep objects": () => JSON.parse('{"a":'.repeat(5000) + "1" + "}".repeat(5000)) as unknown,
  cyclic,
  bigint: () => 2n ** 70n,
  "bigint within": () => ({ list: [1, 2n] }),
  symbol: () => Symbol("s"),
  "a symbol as tag": () => ({ _tag: Symbol("s"), message: Symbol("m") }),
  function: () => boom,
  "a throwing getter": () => ({
    get value() {
      return boom()
    }
  }),
  "throwing tag and message": () => ({
    get _tag() {
      return boom()
    },
    get message() {
      return boom()
    }
  }),
  "a getter that throws the second time": () => throwingAfter(1),
  "a getter that throws the third time": () => throwingAfter(2),
  "a getter that throws the fourth time": () => throwingAfter(3),
  "toJSON that throws": () => ({ toJSON: boom }),
  "toJSON that is endless": () => {
    const value = { toJSON: () => [{ toJSON: value.toJSON }] }
    return value
  },
  "toString that throws": () => ({ toString: boom }),
  "no prototype": () => Object.create(null) as unknown,
  "throwing traps": () => new Proxy({}, { get: boom, ownKeys: boom, getOwnPropertyDescriptor: boom, has: () => false }),
  "throwing traps of a list": () => new Proxy([1], { get: boom }),
  "an error that throws": () =>
    Object.defineProperties(new Error("x"), { message: { get: boom }, name: { get: boom }, stack: { get: boom } }),
  "an invalid date": () => new Date(Number.NaN),
  "a revoked proxy": () => revoked({}),
  "a revoked proxy of a list": () => revoked([]),
  "a revoked proxy within": () => ({ of: revoked({}) }),
  "a throwing has trap": () => new Proxy({}, { has: boom }),
  "a throwing getPrototypeOf trap": () => new Proxy({}, { getPrototypeOf: boom }),
  "every trap throws, within": () => ({
    of: new Proxy({}, { get: boom, has: boom, ownKeys: boom, getPrototypeOf: boom })
  }),
  nothing: () => undefined
}

/** What throws when the pool asks it what it is: as a success it is a defect. */
export const untouchable: ReadonlySet<string> = new Set([
  "a revoked proxy",
  "a revoked proxy of a list",
  "a throwing has trap"
])

/** What JSON can say something of, at least at the first touches. */
export const writable: ReadonlySet<string> = new Set([
  "a getter that throws the second time",
  "a getter that throws the third time",
  "a getter that throws the fourth time",
  "toString that throws",
  "no prototype",
  "an invalid date",
  "nothing"
])
