// Counts the modules that a process loads, and their bytes: `node --import ./countModules.mjs ...`.
import { statSync } from "node:fs"
import { registerHooks } from "node:module"
import { fileURLToPath } from "node:url"

globalThis.modules = { modules: 0, kilobytes: 0 }
registerHooks({
  load: (url, context, next) => {
    if (url.startsWith("file:")) {
      globalThis.modules.modules++
      globalThis.modules.kilobytes += statSync(fileURLToPath(url)).size / 1024
    }
    return next(url, context)
  }
})
