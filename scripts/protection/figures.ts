/** How figures are written into a page. */

/** The middle one, and between which all are. */
export const range = (values: ReadonlyArray<number>, digits = 0): string => {
  const sorted = values.toSorted((a, b) => a - b)
  const [least, middle, most] = [sorted[0]!, sorted[sorted.length >> 1]!, sorted.at(-1)!].map((value) =>
    fixed(value, digits)
  )
  return least === most ? least! : `${middle} (${least} to ${most})`
}

const fixed = (value: number, digits: number): string =>
  value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits })

export const markdown = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string =>
  [head, head.map((_, at) => (at === 0 ? "---" : "---:")), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n")
