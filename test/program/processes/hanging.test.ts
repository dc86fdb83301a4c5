/** A process that hangs before it listens, as a real one: nobody waits for it for ever. */
import { rmSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { it } from "vitest"
import { start, temporary } from "../fixtures/program.ts"
import { post, serveModule } from "../fixtures/service.ts"

const files = temporary()
const module = fileURLToPath(new URL("../fixtures/hanging.ts", import.meta.url))

it("ends the start, leaves the old one at SIGHUP, and is tried again where nobody is", async ({
  expect,
  onTestFinished
}) => {
  const [file, config] = [files.path("hangs"), files.path("start.json")]
  // Short only while each that starts hangs: nothing has to be there by then.
  const configure = (startTimeout: string) => writeFileSync(config, JSON.stringify({ processes: 1, startTimeout }))
  process.env["TEST_HANGS"] = file
  onTestFinished(() => void delete process.env["TEST_HANGS"])
  configure("300ms")
  writeFileSync(file, "")
  const never = start("serve", "--handlers", module, "--port", "0", "--config", config)
  onTestFinished(() => void never.child.kill("SIGKILL"))
  expect(await never.code()).toBe(1)
  const late = "was expected to listen within 300 ms (startTimeout), did not, and was killed"
  expect(never.stderr).toContain(`by the end of a process: process 1 ${late}`)
  expect(never.stdout).toBe("")

  rmSync(file)
  configure("60s")
  const { program, url } = await serveModule(module, "--config", config)
  onTestFinished(() => void program.child.kill("SIGKILL"))
  const pids = async (): Promise<ReadonlyArray<number>> => {
    const { processes } = (await (await fetch(`${url}/pool`)).json()) as any
    return processes.members.map(({ pid }: { readonly pid: number }) => pid)
  }
  const before = await pids()
  writeFileSync(file, "")
  configure("300ms")
  program.child.kill("SIGHUP")
  await program.untilSays(`SIGHUP: no process takes the place of process 1, which stays: process 1 ${late}`)
  expect(await pids()).toEqual(before)
  expect((await post(url, "Echo", { message: "x" })).status).toBe(200)

  process.kill(before[0]!, "SIGKILL")
  await program.untilSays("another process takes the place of process 1 in 200 ms")
})
