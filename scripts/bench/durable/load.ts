/** What the cases of stores ask. */

/** What is asked of two worker processes, from a third one. */
export interface DurableLoad {
  /**
   * `drain`: from the moment that both may begin until the outcome of each one that waited is known. `submit`: until each is stored.
   * `idle`: one at a time, with pauses. `quiet`: nothing at all.
   */
  readonly what: "drain" | "submit" | "idle" | "quiet"
}
