/** Names that callers chose: any text at all, and nothing of it may look like anything else on the page. */

/** What has no shape of its own, or changes what stands beside it: controls, marks of direction, spaces that are not the usual one. */
const unseen = /[\p{C}\p{Zl}\p{Zp}]|[^\P{Zs} ]/gu
const shownLength = 40
const toldLength = 300

/** The text with everything unseen written out, as `\u{202e}`, and cut. */
export const visible = (text: string, most = shownLength): string => {
  const characters = Array.from(text.slice(0, 2 * most + 2))
  const isCut = characters.length > most
  const kept = isCut ? characters.slice(0, most).join("") : text
  const written = kept.replaceAll(unseen, (one) => `\\u{${one.codePointAt(0)!.toString(16)}}`)
  return isCut ? `${written}…` : written
}

/** For the middle of a sentence: whichever way it is read, what is around it stays where it is. */
export const isolated = (text: string): string => `\u2068${visible(text)}\u2069`

/** More of it is told to whoever points at it. */
export const Name = ({ text }: { readonly text: string }) => (
  <bdi class="name" title={visible(text, toldLength)}>
    {visible(text)}
  </bdi>
)
