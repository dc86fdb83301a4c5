/** The command line as its parser takes it. */

/** A flag whose value may be left out takes one only behind an equals sign. */
const optionalValues: Readonly<Record<string, RegExp>> = {
  "--threads": /^(\d+|auto|none)$/,
  "--check": /^[\d.]+%?$/
}

/** `--threads 4` becomes `--threads=4`: what follows it and is no number of threads is something else. So with the others. */
export const attached = (args: ReadonlyArray<string>): ReadonlyArray<string> => {
  const result: Array<string> = []
  let isEnded = false
  for (let at = 0; at < args.length; at++) {
    const [flag, value = ""] = args.slice(at, at + 2) as [string, string?]
    isEnded ||= flag === "--"
    if (!isEnded && Object.hasOwn(optionalValues, flag) && optionalValues[flag]!.test(value)) {
      result.push(`${flag}=${value}`)
      at++
    } else result.push(flag)
  }
  return result
}
