/** Where a recording goes and what is in it, checked. */
import { Result } from "effect"
import * as checks from "../internal/checks.ts"
import type { InvalidPoolConfig } from "../PoolError.ts"

/** Where a recording goes, and what is in it. */
export interface Options {
  /**
   * The file. One that is a recording goes on; another one is refused. Once it is full it becomes `FILE.1`, and that `FILE.2`, up to
   * `FILE.3`, which is given up for the next.
   */
  readonly path: string
  /** What all of these files may have together. At least 65,536. Default 256 MiB: some five million requests. */
  readonly maxBytes?: number | undefined
  /** Writes keys as they are. Default `false`: as hashes, with a secret that is drawn for each recording and kept nowhere. */
  readonly plainKeys?: boolean | undefined
  /** What the scaling policy is called in the recording, such as `"fixed:20"` for `worker-pool simulate`. Default: its name. */
  readonly policy?: string | undefined
  /** Requests that may have ended and are not written yet; more are lost to the recording, and counted. At least 2,048. Default 65,536. */
  readonly maxUnwritten?: number | undefined
}

/** The same with all defaults. `policy` has none: its pool knows it. */
export interface Resolved {
  readonly path: string
  readonly maxBytes: number
  readonly plainKeys: boolean
  readonly policy: string | undefined
  readonly maxUnwritten: number
}

const fields: Readonly<Record<keyof Options, true>> = {
  path: true,
  maxBytes: true,
  plainKeys: true,
  policy: true,
  maxUnwritten: true
}
const known = new Set(Object.keys(fields))

/** `where` stands before the name of a field that is wrong. */
export const resolve = (
  options: Options,
  field = "options",
  where = ""
): Result.Result<Resolved, InvalidPoolConfig> => {
  const wrongFields = checks.fieldsOf(field, options, known, "an option of a recording", where)
  if (wrongFields !== undefined) return Result.fail(wrongFields)
  const { maxBytes = 256 * 1024 ** 2, maxUnwritten = 65_536, path, plainKeys = false, policy } = options
  const invalid =
    (typeof path === "string" && path !== "" ? undefined : checks.wrong(`${where}path`, "a path", path)) ??
    checks.wholeFrom(65_536)(`${where}maxBytes`, maxBytes) ??
    checks.wholeFrom(2048)(`${where}maxUnwritten`, maxUnwritten) ??
    checks.oneOf(true, false)(`${where}plainKeys`, plainKeys) ??
    (policy === undefined ? undefined : checks.text(`${where}policy`, policy))
  return invalid === undefined
    ? Result.succeed({ path, maxBytes, maxUnwritten, plainKeys, policy })
    : Result.fail(invalid)
}
