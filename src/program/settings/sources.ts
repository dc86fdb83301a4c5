/** Finds what each setting is and where that came from: its flag, the environment, the file, or its default. */
import { Effect, Result } from "effect"
import { Toml, Yaml } from "effect/encoding"
import { promises } from "node:fs"
import { dirname, extname } from "node:path"
import { checkEnvironment, type Environment } from "./environment.ts"
import { BadUsage, messageOf } from "../errors.ts"
import { withForms } from "./quantities.ts"
import { shown } from "../output/shown.ts"
import { flagOf, has, type Name, names, settingOf, type Source, type Values, variableOf } from "./table.ts"

/** As the command line gives them; `undefined` is not set. The token has no flag. */
export type Flags = { readonly [K in Exclude<Name, "token">]?: string | undefined }

export type { Environment } from "./environment.ts"

/** Where the value of a setting came from. */
export interface Origin {
  readonly from: Source | "default"
  /** The flag, the variable or the path of the file. */
  readonly at: string
  /** How an error names it: `--port`, `WORKER_POOL_PORT`, or "`port` in FILE". */
  readonly label: string
  readonly text: string | undefined
}

export interface Found {
  readonly values: Values
  readonly origins: Readonly<Record<Name, Origin>>
}

/** What holds for one command where the table says something else. */
export type Defaults = { readonly [K in Name]?: string }

export const find = (flags: Flags, environment: Environment, defaults: Defaults = {}): Effect.Effect<Found, BadUsage> =>
  Effect.gen(function* () {
    yield* checkEnvironment(environment)
    const config = originOf("config", flags, environment, undefined, defaults)
    const path = yield* read("config", config)
    const file = path === undefined ? undefined : yield* readFile(path as string, config.label)
    const origins: Partial<Record<Name, Origin>> = {}
    const values: Partial<Record<Name, unknown>> = {}
    for (const name of names) {
      const origin = originOf(name, flags, environment, file, defaults)
      origins[name] = origin
      values[name] = yield* read(name, origin)
    }
    return { origins, values } as Found
  })

export const expected = ({ label }: Pick<Origin, "label">, what: string, got: string) =>
  new BadUsage({ reason: `Expected ${label} to be ${withForms(what)}, got ${got}` })

interface File {
  readonly path: string
  readonly texts: Readonly<Partial<Record<Name, string>>>
}

const originOf = (
  name: Name,
  flags: Flags,
  environment: Environment,
  file: File | undefined,
  defaults: Defaults
): Origin => {
  const flag = flagOf(name)
  const variable = variableOf(name)
  const given = name === "token" ? undefined : flags[name]
  if (given !== undefined) return { from: "flag", at: flag, label: flag, text: given }
  const set = environment[variable]
  if (set !== undefined) return { from: "environment", at: variable, label: variable, text: set }
  const written = file?.texts[name]
  if (written !== undefined) {
    return { from: "file", at: file!.path, label: keyIn(name, file!.path), text: written }
  }
  const label = has(name, "flag") ? flag : variable
  return { from: "default", at: "default", label, text: defaults[name] ?? settingOf(name).default }
}

const read = (name: Name, origin: Origin): Effect.Effect<unknown, BadUsage> => {
  const { text } = origin
  if (text === undefined) return Effect.undefined
  const { kind } = settingOf(name)
  const value = kind.read(text, origin.from === "file" ? dirname(origin.at) : undefined)
  // A secret is not repeated.
  if (value === undefined) {
    return expected(origin, kind.expected, name === "token" ? withoutIt(text) : `"${kind.shown?.(text) ?? text}"`)
  }
  return Effect.succeed(value)
}

/** What is wrong with a secret, without telling it. */
export const withoutIt = (secret: string): string =>
  secret.length < 16 ? `${secret.length} characters` : "one with other characters"

const parsers: Readonly<Record<string, (text: string) => unknown>> = {
  ".json": JSON.parse,
  ".yaml": Yaml.parse,
  ".yml": Yaml.parse,
  ".toml": (text) => Result.getOrThrow(Toml.parse(text))
}

const readFile = (path: string, label: string): Effect.Effect<File, BadUsage> =>
  Effect.gen(function* () {
    const content = yield* readContent(path, label)
    return { path, texts: yield* textsOf(path, content) }
  })

/** The text of a file. */
export const readText = (path: string, label: string): Effect.Effect<string, BadUsage> =>
  Effect.tryPromise({
    try: () => promises.readFile(path, "utf8"),
    catch: (error) => new BadUsage({ reason: `Expected ${label} to be a file that can be read: ${messageOf(error)}` })
  })

/** The object that a file holds. What a parser says may quote the file: it is not told. */
export const readRecord = (path: string, label: string, what: string): Effect.Effect<object, BadUsage> =>
  Effect.gen(function* () {
    const content = yield* readContent(path, label, () => "it is not")
    if (typeof content === "object" && content !== null && !Array.isArray(content)) return content
    return yield* expected(
      { label },
      `a file that holds ${what}`,
      Array.isArray(content) ? "a list" : `a ${typeof content}`
    )
  })

const readContent = (path: string, label: string, reasonOf = messageOf): Effect.Effect<unknown, BadUsage> =>
  Effect.gen(function* () {
    const parse = parsers[extname(path).toLowerCase()]
    if (parse === undefined) {
      return yield* expected({ label }, `a file that ends in ${Object.keys(parsers).join(", ")}`, `"${path}"`)
    }
    const text = yield* readText(path, label)
    return yield* Effect.try({
      try: () => parse(text),
      catch: (error) =>
        new BadUsage({ reason: `Expected ${label} to be a file that can be parsed; ${path}: ${reasonOf(error)}` })
    })
  })

const textsOf = (path: string, content: unknown): Effect.Effect<File["texts"], BadUsage> => {
  if (content === null) return Effect.succeed({})
  if (typeof content !== "object" || Array.isArray(content)) {
    return expected({ label: path }, "an object of settings", shown(content))
  }
  if (Object.hasOwn(content, "token")) {
    return new BadUsage({
      reason: `Expected no \`token\` in ${path}: set ${variableOf("token")}, or \`tokenFile\` to a file that holds it`
    })
  }
  const known = names.filter((name) => has(name, "file"))
  const unknown = Object.keys(content).filter((key) => !known.includes(key as Name))
  if (unknown.length > 0) {
    const keys = unknown.map((key) => `\`${key}\``).join(", ")
    return new BadUsage({
      reason: `Expected ${path} to have no unknown keys, got ${keys}; it takes ${known.join(", ")}`
    })
  }
  const texts: Record<string, string> = {}
  for (const [key, value] of Object.entries(content)) {
    const { bare, isList = false } = settingOf(key as Name).kind
    if (isList && Array.isArray(value)) texts[key] = JSON.stringify(value)
    else if (bare !== undefined && typeof value === "boolean") texts[key] = String(value)
    else if (typeof value === "string" || typeof value === "number") texts[key] = String(value)
    else {
      const what = `${isList ? "a list, " : bare === undefined ? "" : "true, false, "}a text or a number`
      return expected({ label: keyIn(key, path) }, what, shown(value))
    }
  }
  return Effect.succeed(texts)
}

const keyIn = (key: string, path: string): string => `\`${key}\` in ${path}`
