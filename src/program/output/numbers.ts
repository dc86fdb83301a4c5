/** Numbers for people. */
import { duration } from "./duration.ts"

/** `0 ms`, `3.42 ms`, `120 ms`, `1.25 s` or `4 min 5 s`. */
export const time = (millis: number): string =>
  millis < 1000
    ? `${Number(millis.toPrecision(3))} ms`
    : millis < 60_000
      ? `${Number((millis / 1000).toPrecision(3))} s`
      : duration(millis / 1000)

/** `0.123 %` or `12.3 %` */
export const percent = (share: number): string => `${Number((100 * share).toPrecision(3))} %`

/** `12,776` */
export const count = (value: number): string => String(Math.round(value)).replaceAll(/\B(?=(\d{3})+$)/g, ",")
