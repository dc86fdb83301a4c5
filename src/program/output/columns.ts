/** Rows of texts as a table for people: the columns stand under each other, and the last one is as it is. */
export const columns = (rows: ReadonlyArray<ReadonlyArray<string>>): string => {
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

/** The names to the left, and the cells to the right of their columns. */
export const figureTable = (rows: ReadonlyArray<Row>): string => {
  const nameWidth = Math.max(...rows.map(({ name }) => name.length))
  const widths = rows[0]!.cells.map((_, n) => Math.max(...rows.map(({ cells }) => cells[n]!.length)))
  return rows
    .map(
      ({ cells, name }) =>
        `${[name.padEnd(nameWidth), ...cells.map((cell, n) => cell.padStart(widths[n]!))].join("   ")}\n`
    )
    .join("")
}
