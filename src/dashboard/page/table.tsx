/** A table; and one whose rows stand still while somebody points at them: a button must not move away from under the pointer. */
import type { ComponentChildren, JSX } from "preact"
import { useEffect, useRef } from "preact/hooks"
import { frozen } from "./state.ts"

interface TableProps {
  /** Of the heading that names it. */
  readonly id: string
  readonly caption: string
  readonly columns: ReadonlyArray<string>
  /** What one more column is for, the last, which has buttons alone. */
  readonly action?: string
  /** Of its body. */
  readonly body?: JSX.IntrinsicElements["tbody"]
  /** Its rows. */
  readonly children: ComponentChildren
}

export const Table = ({ action, body, caption, children, columns, id }: TableProps) => (
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
          {action === undefined ? null : (
            <th scope="col">
              <span class="hidden">{action}</span>
            </th>
          )}
        </tr>
      </thead>
      <tbody {...body}>{children}</tbody>
    </table>
  </div>
)

/** One whose rows have buttons. */
export const ActionTable = ({
  id,
  ...props
}: Omit<TableProps, "body"> & { readonly id: keyof typeof frozen; readonly action: string }) => {
  const body = useRef<HTMLTableSectionElement>(null)
  const freeze = () => {
    frozen[id] = body.current?.matches(":hover, :focus-within") ?? false
  }
  // Whoever points at a table that goes does not hear that it has left.
  useEffect(() => () => void (frozen[id] = false), [])
  const watched = {
    ref: body,
    onMouseEnter: freeze,
    onMouseLeave: freeze,
    onFocusIn: freeze,
    onFocusOut: () => setTimeout(freeze)
  }
  return <Table id={id} {...props} body={watched} />
}
