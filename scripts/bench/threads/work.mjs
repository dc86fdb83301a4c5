/** What runs on the threads: plain functions, as piscina and the door for promises call them. */
import { move } from "piscina"

export const noop = (n) => n

/** Keeps a core busy for so many milliseconds; `Infinity`: for ever. */
export const spin = (millis) => {
  const until = performance.now() + millis
  while (performance.now() < until);
  return millis
}

export const echo = (bytes) => bytes

/** The same, moved. */
export const moved = (bytes) => move(bytes)
