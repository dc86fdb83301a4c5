/** What came, in a few characters of JSON. Total: whatever it is, and whatever its getters do. */
export const shown = (value: unknown, limit = 80): string => {
  if (value === undefined) return "nothing"
  try {
    return (JSON.stringify(value) ?? typeof value).slice(0, limit)
  } catch {
    // Nested too deep, in a circle, a bigint, or something that throws when it is read.
    return "a value that cannot be written as JSON"
  }
}
