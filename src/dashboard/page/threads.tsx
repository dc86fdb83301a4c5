/** The threads on which handlers run: what they do now, and which had to be killed, have crashed or are stuck. */
import type { Point } from "../../http/points.ts"
import { Figure, Squares } from "./figures.tsx"
import { clock, count, millis } from "./format.ts"
import { Name, visible } from "./names.tsx"
import { points } from "./state.ts"
import { Table } from "./table.tsx"
import { type Threads as Some, threads, type Trouble, troubles } from "./threadNews.ts"

const shownTroubles = 8
const toldLength = 300
const columns = ["Time", "Thread", "Request", "What"]

export const Threads = () => (
  <>
    {threads.value.map((some, at) => (
      <Card key={some.name} id={`threads-${at}`} of={some} isOnly={threads.value.length === 1} />
    ))}
  </>
)

interface CardProps {
  readonly id: string
  readonly of: Some
  readonly isOnly: boolean
}

const Card = ({ id, isOnly, of: { counts, name } }: CardProps) => {
  const { now, startMillis, total } = counts
  const all = now.starting + now.idle + now.busy + now.dying + now.stuck
  return (
    <section class="card list threads" aria-labelledby={id}>
      <div class="head">
        <h2 id={id}>
          Threads
          {isOnly ? null : (
            <>
              {" "}
              <Name text={name} />
            </>
          )}{" "}
          <span class="number">{count(all)}</span>
        </h2>
        <span class="remark">
          {count(total.started)} started so far
          {startMillis === null ? "" : `, the last one in ${millis(startMillis)}`}
        </span>
      </div>
      <dl>
        <Figure name="Busy" kind="busy" value={count(now.busy)} />
        <Figure name="Idle" kind="idle" value={count(now.idle)} />
        <Figure name="Starting" kind="starting" value={count(now.starting)} />
        <Figure name="Dying" kind="ending" value={count(now.dying)} />
        <Figure name="Stuck" kind="stuck" value={count(now.stuck)} isWrong={now.stuck > 0} />
        <Figure name="Killed so far" value={count(total.killed)} />
        <Figure name="Crashed so far" value={count(total.crashed)} isWrong={hasCrashedOfLate(name)} />
      </dl>
      <Squares
        parts={{ stuck: now.stuck, running: now.busy, ending: now.dying, starting: now.starting, idle: now.idle }}
        most={all}
      />
      <Troubles id={id} of={troubles.value.filter((trouble) => trouble.name === name)} />
    </section>
  )
}

/** In the last minute, as far as the page knows. */
const hasCrashedOfLate = (name: string): boolean => {
  const [first, ...others] = points.value.slice(-60)
  const crashed = (point: Point | undefined) => point?.limits[name]?.threads?.total.crashed ?? 0
  return crashed(others.at(-1)) > crashed(first)
}

const Troubles = ({ id, of }: { readonly id: string; readonly of: ReadonlyArray<Trouble> }) =>
  of.length === 0 ? (
    <p class="empty">None was killed, has crashed or got stuck since this page was opened.</p>
  ) : (
    <Table id={id} caption="Threads that were killed, have crashed or are stuck, newest first" columns={columns}>
      {of.slice(0, shownTroubles).map((trouble) => (
        <Row key={`${trouble.thread} ${trouble.change}`} of={trouble} />
      ))}
    </Table>
  )

const words: Readonly<Record<string, string>> = {
  killed: "was killed",
  crashed: "has crashed",
  stuck: "was killed, and does not end"
}

const Row = ({ of: { at, change, detail, thread, type } }: { readonly of: Trouble }) => (
  <tr>
    <td class="time">{clock(at)}</td>
    <td>{thread}</td>
    <td>{type === undefined ? null : <Name text={type} />}</td>
    <td class="why">
      {words[change] ?? change}{" "}
      {detail === undefined ? null : (
        <small>
          <bdi>{visible(detail, toldLength)}</bdi>
        </small>
      )}
    </td>
  </tr>
)
