/** The same for this pool's door for promises. */
import { move } from "../../../src/threads/move.ts"

export const noop = (n) => n

export const spin = (millis) => {
  const until = performance.now() + millis
  while (performance.now() < until);
  return millis
}

export const echo = (bytes) => bytes

export const moved = (bytes) => move(bytes)
