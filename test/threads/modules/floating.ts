/** Functions of which one leaves something behind that ends its thread. */

/** It has answered when nobody catches this. */
export const leave = (how: "rejection" | "exit"): string => {
  if (how === "rejection") void Promise.reject(new Error("nobody's"))
  else setImmediate(() => process.exit(3))
  return "fine"
}

export const echo = (n: number): number => n
