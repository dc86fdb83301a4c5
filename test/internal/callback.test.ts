/** Where fibers cannot wait as this version of Effect lets them, callers wait in a callback: all is as before. */
import { describe, expect, vi } from "vitest"

vi.mock("../../src/internal/suspension.ts", async (load) => ({
  ...(await load<typeof import("../../src/internal/suspension.ts")>()),
  canSuspend: () => false
}))

describe("by callback", async () => {
  const { canSuspend } = await import("../../src/internal/suspension.ts")
  expect(canSuspend()).toBe(false)
  await import("../callers.test.ts")
  await import("../cancelling.test.ts")
  await import("../inherit.test.ts")
})
