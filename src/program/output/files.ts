/** Files that a command writes beside what it prints. They are overwritten. */
import { Effect } from "effect"
import { promises } from "node:fs"
import { messageOf, PageNotWritten, SettingsNotWritten } from "../errors.ts"

export const writePage = (path: string, html: string): Effect.Effect<void, PageNotWritten> =>
  write(path, html, (failure) => new PageNotWritten(failure))

export const writeSettings = (path: string, yaml: string): Effect.Effect<void, SettingsNotWritten> =>
  write(path, yaml, (failure) => new SettingsNotWritten(failure))

const write = <E>(
  path: string,
  text: string,
  refuse: (failure: { readonly path: string; readonly reason: string }) => E
): Effect.Effect<void, E> =>
  Effect.tryPromise({
    try: () => promises.writeFile(path, text),
    catch: (error) => refuse({ path, reason: messageOf(error) })
  })
