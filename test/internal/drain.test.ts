/** The end of a drain whose time comes while it is still ending, turn by turn, what waits. */
import { assert, it } from "vitest"
import { Counters } from "../../src/internal/counters.ts"
import type { Deadline } from "../../src/internal/deadlines.ts"
import { type Dependencies, Drain } from "../../src/internal/drain.ts"
import type { PoolRequest } from "../../src/internal/request.ts"

it("does not close before the last one that waits has its end, though the grace is over", () => {
  const waiting = ["a", "b", "c"] as unknown as Array<PoolRequest>
  const ended: Array<PoolRequest> = []
  const due: Array<Deadline> = []
  const later: Array<() => void> = []
  let looks = 0
  const drain = new Drain()
  drain.connect({
    name: "test",
    graceMillis: 1,
    now: () => 0,
    admission: { interrupt: (request: PoolRequest) => ended.push(request) },
    counters: new Counters(),
    crew: { all: [], close: () => {}, wakeAll: () => {} },
    deadlines: { set: (deadline: Deadline) => due.push(deadline), clear: () => {}, stop: () => {} },
    events: { on: false, end: () => {} },
    nesting: { isFromWithin: () => false },
    queue: {
      all: (phase: string) => (phase === "waiting" ? waiting : []),
      resumeAll: () => {},
      get waiting() {
        return waiting.length - ended.length
      },
      delayed: 0
    },
    // A turn has time for one.
    turn: { isOver: () => looks++ % 2 === 1, defer: (task: () => void) => later.push(task), run: () => {} },
    onDrained: () => {}
  } as unknown as Dependencies)
  drain.start(0, "finish")
  const [deadline] = due.splice(0)
  deadline!.onDue(0)
  assert.deepStrictEqual([...ended], waiting.slice(0, 1))
  const [grace] = due.splice(0)
  grace!.onDue(1)
  assert.strictEqual(drain.state, "draining")
  while (later.length > 0) later.shift()!()
  assert.deepStrictEqual(ended, waiting)
  assert.strictEqual(drain.state, "closed")
})
