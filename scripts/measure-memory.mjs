// Proves that memory does not grow with the input: the peak of 100,000 and of 1,000,000 lines through standard input.
import { spawn } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("..", import.meta.url))
const temporary = mkdtempSync(join(tmpdir(), "worker-pool-"))
process.on("exit", () => rmSync(temporary, { recursive: true, force: true }))

const measure = async (lines, withOutcomes) => {
  // The flag is in the first line of the command itself: a small young generation keeps the peak down and flat.
  const args = ["--max-semi-space-size=8", "src/main.ts", "run", "-", "--handlers", "examples/handlers.ts", "--json"]
  if (withOutcomes) args.push("--outcomes", join(temporary, `${lines}.jsonl`))
  const child = spawn(process.execPath, args, { cwd: root, stdio: ["pipe", "pipe", "ignore"] })
  let summary = ""
  child.stdout.on("data", (chunk) => (summary += chunk))
  let peak = 0
  // The kernel keeps the peak itself; it is gone with the process, so it is read until then.
  const look = setInterval(() => {
    try {
      peak =
        Number(readFileSync(`/proc/${child.pid}/status`, "utf8").match(/VmHWM:\s+(\d+)/)?.[1] ?? peak * 1024) / 1024
    } catch {
      clearInterval(look)
    }
  }, 20)
  for (let line = 1; line <= lines;) {
    let chunk = ""
    for (; line <= lines && chunk.length < 60_000; line++) {
      chunk += `{"type":"Echo","data":{"message":"hello ${line}"}}\n`
    }
    if (!child.stdin.write(chunk)) await new Promise((resolve) => child.stdin.once("drain", resolve))
  }
  child.stdin.end()
  const code = await new Promise((resolve) => child.on("close", resolve))
  clearInterval(look)
  const { ends, perSecond } = JSON.parse(summary)
  console.log(
    `${lines} lines ${withOutcomes ? "with" : "without"} outcomes: exit ${code}, ${ends.succeeded} succeeded, ` +
      `${perSecond} lines/s, peak ${Math.round(peak)} MB`
  )
}

for (const withOutcomes of [false, true]) {
  for (const lines of [100_000, 1_000_000]) await measure(lines, withOutcomes)
}
