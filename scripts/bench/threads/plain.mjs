/** What runs on the threads: plain functions, the same for piscina and for the door for promises. */

export const noop = (n) => n

/** Keeps a core busy for so many milliseconds; `Infinity`: for ever. */
export const spin = (millis) => {
  const until = performance.now() + millis
  while (performance.now() < until);
  return millis
}

export const echo = (bytes) => bytes
