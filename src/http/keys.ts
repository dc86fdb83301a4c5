/** Keys and priorities as they come from outside: in a query, in a header, or with a remote call. */

const mostKey = 256

export const expectedKey = `1 to ${mostKey} characters without control characters`

/** Whether a text may be the key of a request: it is kept, counted and shown, so it is short and can be read. */
export const isKey = (text: string): boolean =>
  text.length >= 1 && text.length <= mostKey && text.isWellFormed() && !/\p{Cc}/u.test(text)

/** A priority of the pool, -10 to 10, higher first. */
export const priorityOf = (text: string): number | undefined =>
  /^-?\d{1,2}$/.test(text) && Math.abs(Number(text)) <= 10 ? Number(text) : undefined

/**
 * The pool's priority that the header `Priority` (RFC 9218) asks for: `2 * (3 - u)`, so that its default, `u=3`, is 0, the most
 * urgent, `u=0`, is 6, and the least, `u=7`, is -8. `undefined` without a `u` in range: as that standard demands, what cannot be
 * understood is passed over, and of several the last counts.
 */
export const urgencyPriority = (header: string | ReadonlyArray<string> | undefined): number | undefined => {
  if (header === undefined) return undefined
  const text = String(header)
  const urgency = /^u=\d$/.test(text) ? text.slice(2) : memberOf(text, "u")
  return urgency !== undefined && /^[0-7]$/.test(urgency) ? 2 * (3 - Number(urgency)) : undefined
}

const key = "[a-z*][a-z\\d_.*-]*"
/** A number, a text, a token, bytes, or yes and no: the items of structured fields (RFC 9651). */
const item = `-?\\d+(?:\\.\\d+)?|"(?:[^"\\\\]|\\\\["\\\\])*"|[A-Za-z*][\\w!#$%&'*+.^\`|~:/-]*|:[A-Za-z\\d+/=]*:|\\?[01]`
/** A member of a dictionary with its parameters, and what stands behind it. Inner lists are nothing that this header has. */
const member = new RegExp(`[ \\t]*(${key})(?:=(${item}))?(?:; *${key}(?:=(?:${item}))?)*[ \\t]*(,|$)`, "y")

/** The value of the last member of that name; a field that is no dictionary has none. */
const memberOf = (field: string, name: string): string | undefined => {
  let found: string | undefined
  member.lastIndex = 0
  for (;;) {
    const match = member.exec(field)
    if (match === null) return undefined
    const [, of, value, delimiter] = match
    if (of === name) found = value
    if (delimiter === "") return found
  }
}
