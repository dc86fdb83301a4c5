/** Values that throw when they are touched, or that no JSON can tell. */
const throws = (): never => {
  throw new Error("touched")
}
const revoked = () => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}
const trap = (name: keyof ProxyHandler<object>) => new Proxy({}, { [name]: throws })
const deep = (levels: number): unknown => {
  let value: unknown = 0
  for (let level = 0; level < levels; level++) value = [value]
  return value
}
const cyclic = (): unknown => {
  const value: Record<string, unknown> = {}
  value["self"] = value
  return value
}

/** Made anew for each use: a test must not see what another one has done to them. */
export const hostileValues: Readonly<Record<string, () => unknown>> = {
  "a revoked proxy": revoked,
  "a proxy whose `has` throws": () => trap("has"),
  "a proxy whose `get` throws": () => trap("get"),
  "a proxy whose `ownKeys` throws": () => trap("ownKeys"),
  "a proxy whose `getPrototypeOf` throws": () => trap("getPrototypeOf"),
  "an object whose getters throw": () =>
    Object.defineProperties(
      {},
      {
        _tag: { get: throws, enumerable: true },
        message: { get: throws, enumerable: true },
        stack: { get: throws },
        cause: { get: throws }
      }
    ),
  "an error whose message throws": () => Object.defineProperty(new Error("x"), "message", { get: throws }),
  "an object whose `toJSON` throws": () => ({ toJSON: throws }),
  "an object whose `toString` throws": () => ({ toString: throws, [Symbol.toPrimitive]: throws }),
  "an object without a prototype": () => Object.create(null),
  "a value that is nested 5,000 deep": () => deep(5000),
  "a cycle": cyclic,
  "a bigint": () => 10n ** 30n,
  "a symbol": () => Symbol("s"),
  "a function": () => () => 1,
  "an invalid date": () => new Date(Number.NaN),
  undefined: () => undefined
}
