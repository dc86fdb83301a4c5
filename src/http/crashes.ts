/** A thread that has ended under its attempt, as a client is told of it. */
import { PoolError } from "../index.ts"

/** What was thrown there, or keeps its module from being imported, is for the log of the service. */
export const withoutText = (error: PoolError.ThreadCrashed): PoolError.ThreadCrashed =>
  error.reason === "uncaught" || error.reason === "start"
    ? new PoolError.ThreadCrashed({ tag: error.tag, reason: error.reason, detail: "the log of the service says why" })
    : error
