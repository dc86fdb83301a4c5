/** What is asked of, or done to, some of a pool's requests. */
import { Cause, Effect, Exit } from "effect"
import * as checks from "../internal/checks.ts"
import type { Core } from "../internal/core.ts"
import * as filters from "../internal/filters.ts"
import type * as Limit from "../Limit.ts"
import type { Filter, GateView, Pausable, RequestView, Waiters } from "../Selection.ts"
import type { WorkerPool } from "../WorkerPool.ts"
import { rateFields } from "./callOptions.ts"
import { type Group, GroupOf } from "./group.ts"
import { errorAt } from "./publicError.ts"

/** The part of a pool that is about some of its requests. A word that is not known throws `InvalidOption`. */
export interface Selection {
  /**
   * Nothing of that part starts: `pool.pauseOnly({ tag: "send" })` (a handler's name; `"run"`: tasks), `{ key: "tenant-7" }` or
   * `{ limit: "mailer" }`. The others go on. It lasts until `resumeOnly`, or until a drain. Throws `InvalidOption` where there
   * is no such handler or limit.
   */
  pauseOnly(what: Pausable): void
  /** Lets that part start again; a limit, or a time before which nothing starts, stays in force. */
  resumeOnly(what: Pausable): void
  /**
   * Changes a limit while the pool runs; what is not set stays, and `"none"` takes that half of it away. More than a lowered one
   * allows may still run. Throws `InvalidOption` where there is no such limit, or the change is wrong.
   */
  setLimit(name: string, change: Limit.Change): void
  /** The gates that are closed or hold something back, at most `limit` of them (default 100). */
  gates(options?: { readonly limit?: number | undefined }): ReadonlyArray<GateView>
  /**
   * Requests that have not ended, oldest first by phase: running, waiting, delayed, blocked. At most `limit` of them (default
   * 100), from behind the one whose id is `after`. It looks at all of them.
   */
  list(
    filter?: Filter,
    options?: { readonly limit?: number | undefined; readonly after?: string | undefined }
  ): ReadonlyArray<RequestView>
  /**
   * Cancels every request that fits, as `cancel` of its ticket does, and gives how many; `{}` cancels all. Others may run in between. Rejected with
   * `InvalidOption` where a part of the filter is there and `undefined`: it would cancel more than was meant.
   */
  cancelAll(filter: Filter): Promise<number>
  /**
   * The requests that were called with `group: id`, of which there may be none yet. Of groups that have ended the last 1,000 are known,
   * and those of which somebody has this.
   */
  group(id: string): Group
  /** The handlers, or the keys, that have most requests in the pool: the `top` of them (default 20), those with most waiting first. */
  waitingBy(what: "tag" | "key", options?: { readonly top?: number | undefined }): ReadonlyArray<Waiters>
}

const pausableFields = new Set(["tag", "key", "limit"])
const changeFields = new Set(["concurrency", "rate"])

export abstract class SelectionOf implements Selection {
  private readonly service: WorkerPool["Service"]
  private readonly core: Core

  constructor(service: WorkerPool["Service"], core: Core) {
    this.service = service
    this.core = core
  }

  pauseOnly(what: Pausable): void {
    known(this.pauseOnly, what, pausableFields, "a part of a pool")
    now(this.pauseOnly, this.service.pauseOnly(what))
  }

  resumeOnly(what: Pausable): void {
    known(this.resumeOnly, what, pausableFields, "a part of a pool")
    now(this.resumeOnly, this.service.resumeOnly(what))
  }

  setLimit(name: string, change: Limit.Change): void {
    known(this.setLimit, change, changeFields, "what can be changed of a limit")
    if (change.rate !== "none") known(this.setLimit, change.rate ?? {}, rateFields, "an option of a rate", "rate")
    now(this.setLimit, this.service.setLimit(name, change))
  }

  gates(options?: { readonly limit?: number | undefined }): ReadonlyArray<GateView> {
    return now(this.gates, this.service.gates(options))
  }

  list(
    filter: Filter = {},
    options?: { readonly limit?: number | undefined; readonly after?: string | undefined }
  ): ReadonlyArray<RequestView> {
    known(this.list, filter, filters.parts, "a part of a filter")
    return now(this.list, this.service.list(filter, options))
  }

  async cancelAll(filter: Filter): Promise<number> {
    const exit = await Effect.runPromiseExit(this.service.cancelAll(filter))
    if (Exit.isSuccess(exit)) return exit.value
    throw errorAt(this.cancelAll, Cause.squash(exit.cause))
  }

  group(id: string): Group {
    const invalid = checks.text("group", id)
    if (invalid !== undefined) throw errorAt(this.group, invalid)
    return new GroupOf(this.service.group(id), this.core)
  }

  waitingBy(what: "tag" | "key", options?: { readonly top?: number | undefined }): ReadonlyArray<Waiters> {
    const invalid = checks.oneOf("tag", "key")("what", what)
    if (invalid !== undefined) throw errorAt(this.waitingBy, invalid)
    return now(this.waitingBy, this.service.waitingBy(what, options))
  }
}

/** A field that is not known would be a part that nobody has asked for: all of it. */
const known = (above: Function, given: object, fields: ReadonlySet<string>, what: string, field?: string): void => {
  const invalid = checks.fieldsOf(field ?? "what", given, fields, what, field === undefined ? "" : `${field}.`)
  if (invalid !== undefined) throw errorAt(above, invalid)
}

/** What takes no time. */
export const now = <A>(above: Function, effect: Effect.Effect<A, unknown>): A => {
  const exit = Effect.runSyncExit(effect)
  if (Exit.isSuccess(exit)) return exit.value
  throw errorAt(above, Cause.squash(exit.cause))
}
