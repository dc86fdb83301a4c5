/**
 * How a request ended, as it is told: written once, at its end, and kept instead of what its handler gave. Nothing that
 * shows it later can fail, and its size is known.
 */
import { Cause, Exit } from "effect"
import { type Outcome, type OutcomeJson, PoolError } from "../index.ts"
import * as Crashes from "./crashes.ts"

export interface Ended {
  readonly id: string
  readonly type: string
  readonly state: Outcome.End
  readonly attempts: number
  /** How often it was handed to a process, where requests are stored. */
  readonly deliveries: number | undefined
  readonly waitedMillis: number
  readonly ranMillis: number
  readonly resubmittedFrom: string | undefined
  /** The result or the error, as JSON. */
  readonly text: string
  /** Whether it is an error of the handler's own. */
  readonly isTyped: boolean
}

export const make = (outcome: Outcome.Outcome, told: OutcomeJson.OutcomeJson): Ended => {
  const { attempts, deliveries, id, ranMillis, resubmittedFrom, tag, waitedMillis } = outcome
  return {
    id,
    type: tag,
    state: told.end,
    attempts,
    deliveries,
    waitedMillis: round(waitedMillis),
    ranMillis: round(ranMillis),
    resubmittedFrom,
    text: told.isTyped === false ? withoutText(outcome, told) : told.text,
    isTyped: told.isTyped === true
  }
}

/** What a defect, or a result that breaks its schema, says is for the log. */
const withoutText = ({ exit }: Outcome.Outcome, told: OutcomeJson.OutcomeJson): string => {
  const { _tag } = told.error as { readonly _tag: string }
  const error = _tag === "ThreadCrashed" && Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
  const message = error instanceof PoolError.ThreadCrashed ? Crashes.withoutText(error).message : messages.get(_tag)
  return message === undefined ? told.text : JSON.stringify({ _tag, message })
}

const messages = new Map([
  ["Defect", "the handler died; the log of the service says why"],
  ["InvalidResult", "the handler's result does not fit its schema"],
  ["InvalidError", "the handler's error does not fit its schema"]
])

const round = (millis: number): number => Math.round(millis * 1000) / 1000
