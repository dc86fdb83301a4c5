/** What must hold after every step: the counts of the queue, who may be overlooked, and when the alarm has to ring. */
import type { Flow, Lane } from "../../../src/queue/flow.ts"
import type { Gate } from "../../../src/queue/gate.ts"
import type { Gates } from "../../../src/queue/gates.ts"
import { isDue } from "../../../src/internal/deadlines.ts"
import type { WaitingRequests } from "../../../src/RequestQueue.ts"
import type { NotedAlarm } from "../support.ts"
import type { Entry, Naive } from "./naive.ts"

export interface State {
  readonly queue: WaitingRequests
  readonly naive: Naive
  readonly alarm: NotedAlarm
  readonly now: number
}

const sum = (numbers: ReadonlyArray<number>) => numbers.reduce((a, b) => a + b, 0)

export const lanesOf = (queue: WaitingRequests): ReadonlyArray<Lane> =>
  [...queue.fair!.flows.all].flatMap((flow) => [...flow.lanes()])

/** How much of the inside is told of nobody: times that are watched, gates with somebody before them. */
export const insideOf = (gates: Gates) =>
  gates as unknown as { readonly timed: { readonly size: number }; readonly crowded: ReadonlySet<Gate> }

/** What is broken, in words. */
export const broken = (state: State): ReadonlyArray<string> => [...wrongCounts(state), ...overlooked(state)]

function* wrongCounts({ naive, now, queue }: State): Iterable<string> {
  const fair = queue.fair!
  const waiting = naive.in("waiting")
  const lanes = lanesOf(queue)
  const is = (what: string, actual: number, expected: number) =>
    actual === expected ? [] : [`${what} is ${actual}, not ${expected}`]
  yield* is("waiting", queue.waiting, waiting.length)
  yield* is("delayed", queue.delayed, naive.in("delayed").length)
  yield* is("blocked", queue.blocked, naive.in("blocked").length)
  const parked = lanes.filter(({ parkedAt }) => parkedAt !== undefined)
  const heldBack = (of: ReadonlyArray<Lane>) => sum(of.map(({ size }) => size))
  yield* is("heldBack", fair.gates.heldBack, heldBack(parked))
  yield* is("free", queue.free, waiting.length - heldBack(parked))
  const { total } = fair.heldBackAt(now)
  if (total < fair.gates.heldBack || total > waiting.length) yield `${total} are held back, of ${waiting.length}`
  for (const tag of new Set(lanes.map(({ tag }) => tag))) {
    yield* is(`heldBack of ${tag.tag}`, tag.heldBack, heldBack(parked.filter((lane) => lane.tag === tag)))
  }
  const ofKey = (entries: Iterable<Entry>, key: string) => [...entries].filter((entry) => entry.key === key)
  for (const flow of fair.flows.all) {
    const of = ofKey(naive.entries, flow.key)
    yield* is(`waiting of ${flow.key}`, flow.waiting, of.filter(({ place }) => place === "waiting").length)
    yield* is(`delayed of ${flow.key}`, flow.delayed, of.filter(({ place }) => place === "delayed").length)
    yield* is(`running of ${flow.key}`, flow.running, of.filter(({ isRunning }) => isRunning).length)
    yield* is(`heldBack of ${flow.key}`, flow.heldBack, heldBack(parked.filter((lane) => lane.flow === flow)))
  }
  for (const { key } of waiting) if (fair.flows.find(key) === undefined) yield `key ${key} is forgotten`
  yield* wrongGates(lanes, naive)
  const running = naive.running()
  for (const { heldBack: held, limit, running: counted } of fair.gates.limits.all) {
    const at = [...running].filter(([id]) => id.startsWith(`limit ${limit.name} `))
    yield* is(`running of ${limit.name}`, counted, sum(at.map(([, count]) => count)))
    yield* is(
      `heldBack of ${limit.name}`,
      held,
      heldBack(parked.filter(({ parkedAt }) => parkedAt!.limit?.limit.name === limit.name))
    )
  }
}

/** Each count has one gate, and knows who was let go by it. */
function* wrongGates(lanes: ReadonlyArray<Lane>, naive: Naive): Iterable<string> {
  const running = naive.running()
  const gates = new Map<string, Gate>()
  const held = new Map<Gate, number>()
  for (const { gates: of, parkedAt, size } of lanes) {
    if (parkedAt !== undefined) held.set(parkedAt, (held.get(parkedAt) ?? 0) + size)
    for (const gate of of) {
      const id = `limit ${gate.name} ${gate.of ?? ""}`
      const known = gates.get(id)
      if (known !== undefined && known !== gate) yield `there are two gates of ${id}`
      gates.set(id, gate)
    }
  }
  for (const [id, gate] of gates) {
    if (gate.running !== (running.get(id) ?? 0)) yield `${gate.running} run at ${id}, not ${running.get(id)}`
  }
  for (const gate of new Set([...held.keys(), ...gates.values()])) {
    if (gate.heldBack !== (held.get(gate) ?? 0)) yield `${gate.heldBack} wait at ${gate.name} ${gate.of}`
    const woken = lanes.filter(({ wokenBy }) => wokenBy === gate).length
    if (gate.woken !== woken) yield `${gate.woken} are woken by ${gate.name} ${gate.of}, not ${woken}`
  }
  for (const { parkedAt, size, wokenBy } of lanes) {
    if (wokenBy !== undefined && (parkedAt !== undefined || size === 0)) yield "one that was let go is of no use"
    if (parkedAt !== undefined && size === 0) yield "an empty lane waits at a gate"
  }
}

/** One that may start is to be found, at once or when the alarm has rung; and that rings for nobody else. */
function* overlooked({ alarm, naive, now, queue }: State): Iterable<string> {
  const { gates } = queue.fair!
  const running = naive.running()
  const heads = naive.heads().map((entry) => naive.obstacles(entry, now, running))
  const isFound = queue.free > 0 || isDue(alarm.at, now)
  if (!isFound && heads.some((obstacles) => obstacles.length === 0)) yield "one may start, and nobody is told"
  // What time alone holds back may start when the last of its gates opens.
  const opens = Math.min(...heads.map((obstacles) => Math.max(...obstacles.map(({ until }) => until))))
  if (!isFound && opens > now && alarm.at > opens + 1e-6)
    yield `the alarm rings at ${alarm.at}, a gate opens at ${opens}`
  const { crowded, timed } = insideOf(gates)
  for (const gate of crowded) if (!gate.isCrowded) yield `nobody waits at ${gate.name}`
  if (alarm.at === Infinity) {
    if (timed.size > 0) yield "a gate opens, and no alarm rings"
  } else if (timed.size === 0) yield "an alarm is set, and no gate is watched"
  else {
    const waitsForTime = naive
      .in("waiting")
      .some((entry) => naive.obstacles(entry, -1, running).some(({ until }) => until < Infinity))
    if (!waitsForTime) yield "an alarm is set, and nothing waits for a time"
  }
}

/** By what its key has had the rank of each whose first lane, of those that nobody holds back yet, may start. */
export const ranks = (queue: WaitingRequests, isStartable: (lane: Lane) => boolean): ReadonlyMap<Flow, number> => {
  const first = new Map<Flow, Lane>()
  for (const lane of lanesOf(queue)) {
    if (lane.parkedAt !== undefined || lane.size === 0) continue
    const other = first.get(lane.flow)
    if (other === undefined || isEarlier(lane, other)) first.set(lane.flow, lane)
  }
  return new Map([...first].flatMap(([flow, lane]) => (isStartable(lane) ? [[flow, flow.rankOf(lane)]] : [])))
}

export const isEarlier = (a: Lane, b: Lane): boolean =>
  a.level !== b.level ? a.level > b.level : a.turn !== b.turn ? a.turn < b.turn : a.tie < b.tie
