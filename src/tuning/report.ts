/** What a search tells. */
import type { Window } from "../simulation/report.ts"
import type { Judged } from "./judge.ts"
import type { Span } from "./load.ts"
import type { Cost, Score } from "./scores.ts"
import type { Settings } from "./settings.ts"
import type { Target } from "./target.ts"

/** What a search came to. */
export interface Report {
  /** Those that were asked for, and how many may be lost, if nobody said. */
  readonly targets: ReadonlyArray<Target>
  readonly cost: Cost
  /** The cheapest that keep every target on the unseen part, and of a recording on all of it too. `undefined`: none do. */
  readonly chosen: Judged | undefined
  readonly today: Judged
  /** All others that were judged on the unseen part, the best first. Where none was chosen, the first is what comes nearest. */
  readonly others: ReadonlyArray<Judged>
  /** Why none was chosen. */
  readonly obstacles: ReadonlyArray<string>
  readonly seen: ReadonlyArray<Span>
  readonly unseen: ReadonlyArray<Span>
  readonly isRecorded: boolean
  /** How often the unseen part was drawn. */
  readonly draws: number
  readonly durationMillis: number
  readonly demand: {
    readonly requests: number
    readonly perSecond: number
    /** Workers that would be busy if each request began at once: on average, and at most. */
    readonly busyMean: number
    readonly busyMost: number
  }
  /** What the last rung of the search was: what each costs, and by how much it keeps the targets. */
  readonly tried: ReadonlyArray<{ readonly settings: Settings; readonly score: Score }>
  readonly choices: number
  readonly stopped: "nothing got better" | "the budget was spent"
  /** Requests that were simulated, but for those of the outlook. */
  readonly simulated: number
  /** The chosen, or nearest, settings and those of today in one more draw: of the load, and of twice the load. */
  readonly outlook?: Outlook | undefined
}

/** Each once. */
export interface Outlook {
  readonly best: { readonly load: Watched; readonly doubled: Watched }
  readonly today: { readonly load: Watched; readonly doubled: Watched }
}

/** What one run came to, and its seconds. */
export interface Watched {
  readonly score: Score
  readonly windows: ReadonlyArray<Window>
}
