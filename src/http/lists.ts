/** What both kinds of lists of requests have in common, of this process's and of stored ones: their queries, their pages, their refusals. */
import { Effect } from "effect"
import { HttpServerResponse } from "effect/http"
import { Outcome, PoolError, type Selection, type WorkerPool } from "../index.ts"
import { invalid, type Problem } from "./problem.ts"

const mostOnAPage = 500
/** Of text, on a page that has more than one request. */
const mostBytesOfAPage = 1024 ** 2
const phases: ReadonlyArray<string> = PoolError.Phase.literals
/** What `state` of a list may name. */
const listed = [...phases, ...Outcome.ends, "deadLetter"]

/** The states of a query, `undefined` for all, and how many; or what is wrong with them. */
export const listedOf = ({
  limit = 50,
  state
}: {
  readonly state?: string
  readonly limit?: number
}): { readonly wanted: ReadonlyArray<string> | undefined; readonly limit: number } | Problem => {
  const wanted = namesOf(state)
  const unknown = wanted?.find((state) => !listed.includes(state))
  if (unknown !== undefined) return unknownState(unknown, listed)
  if (!Number.isInteger(limit) || limit < 1 || limit > mostOnAPage) {
    return invalid("limit", `Expected \`limit\` to be a whole number from 1 to ${mostOnAPage}, got ${limit}`)
  }
  return { wanted, limit }
}

/** What to cancel: never all, for want of a filter. */
export const filterOf = ({
  group,
  key,
  state,
  type
}: {
  readonly type?: string
  readonly key?: string
  readonly group?: string
  readonly state?: string
}): { readonly type: string | undefined; readonly wanted: ReadonlyArray<string> | undefined } | Problem => {
  if (type === undefined && key === undefined && group === undefined && state === undefined) {
    return invalid("query", "Expected the query to have at least one of type, key, group and state, got none")
  }
  const wanted = namesOf(state)
  const unknown = wanted?.find((phase) => !phases.includes(phase))
  return unknown === undefined ? { type, wanted } : unknownState(unknown, phases)
}

/** Without the parts that are not set: a filter of what is to be cancelled says what it means. */
export const cancelFitting = (
  pool: Pick<WorkerPool.WorkerPool["Service"], "cancelAll">,
  filter: Selection.Filter
): Effect.Effect<number> =>
  Effect.orDie(pool.cancelAll(Object.fromEntries(Object.entries(filter).filter(([, of]) => of !== undefined))))

const namesOf = (state: string | undefined) => state?.split(",").map((name) => name.trim())

const unknownState = (unknown: string, known: ReadonlyArray<string>): Problem => {
  const got = JSON.stringify(unknown.slice(0, 40))
  return invalid("state", `Expected \`state\` to be of ${known.join(", ")}, got ${got}`)
}

export const wrongCursor: Problem = invalid("after", "Expected `after` to be the `next` of a page")

interface Shown {
  /** What the next page begins after, if this is the last one of its own. */
  readonly cursor: string
  readonly text: string
}

/** As many as were asked for, or as fit: the first always does. */
export class Page {
  readonly requests: Array<Shown> = []
  /** The last one shown, when there are more. */
  next: string | null = null
  private bytes = 0
  private readonly most: number

  constructor(most: number) {
    this.most = most
  }

  /** Whether another one may be added. */
  add(shown: Shown): boolean {
    const last = this.requests.at(-1)
    this.bytes += Buffer.byteLength(shown.text)
    if (last === undefined || (this.requests.length < this.most && this.bytes <= mostBytesOfAPage)) {
      this.requests.push(shown)
      return true
    }
    this.next = last.cursor
    return false
  }

  get text(): string {
    return `{"requests":[${this.requests.map(({ text }) => text).join()}],"next":${JSON.stringify(this.next)}}`
  }
}

export const json = (text: string, options?: HttpServerResponse.Options) =>
  HttpServerResponse.text(text, { contentType: "application/json", ...options })

export const problems = {
  stopping: { status: 503, kind: "draining", title: "Service Unavailable", detail: "The service is shutting down" },
  noDeadLetter: {
    status: 409,
    kind: "no-dead-letter",
    title: "Conflict",
    detail: "Expected a request that failed or timed out and has not been sent again"
  },
  started: {
    status: 409,
    kind: "started",
    title: "Conflict",
    detail: "Expected a request that waits, got one that runs or has ended"
  }
} as const satisfies Record<string, Problem>
