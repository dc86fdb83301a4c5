// Proves that `src` has none of the habits that break a deterministic, structured program, and no file over 300 lines.
import { sourceFiles } from "./source-files.mjs"

const program = /^(program\/|main\.ts)/
const rules = [
  [/\bDate\.now\(|\bnew Date\(|\bperformance\.now\(/, "reads a real clock"],
  [/\bset(Timeout|Interval|Immediate)\(/, "sets a real timer"],
  [/\bMath\.random\(/, "draws a real random number"],
  [/\bconsole\./, "prints"],
  [/\bthrow /, "throws: fail with a typed error"],
  [/\bEffect\.run(Promise|Sync|Fork|Callback)\b(?!.*@allowed)/, "runs an effect out of the structure"],
  [/\bforkDetach\b/, "detaches a fiber"],
  [
    /getBuiltinModule|\b_(asyncContext|children|interruptedCause|stack|yielded)\b|\byieldWith\b|~effect\//,
    "looks below what Effect and the host promise"
  ],
  [/\bXLive\b|\bLive = Layer/, "names a layer Live"]
]
// Where a rule does not hold, and why.
const exceptions = {
  "internal/asyncContext.ts": ["looks below what Effect and the host promise"], // alone, and it runs where there is none
  // workers: forked here, owned by the pool's scope; and what no combinator tells of a fiber
  "internal/runtime.ts": ["runs an effect out of the structure", "looks below what Effect and the host promise"],
  "internal/inside.ts": ["looks below what Effect and the host promise"], // the names that the next two, who try them first, share
  "internal/exitOf.ts": ["runs an effect out of the structure", "looks below what Effect and the host promise"],
  "internal/suspension.ts": ["runs an effect out of the structure", "looks below what Effect and the host promise"],
  "internal/core.ts": ["detaches a fiber"], // closing the workers' scope must not outlive the second grace
  "http/service.ts": ["runs an effect out of the structure"], // a header is made by a plain function
  "http/submit.ts": ["sets a real timer"], // a fiber for each wait would cost more than the request
  "http/send.ts": ["sets a real timer"], // the end of Node's own turn, in which it reads from its sockets
  "program/processes/given.ts": ["sets a real timer"], // the same, in which it reads what a process has said to the last
  "http/patience.ts": ["reads a real clock", "sets a real timer"], // it goes on where the timers of the server of Node end
  "PoolMetrics.ts": ["runs an effect out of the structure"], // a metric is read by a plain function
  "Simulation.ts": ["runs an effect out of the structure"], // a world of its own, with its own scheduler
  "promise/hostClock.ts": ["sets a real timer"], // it is the clock, and says whether its timers keep the process alive
  // where promises are: callers see errors that are thrown, and run what is an effect within
  "promise/": ["throws: fail with a typed error", "runs an effect out of the structure"],
  "Capacity.ts": ["throws: fail with a typed error"], // its owner may be any callback: that is where a wrong number comes from
  "internal/filters.ts": ["throws: fail with a typed error"], // within what is asked of each request, as what the function of the caller throws itself
  // a program of its own, and where its errors go is the one that has started it
  "threads/runner/": ["throws: fail with a typed error", "runs an effect out of the structure"],
  "threads/ThreadRunner.ts": ["throws: fail with a typed error", "runs an effect out of the structure"],
  "durable/embedded/error.ts": ["throws: fail with a typed error"], // again, what plain functions within one `attempt` have caught
  "program/advice/thread.ts": ["runs an effect out of the structure"], // it is the main program of its thread
  "simulation/random.ts": ["runs an effect out of the structure"], // a generator is made by an effect
  "program/": ["reads a real clock"]
}

const problems = []
for (const { path, text } of sourceFiles) {
  const lines = text.split("\n")
  if (lines.length > 300) problems.push(`${path} has ${lines.length} lines, more than 300`)
  const excused = Object.entries(exceptions).flatMap(([where, what]) => (path.startsWith(where) ? what : []))
  if (program.test(path)) excused.push(...exceptions["program/"])
  lines.forEach((line, at) => {
    if (/^\s*(\*|\/\/|\/\*)/.test(line)) return
    for (const [pattern, what] of rules) {
      if (pattern.test(line) && !excused.includes(what)) problems.push(`${path}:${at + 1} ${what}: ${line.trim()}`)
    }
  })
}
for (const problem of problems) console.error(problem)
console.log(`${sourceFiles.length} files, ${problems.length} breaches of style`)
process.exit(problems.length === 0 ? 0 : 1)
