/** What says which of a pool's requests: how it is checked where a slip would choose all of them. */
import type { InvalidRequestOption } from "../PoolError.ts"
import type { Filter, RequestView } from "../Selection.ts"
import * as checks from "./checks.ts"

/** What a filter may have. */
export const parts: ReadonlySet<string> = new Set(["tag", "key", "group", "phase", "where"])

/** What is wrong with a filter of what is to be cancelled: no part of it may be there and choose nothing, nor be unknown. */
export const wrongFilter = (filter: Filter): InvalidRequestOption | undefined => {
  const wrong =
    typeof filter !== "object" || filter === null
      ? checks.wrong("filter", "an object; one without fields cancels all", filter)
      : (checks.unknownField(filter, parts, "a part of a filter") ?? firstUndefined(filter))
  return wrong && checks.ofCall(wrong)
}

const firstUndefined = (filter: Filter) => {
  const empty = Object.entries(filter).find(([, of]) => of === undefined)?.[0]
  if (empty === undefined) return undefined
  return checks.wrong(empty, "set, or not there: without it more would fit, and `{}` cancels all", undefined)
}

/** What a filter's function says; an answer for later is none. */
export const fitsWhere = ({ where }: Filter, view: () => RequestView): boolean => {
  if (where === undefined) return true
  const said: unknown = where(view())
  if (typeof Object(said).then !== "function") return Boolean(said)
  throw checks.ofCall(checks.wrong("where", "a function that answers at once, true or false", "a promise"))
}
