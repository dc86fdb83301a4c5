/** JSON as text. What somebody else wrote may nest so deep that to write it again takes the whole stack. */

/**
 * Whether brackets nest deeper than `most` in a text. It may be no JSON: whoever reads it says so. Of a text that is too
 * short for that nothing is looked at: each level takes a bracket at either end.
 */
export const nestsDeeperThan = (text: string, most: number): boolean => {
  if (text.length <= 2 * most) return false
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === quote) {
      at = endOfString(text, at)
      if (at < 0) return false
    } else if (code === openList || code === openObject) {
      if (++depth > most) return true
    } else if (code === closeList || code === closeObject) depth--
  }
  return false
}

const quote = 0x22
const backslash = 0x5c
const openList = 0x5b
const closeList = 0x5d
const openObject = 0x7b
const closeObject = 0x7d

/** Where the string that begins at `start` ends; `-1` if it does not. */
const endOfString = (text: string, start: number): number => {
  for (let at = text.indexOf('"', start + 1); at >= 0; at = text.indexOf('"', at + 1)) {
    let before = at
    while (text.charCodeAt(before - 1) === backslash) before--
    if ((at - before) % 2 === 0) return at
  }
  return -1
}
