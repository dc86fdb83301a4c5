/** Handlers that tell, without a pause, of more than anybody takes. */
import { Effect } from "effect"
import { writeFileSync } from "node:fs"
import { group } from "./floodGroup.ts"

export { group }

/** Long enough for a pipe to be full of a few. */
const line = "a line ".repeat(200)

const flood = (each: Effect.Effect<void>, times: number) =>
  Effect.contextWith((context) =>
    Effect.sync(() => {
      const run = Effect.runSyncWith(context)
      for (let time = 0; time < times; time++) run(each)
    })
  )

const end = (file: string, spin: boolean) =>
  Effect.sync(() => {
    writeFileSync(file, "")
    if (spin) for (;;) performance.now()
  })

export const layer = group.toLayer({
  Lines: ({ file, spin, times }) => Effect.andThen(flood(Effect.logInfo("flood", line), times), end(file, spin)),
  Spans: ({ file, spin, times }) =>
    flood(Effect.withSpan(Effect.logInfo("within", line), "flood"), times).pipe(
      Effect.withSpan("around"),
      Effect.andThen(end(file, spin))
    )
})
