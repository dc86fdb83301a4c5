/**
 * What this thread, or process, is there for. A module that starts threads of itself when it is imported would do so on each of them, and they
 * again, without an end: it is refused.
 */

const key = Symbol.for("effect-worker-pool/threads/within")
const place = globalThis as { [key]?: ReadonlyArray<string> }

/** The modules for which the threads around this place were started, the outermost first. None in the main program. */
export const within = (): ReadonlyArray<string> => place[key] ?? []

/** To be said before the last of them is imported. */
export const enter = (modules: ReadonlyArray<string>): void => {
  place[key] = modules
}

/** Why no thread of that module may be started here. */
export const refusal = (module: string): string | undefined =>
  within().includes(module)
    ? `${module} starts threads of itself when it is imported: that belongs in another file than the handlers`
    : undefined
