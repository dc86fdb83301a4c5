/** Handlers whose results are moved. */
import { Effect } from "effect"
import { group } from "./moving.ts"

export { group }

let last: Uint8Array | undefined

export const layer = group.toLayer({
  Increment: ({ bytes, how }) =>
    Effect.suspend(() => {
      bytes.forEach((byte, at) => {
        bytes[at] = byte + 1
      })
      if (how === "spin") for (;;);
      last = bytes
      return how === "fail" ? Effect.fail("as it was told to") : Effect.succeed(bytes)
    }),
  Swap: ({ kept, name, pixels }) => Effect.succeed({ name, pixels: kept, kept: pixels }),
  LeftOfLast: () => Effect.sync(() => last!.byteLength)
})
