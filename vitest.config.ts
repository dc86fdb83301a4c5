import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // These need a browser: see `vitest.browser.config.ts`.
    exclude: ["test/browser/**"],
    testTimeout: 30_000
  }
})
