/** Divides the time of a profile among the groups of `rules.ts`. */
import { type CallFrame, lineOf } from "./frames.ts"
import { type Group, groupOf, isLeftOut } from "./rules.ts"

/** What the inspector answers with, as far as it is needed. */
export interface Profile {
  readonly nodes: ReadonlyArray<{
    readonly id: number
    readonly callFrame: CallFrame
    readonly children?: ReadonlyArray<number>
  }>
  readonly samples?: ReadonlyArray<number>
  readonly timeDeltas?: ReadonlyArray<number>
}

export interface Split {
  /** Shares of the time in which the thread was busy: they add up to one. */
  readonly shares: Readonly<Partial<Record<Group, number>>>
  /** The frames that no rule knows, with their shares, the largest first. */
  readonly unassigned: ReadonlyArray<readonly [frame: string, share: number]>
}

/**
 * Self time, by the group of each frame. A sample stands for the time until the next one, and for two intervals at most:
 * where others have the processor that time is theirs. (The engine adds samples of its own, a few microseconds apart.) Samples in which the thread waited belong to nobody.
 */
export const split = ({ nodes, samples = [], timeDeltas = [] }: Profile, intervalMicros: number): Split => {
  const self = new Map<number, number>()
  samples.forEach((id, at) => {
    // A delta is the time since the sample before.
    const micros = Math.min(2 * intervalMicros, Math.max(0, timeDeltas[at + 1] ?? 0))
    self.set(id, (self.get(id) ?? 0) + micros)
  })
  const lines = new Map(nodes.map(({ callFrame, id }) => [id, lineOf(callFrame)]))
  const parents = new Map(nodes.flatMap(({ children = [], id }) => children.map((child) => [child, id] as const)))
  const groups = new Map<Group, number>()
  const unknown = new Map<string, number>()
  let busy = 0
  for (const [id, micros] of self) {
    const line = lines.get(id)!
    if (isLeftOut(line) || micros === 0) continue
    busy += micros
    const group = groupOf(line, () => ancestors(id, parents, lines))
    groups.set(group, (groups.get(group) ?? 0) + micros)
    if (group === "unassigned") unknown.set(line, (unknown.get(line) ?? 0) + micros)
  }
  return {
    shares: Object.fromEntries([...groups].map(([group, micros]) => [group, micros / busy])),
    unassigned: [...unknown].map(([line, micros]) => [line, micros / busy] as const).toSorted((a, b) => b[1] - a[1])
  }
}

/** The frames that called this one, the nearest first. */
function* ancestors(
  id: number,
  parents: ReadonlyMap<number, number>,
  lines: ReadonlyMap<number, string>
): Generator<string> {
  for (let at = parents.get(id); at !== undefined; at = parents.get(at)) yield lines.get(at)!
}
