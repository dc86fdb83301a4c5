/** What is moved between threads instead of being copied. A module on a thread imports it, so it imports nothing. @module */

/** A buffer, a port, a stream: whatever `postMessage` can move. */
type Movable = object

/** Shared by all copies of this file that a program has: a bundle of what runs on threads has one of its own. */
const moves: WeakMap<object, ReadonlyArray<Movable>> = ((globalThis as Record<symbol, any>)[
  Symbol.for("effect-worker-pool/moves")
] ??= new WeakMap())

/**
 * Marks a value: when it is next an input of a function on a thread, or the result of one, its buffer is moved there and not copied,
 * which takes no time, however big it is, and is gone here. `move(bytes)` moves a buffer, or that of a view, a port or a stream; of any
 * other value say what: `move({ name, bytes }, [bytes.buffer])`. Gives the value itself. An input that was moved serves one attempt:
 * the next one fails. To a process all is copied.
 */
export const move = <A extends object>(value: A, movables?: ReadonlyArray<Movable>): A => {
  moves.set(value, movables ?? [ArrayBuffer.isView(value) ? value.buffer : value])
  return value
}

/** What `move` has said of it. @internal */
export const movesOf = (value: unknown): ReadonlyArray<Movable> | undefined =>
  typeof value === "object" && value !== null ? moves.get(value) : undefined
