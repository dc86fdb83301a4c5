/** The two last things that a command does. */
import { Effect } from "effect"

/** Waits until the text is handed over, or nobody takes it any more. */
export const print = (text: string): Effect.Effect<void> =>
  Effect.callback((resume) => {
    process.stdout.write(text, () => resume(Effect.void))
  })

export const exit = (code: number) => Effect.sync(() => process.exit(code))
