/** Rows of texts as a table for people, each on a line of its own: the columns stand under each other, and the last one is not filled up. */
export const columns = (all: ReadonlyArray<ReadonlyArray<string>>): string => {
  const rows = all.map((row) => row.map(onOneLine))
  const widths: Array<number> = []
  for (const row of rows) row.forEach((cell, at) => (widths[at] = Math.max(widths[at] ?? 0, cell.length)))
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, at) => cell.padEnd(widths[at]!))
          .join("   ")
          .trimEnd()}\n`
    )
    .join("")
}

/** A row of figures: a name, and a cell for each of what stands side by side. */
export interface Row {
  readonly name: string
  readonly cells: ReadonlyArray<string>
}

/** The names to the left, and the cells to the right of their columns. Of a name of more than 80 letters the middle is left out. */
export const figureTable = (all: ReadonlyArray<Row>): string => {
  const rows = all.map(({ cells, name }) => ({ cells: cells.map(onOneLine), name: short(onOneLine(name)) }))
  const nameWidth = Math.max(...rows.map(({ name }) => name.length))
  const widths = rows[0]!.cells.map((_, n) => Math.max(...rows.map(({ cells }) => cells[n]!.length)))
  return rows
    .map(
      ({ cells, name }) =>
        `${[name.padEnd(nameWidth), ...cells.map((cell, n) => cell.padStart(widths[n]!))].join("   ")}\n`
    )
    .join("")
}

/** Names and keys are somebody else's: what would break the line, or tell the terminal something, is shown as JSON has it. */
const onOneLine = (text: string): string =>
  text.replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`)

const mostLetters = 80
const short = (name: string): string =>
  name.length <= mostLetters ? name : `${name.slice(0, mostLetters - 31)}…${name.slice(-30)}`
