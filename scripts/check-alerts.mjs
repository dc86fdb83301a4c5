// Proves that the alert rules are rules, and that each fires when it should and not when it should not: with Prometheus's own
// promtool, from the path or from PROMTOOL. It is no part of `npm test`, which needs nothing but Node.
import { spawnSync } from "node:child_process"

const promtool = process.env.PROMTOOL ?? "promtool"

for (const command of [
  ["check", "rules", "docs/prometheus/alerts.yml"],
  ["test", "rules", "test/prometheus/alerts.test.yml"]
]) {
  const { error, status } = spawnSync(promtool, command, { stdio: "inherit" })
  if (error?.code === "ENOENT") {
    console.error(`FAILED: there is no ${promtool}; it comes with Prometheus, and PROMTOOL may say where it is`)
  }
  if (status !== 0) process.exit(1)
}
