/** Buckets for durations, which grow with them: in which one a duration is, and where each begins. */

/** Each power of two is cut into so many buckets: a bucket is at most an eighth of its value wide. */
export const perOctave = 8
/** The first bucket ends at this many milliseconds. */
export const unitMillis = 1 / 128
/** The last one has everything from about four hours on. */
export const bucketCount = 29 * perOctave

/** In which bucket so many milliseconds are. */
export const bucketOf = (millis: number): number => {
  const units = millis / unitMillis
  if (!(units >= perOctave)) return units >= 1 ? Math.floor(units) : 0
  // From 2^31 units on there is only the last bucket.
  const whole = units >= 0x7fffffff ? 0x7fffffff : units | 0
  const octave = 28 - Math.clz32(whole)
  return Math.min(bucketCount - 1, (octave + 1) * perOctave + ((whole >>> octave) & (perOctave - 1)))
}

/** Where a bucket begins, in milliseconds. */
export const lowerOf = (bucket: number): number => {
  if (bucket < perOctave) return bucket * unitMillis
  const octave = Math.floor(bucket / perOctave) - 1
  return (perOctave + (bucket % perOctave)) * 2 ** octave * unitMillis
}
