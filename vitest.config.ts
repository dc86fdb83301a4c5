import { availableParallelism } from "node:os"
import { join } from "node:path"
import { defineConfig } from "vitest/config"

// For the workers, and for all processes and threads that the tests start: compiling is half of what such a start costs.
process.env["NODE_COMPILE_CACHE"] ??= join(import.meta.dirname, "node_modules/.cache/compile")

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // These need a browser: see `vitest.browser.config.ts`.
    exclude: ["test/browser/**"],
    testTimeout: 60_000,
    hookTimeout: 30_000,
    // Asked often, and for long enough on a busy machine.
    expect: { poll: { interval: 5, timeout: 20_000 } },
    // Vitest would leave one core to itself, which has little to do. More than there are cores disturb those that look at real time.
    maxWorkers: availableParallelism()
  }
})
