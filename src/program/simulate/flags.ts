/** The flags that every command has that simulates a pool. */
import { Flag } from "effect/cli"
import { bounds, orUndefined, text, turns, whole } from "../settings/flags.ts"
import * as Kinds from "../settings/kinds.ts"
import { limitForm } from "../settings/limits.ts"

/** What of a recording is the load. */
export const partOfRecording = {
  from: orUndefined(text("from", "DURATION", "With --recording: leave out what came before, counted from its start")),
  to: orUndefined(text("to", "DURATION", "With --recording: leave out what came from then on")),
  scale: orUndefined(text("scale", "FACTOR", "With --recording: so many times as many requests, such as 2 or 0.5"))
}

export const duration = orUndefined(
  text("duration", "DURATION", "How long requests arrive (default 10 min, or as recorded)")
)

/** How the pool is set, and what its handlers meet. */
export const simulatedPool = {
  ...bounds,
  strategy: orUndefined(
    Flag.Literals("strategy", ["suspend", "dropping", "sliding", "shedding"]).pipe(
      Flag.withDescription(
        "What a full queue does; with shedding long waits end while there is too much to do (default dropping)"
      )
    )
  ),
  sheddingTarget: orUndefined(
    text(
      "shedding-target",
      "DURATION",
      "With shedding: the longest wait while there is too much to do (default 100 ms)"
    )
  ),
  sheddingInterval: orUndefined(
    text(
      "shedding-interval",
      "DURATION",
      "With shedding: there is too much to do when something has waited for all of this (default ten times the target)"
    )
  ),
  limit: text("limit", "LIMIT", `What a start must pass, once for each: ${limitForm}`).pipe(Flag.atLeast(0)),
  weight: text("weight", "KEY=WEIGHT", "The share of a key against others (default 1 each)").pipe(Flag.atLeast(0)),
  aging: turns.aging,
  order: turns.order,
  keyCapacity: turns.keyCapacity,
  tick: orUndefined(text("tick", "DURATION", "Time between two looks at the load (default 1 s)")),
  timeout: orUndefined(text("timeout", "DURATION", 'For one attempt, or "none" (default 30 s)')),
  expiresIn: orUndefined(text("expires-in", "DURATION", "A request ends if it waits longer for its first attempt")),
  retries: orUndefined(whole("retries", "Attempts after a first that failed or timed out, with backoff (default 0)")),
  retryBudget: orUndefined(
    text(
      "retry-budget",
      Kinds.retryBudget.metavar,
      "The most that retries may add to the load: 0.2 is a fifth (default none)"
    )
  ),
  failures: text("failures", "SHARE|P%", "How many of the attempts fail (default 0)").pipe(Flag.withDefault("0")),
  downstream: orUndefined(
    text(
      "downstream",
      "CAPACITY[,EXPONENT]",
      "What the handlers call gets slower: time x (1 + (running / CAPACITY) ^ EXPONENT), EXPONENT by default 2"
    )
  ),
  outage: text(
    "outage",
    "FROM,UNTIL",
    "When what the handlers call is out of order, once for each: what begins then fails"
  ).pipe(Flag.atLeast(0))
}
