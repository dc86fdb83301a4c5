/** Numbers as people read them in a reason. */

/** Three digits, no exponent; what is less than a thousandth is nothing. */
export const format = (value: number): string =>
  value < 0.001 ? "0" : value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(value < 10 ? 2 : 3)))

export const formatMillis = (millis: number): string =>
  millis >= 999.5 ? `${format(millis / 1000)} s` : `${format(millis)} ms`

/** A reason, and how many more wait that no worker could start. */
export const withHeld = (reason: string, heldBack: number): string => `${reason}; ${heldBack} more are held back`
