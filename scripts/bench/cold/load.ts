/** What the cases of a cold start ask. */

/** What a process does from its start on. */
export interface ColdLoad {
  /** `first`: one request. `many`: as many as the case says, all of them outstanding at once. */
  readonly what: "first" | "many"
}
