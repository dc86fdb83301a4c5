/** The flags of the commands that take settings, and their help: one for each setting that may have one. */
import { Flag } from "effect/cli"
import { orUndefined, several, text } from "./flags.ts"
import type { Defaults, Flags } from "./sources.ts"
import { flagOf as flagName, has, type Name, names, settingOf } from "./table.ts"

/** `defaults` are those of the command. */
export const flagsOf = (those: ReadonlyArray<Name>, defaults: Defaults = {}) =>
  Object.fromEntries(those.filter((name) => has(name, "flag")).map((name) => [name, flagOf(name, defaults)])) as {
    readonly [K in keyof Required<Flags>]: Flag.Flag<string | undefined>
  }

const flagOf = (name: Name, defaults: Defaults) => {
  const { defaultHelp, description, kind } = settingOf(name)
  const unset = defaultHelp === "required" ? defaultHelp : `default ${defaults[name] ?? defaultHelp}`
  const valued = text(flagName(name).slice(2), kind.metavar, `${description} (${unset})`)
  const flag = kind.bare === undefined ? valued : Flag.withOptionalValue(valued, kind.bare)
  return kind.isList === true ? several(flag) : orUndefined(flag)
}

export const allFlags = flagsOf(names)

export const sourcesHelp = `Each setting is a flag, or an environment variable, or a key of the file of --config; the first of these that has it
counts. --min-workers is WORKER_POOL_MIN_WORKERS, and in the file minWorkers. The file is .json, .yaml, .yml or .toml; paths
in it are relative to it. A token is never a flag, nor in that file: it is WORKER_POOL_TOKEN, or the content of --token-file.
A password in the URL of a store belongs into WORKER_POOL_STORE: everybody on a machine can read the flags of a process.`
