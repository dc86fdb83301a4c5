/** A table whose rows stand still while somebody points at them: a button must not move away from under the pointer. */
import type { ComponentChildren } from "preact"
import { useEffect, useRef } from "preact/hooks"
import { frozen } from "./state.ts"

interface TableProps {
  /** Of the heading that names it. */
  readonly id: keyof typeof frozen
  readonly caption: string
  readonly columns: ReadonlyArray<string>
  /** What the last column is for. */
  readonly action: string
  /** Its rows. */
  readonly children: ComponentChildren
}

export const Table = ({ action, caption, children, columns, id }: TableProps) => {
  const body = useRef<HTMLTableSectionElement>(null)
  const freeze = () => {
    frozen[id] = body.current?.matches(":hover, :focus-within") ?? false
  }
  // Whoever points at a table that goes does not hear that it has left.
  useEffect(() => () => void (frozen[id] = false), [])
  return (
    <div class="scroll" tabIndex={0} role="group" aria-labelledby={id}>
      <table>
        <caption class="hidden">{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <th scope="col" key={column}>
                {column}
              </th>
            ))}
            <th scope="col">
              <span class="hidden">{action}</span>
            </th>
          </tr>
        </thead>
        <tbody
          ref={body}
          onMouseEnter={freeze}
          onMouseLeave={freeze}
          onFocusIn={freeze}
          onFocusOut={() => setTimeout(freeze)}
        >
          {children}
        </tbody>
      </table>
    </div>
  )
}
