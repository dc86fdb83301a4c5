/** The flags of `serve` and `config`, and their help: one for each setting that may have one. */
import { Flag } from "effect/cli"
import { orUndefined, several, text } from "../settings/flags.ts"
import type { Flags } from "../settings/sources.ts"
import { flagOf as flagName, has, type Name, names, settingOf } from "../settings/table.ts"

const flagOf = (name: Name) => {
  const { defaultHelp, description, kind } = settingOf(name)
  const unset = defaultHelp === "required" ? defaultHelp : `default ${defaultHelp}`
  const valued = text(flagName(name).slice(2), kind.metavar, `${description} (${unset})`)
  const flag = kind.bare === undefined ? valued : Flag.withOptionalValue(valued, kind.bare)
  return kind.isList === true ? several(flag) : orUndefined(flag)
}

export const serveFlags = Object.fromEntries(
  names.filter((name) => has(name, "flag")).map((name) => [name, flagOf(name)])
) as { readonly [K in keyof Required<Flags>]: Flag.Flag<string | undefined> }

export const sourcesHelp = `Each setting is a flag, or an environment variable, or a key of the file of --config; the first of these that has it
counts. --min-workers is WORKER_POOL_MIN_WORKERS, and in the file minWorkers. The file is .json, .yaml, .yml or .toml; paths
in it are relative to it. A token is never a flag, nor in that file: it is WORKER_POOL_TOKEN, or the content of --token-file.`
