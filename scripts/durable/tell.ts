/** A result in words: what it is made of, one below the other, and lists of like things as tables. */
import { printTable } from "../bench/tables.ts"

export const tell = (name: string, result: { readonly isFine: boolean }): void => {
  const { isFine, ...rest } = result
  console.log(`\n${name}: ${isFine ? "as it must be" : "NOT as it must be"}`)
  for (const [what, value] of Object.entries(rest)) tellOne(what, value)
}

const tellOne = (what: string, value: unknown): void => {
  if (Array.isArray(value) && value.length > 0 && typeof value[0] === "object") {
    const columns = Object.keys(value[0] as object)
    console.log(`${what}:`)
    printTable(
      columns,
      value.map((row: Record<string, unknown>) => columns.map((column) => told(row[column])))
    )
  } else if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    if (Object.keys(value).length === 0) console.log(`${what}: none`)
    for (const [part, inner] of Object.entries(value)) tellOne(`${what}: ${part}`, inner)
  } else console.log(`${what}: ${Array.isArray(value) ? value.map(told).join(", ") || "none" : told(value)}`)
}

const told = (value: unknown): string =>
  value === undefined || value === null
    ? ""
    : typeof value === "number" && value < 1e12
      ? value.toLocaleString("en", { maximumFractionDigits: 1 })
      : String(value)
