/**
 * Bursts that come again and again. A tick sees their mean alone, and gives away what the next one calls for; an early look
 * takes that for news each time. So what a burst has called for is kept once another one has shown it to be needed.
 */

/** What is remembered of them. */
export interface Bursts {
  /** The last one for which workers were added, or that was like those for which some are kept. */
  readonly at: number
  /** Workers that they call for at the least; 0 while there has been but one. */
  readonly workers: number
  /** Since workers were added for the last one, a tick has given some up. */
  readonly hasFallen: boolean
}

export const none: Bursts = { at: -Infinity, workers: 0, hasFallen: false }

/** Workers that are called for again so soon, in milliseconds, were given up in vain. */
const soon = 20_000
/** For so long after the last burst, in milliseconds, more of them are expected. */
const expected = 60_000
/** In a pool that has been empty for so long, in milliseconds, nothing is expected. */
const empty = 10_000
/** No burst is quite the same: with this share of the workers it is one of them. */
const alike = 0.75

/** The least number of workers that is kept for them; 0 without any. */
export const kept = ({ at, workers }: Bursts, now: number, emptyMillis: number): number =>
  now - at < expected && emptyMillis < empty ? workers : 0

/** After a tick that has given workers up. */
export const fallen = (before: Bursts): Bursts => ({ ...before, hasFallen: true })

/** After an early look that has seen one, for which this many workers are the least. */
export const seen = (before: Bursts, now: number, workers: number, rises: boolean): Bursts => {
  const least = kept(before, now, 0)
  if (!rises) return least > 0 && workers >= alike * least ? { ...before, at: now } : before
  const isAgain = before.hasFallen && now - before.at < soon + (before.workers > 0 ? expected : 0)
  return { at: now, workers: isAgain || least > 0 ? Math.max(least, workers) : 0, hasFallen: false }
}
