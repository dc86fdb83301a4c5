/** Numbers as the table and the page show them. */
import * as Tuning from "../../Tuning.ts"

export const figure = (value: number): string => String(Number(value.toFixed(value < 100 ? 2 : 1)))

export const valueOf = (target: Tuning.Target, value: number | undefined): string =>
  value === undefined ? "-" : Tuning.shown(target, value)
