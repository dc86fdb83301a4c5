/** What the cases of threads ask. */

/** What is asked of two threads. */
export interface ThreadLoad {
  readonly what: "noop" | "spin" | "echo" | "move" | "kill" | "start"
  /** Milliseconds of a spin. */
  readonly millis?: number
  readonly megabytes?: number
  /** Whether what runs there is one file. Default `true`. */
  readonly isBundled?: boolean
}
