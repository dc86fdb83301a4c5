/** What the cases of a cold start ask. */

/** What a process does from its start on. */
export interface ColdLoad {
  /** `first`: one request. `many`: as many as the case says. `long`: so many that the start does not count. */
  readonly what: "first" | "many" | "long"
  /** Default `noop`. */
  readonly task?: "noop" | "suspend"
}
