// Proves that the tests depend on no order, no time zone and no speed: all of them in random order, in two zones off the
// hour, beside two busy loops. Takes the seed of an earlier run, and what vitest takes. For use before a release.
import { spawn, spawnSync } from "node:child_process"

const [seed = String(Math.floor(Math.random() * 1e9)), ...more] = process.argv.slice(2)
const zones = ["Asia/Kathmandu", "America/St_Johns"]

const busy = [1, 2].map(() => spawn(process.execPath, ["-e", "for (;;);"], { stdio: "ignore" }))
const end = () => busy.forEach((loop) => loop.kill("SIGKILL"))
process.on("exit", end)
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(1))

const args = [
  "run",
  "--sequence.shuffle",
  `--sequence.seed=${seed}`,
  "--testTimeout=600000",
  "--hookTimeout=600000",
  ...more
]
const failed = zones.filter((zone) => {
  console.log(`TZ=${zone}, seed ${seed}`)
  const { status } = spawnSync("node_modules/.bin/vitest", args, {
    stdio: "inherit",
    env: { ...process.env, TZ: zone }
  })
  return status !== 0
})
console.log(failed.length === 0 ? `ok, seed ${seed}` : `FAILED in ${failed.join(" and ")}, seed ${seed}`)
process.exit(failed.length === 0 ? 0 : 1)
