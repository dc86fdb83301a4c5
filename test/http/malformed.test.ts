/** Whatever comes in, the answer is the client's mistake and the service goes on. */
import { connect } from "node:net"
import { afterAll, beforeAll, expect, it } from "vitest"
import { open } from "./handlers.ts"
import { type Started, startService } from "./support.ts"

let service: Started
beforeAll(async () => {
  service = await startService({ maxBody: "64KiB", requestTimeout: "1s", headersTimeout: "1s" })
})
afterAll(() => service.close())

/** Sends bytes and reads until the service closes, or has answered as often as it was asked. */
const send = (bytes: string | Buffer, andThen: (answer: string) => string = () => ""): Promise<string> =>
  new Promise((resolve) => {
    const socket = connect(service.port, "127.0.0.1")
    let answer = ""
    socket.setEncoding("latin1")
    socket.on("data", (chunk: string) => {
      answer += chunk
      socket.write(andThen(answer))
    })
    socket.on("error", () => resolve(answer))
    socket.on("close", () => resolve(answer))
    socket.write(bytes)
  })

const post = (path: string, body: string | Buffer, headers: ReadonlyArray<string> = []) => {
  const head = [
    `POST ${path} HTTP/1.1`,
    "Host: localhost",
    "Connection: close",
    "Content-Type: application/json",
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...headers
  ]
  return Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`), Buffer.from(body)])
}
const get = (path: string, headers: ReadonlyArray<string> = []) =>
  [`GET ${path} HTTP/1.1`, "Host: localhost", "Connection: close", ...headers].join("\r\n") + "\r\n\r\n"

/** The same numbers at each run. */
const numbers = (seed: number) => () => (seed = (seed * 48_271) % 2_147_483_647)

const payload = '{"message":"hello","more":[1,2,{"a":null}]}'
const cases: Array<[string, string | Buffer]> = []
const add = (name: string, bytes: string | Buffer) => cases.push([name, bytes])

for (let end = 0; end < payload.length; end++)
  add(`JSON cut after ${end}`, post("/requests/Echo", payload.slice(0, end)))
const next = numbers(7)
for (let n = 0; n < 60; n++) {
  const bytes = Buffer.from(payload)
  for (let at = 0; at < 3; at++) bytes[next() % bytes.length] = [0x00, 0xff, 0x7b, 0x22, 0xc0, 0x5c][next() % 6]!
  // A change within the text of the message leaves a request that is in order: those bytes break what is around it.
  bytes[0] = 0xff
  add(`JSON with broken bytes ${n}`, post("/requests/Echo", bytes))
}
for (const json of ["null", "[]", "1", '"x"', "true", "{}", '{"message":1}', '{"message":null}', '{"message":["a"]}']) {
  add(`Echo with ${json}`, post("/requests/Echo", json))
}
for (const json of [
  '{"list":[{"count":1.5}],"on":"2026-01-01T00:00:00Z"}',
  '{"list":[{"count":"1"}],"on":"2026-01-01T00:00:00Z"}',
  '{"list":{},"on":"2026-01-01T00:00:00Z"}',
  '{"list":[],"on":"yesterday"}',
  '{"list":[],"on":5}',
  '{"__proto__":{"list":[]}}'
]) {
  add(`Nested with ${json}`, post("/requests/Nested", json))
}
add("JSON nested 20,000 deep", post("/requests/Echo", "[".repeat(20_000)))
add("a number too long to be one", post("/requests/Echo", `{"message":${"9".repeat(10_000)}}`))
for (const json of ["", "[", "[]", '"x"', '{"paused":1}', '{"minWorkers":-1}', '{"maxWorkers":1e99}', '{"hold":1.5}']) {
  const bytes = post("/pool", json)
  add(`PATCH /pool with ${json}`, Buffer.from(bytes.toString("latin1").replace("POST", "PATCH"), "latin1"))
}
for (const json of ["", "{", "[]", '{"deadline":5}', '{"deadline":"later"}']) {
  if (json !== "") add(`a drain with ${json}`, post("/pool/drain", json))
}
add(
  "PATCH /pool with text",
  Buffer.from(
    post("/pool", "x").toString("latin1").replace("POST", "PATCH").replace("application/json", "text/plain"),
    "latin1"
  )
)
for (const line of [
  "",
  "null",
  "1",
  "[]",
  "{}",
  "{",
  '{"_tag":5}',
  '{"_tag":"Nothing"}',
  '{"_tag":"Request"}',
  '{"_tag":"Request","id":"1","tag":"Echo","payload":{"message":"x"},"headers":5}',
  '{"_tag":"Interrupt"}',
  '{"_tag":"Ping"}\nnull'
]) {
  add(`a call with ${line}`, post("/rpc", line))
}
for (const json of ["{", "{}", '{"token":5}', '{"token":""}']) add(`a session with ${json}`, post("/session", json))

for (const path of [
  "/requests/",
  "/requests/Nobody",
  "/requests/..",
  "/requests/../pool",
  "/requests/%2e%2e%2fpool",
  "/requests/%2e%2e",
  "/requests/%",
  "/requests/%ff",
  "/requests/%00",
  "/requests/%E0%A4%A",
  "/requests/Echo/",
  "/requests/Echo/more",
  "/requests//Echo",
  "//requests/Echo",
  "/requests/Echo%00",
  "/requests/__proto__",
  "/requests/constructor",
  "/REQUESTS/Echo",
  "/requests/echo",
  "/requests/Echo;x=1",
  "/requests/Echo%3Ftimeout=1",
  "/etc/passwd",
  "/../../etc/passwd",
  "/assets/../package.json",
  "/.git/config",
  `/requests/${"x".repeat(5_000)}`,
  "/requests/Echo?timeout=0",
  "/requests/Echo?timeout=-1",
  "/requests/Echo?timeout=soon",
  "/requests/Echo?retries=1.5",
  "/requests/Echo?retries=-1",
  "/requests/Echo?retries=99999",
  "/requests/Echo?expiresIn=",
  "/requests/Echo?what=1",
  "/requests/Echo?timeout=1&x=%",
  "/requests/Echo?timeout=NaN",
  "/requests/Echo?timeout=Infinity"
]) {
  add(`POST ${path.slice(0, 60)}`, post(path, '{"message":"hello"}'))
}
for (const path of [
  "/requests/x",
  "/requests/%ff",
  "/requests/%",
  "/requests?limit=x",
  "/requests?limit=-1",
  "/requests?limit=1e9",
  "/requests?state=x",
  "/requests?state=",
  "/events?only=x",
  "/nothing",
  "/health",
  "/health/",
  "/health/x",
  "/metrics/x",
  "/pool/x",
  "/openapi.json/x",
  "/%2e%2e/%2e%2e/etc/passwd",
  "/assets/",
  "/assets/x.js",
  `/${"a/".repeat(2_000)}`
]) {
  add(`GET ${path.slice(0, 60)}`, get(path))
}
for (const method of ["PUT", "TRACE", "OPTIONS", "PROPFIND", "DELETE"]) {
  add(`${method} /pool`, get("/pool").replace("GET", method))
}

for (const [name, head] of [
  ["no host", "GET /pool HTTP/1.1\r\nConnection: close\r\n\r\n"],
  ["an empty host", "GET /pool HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n"],
  [
    "another host in the target",
    "GET http://evil.example/pool HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
  ],
  [
    "two lengths",
    "POST /requests/Echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello"
  ],
  [
    "a length and chunks",
    "POST /requests/Echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
  ],
  [
    "chunked twice",
    "POST /requests/Echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"
  ],
  [
    "an unknown coding",
    "POST /requests/Echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"
  ],
  ["a negative length", "POST /requests/Echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n"],
  ["a length that is no number", "POST /requests/Echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5x\r\n\r\nhello"],
  [
    "a chunk size that is none",
    "POST /requests/Echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n"
  ],
  [
    "a chunk size with a sign",
    "POST /requests/Echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n"
  ],
  ["a space before the colon", "GET /pool HTTP/1.1\r\nHost : localhost\r\nConnection: close\r\n\r\n"],
  ["a header without a colon", "GET /pool HTTP/1.1\r\nHost: localhost\r\nnonsense\r\n\r\n"],
  ["a zero byte in a header", "GET /pool HTTP/1.1\r\nHost: localhost\r\nX: a\0b\r\n\r\n"],
  ["a bare line feed in a header", "GET /pool HTTP/1.1\r\nHost: localhost\r\nX: a\rb\r\n\r\n"],
  ["headers too large", `GET /pool HTTP/1.1\r\nHost: localhost\r\nX: ${"x".repeat(20_000)}\r\n\r\n`],
  ["a target too long", `GET /${"x".repeat(20_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`],
  ["a method that is none", "BREAK /pool HTTP/1.1\r\nHost: localhost\r\n\r\n"],
  ["a version that is none", "GET /pool HTTP/9.9\r\nHost: localhost\r\n\r\n"],
  ["no HTTP", "hello\r\n\r\n"],
  ["TLS", Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc]).toString("latin1")],
  ["a target with a space", "GET /po ol HTTP/1.1\r\nHost: localhost\r\n\r\n"],
  ["headers that do not end", "GET /pool HTTP/1.1\r\nHost: localhost\r\nX: "],
  [
    "a body that does not end",
    "POST /requests/Echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
  ]
] as const) {
  add(name, Buffer.from(head, "latin1"))
}
for (const [name, head] of [
  ["two hosts", "GET /pool HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\nConnection: close\r\n\r\n"],
  [
    "a foreign host in the target",
    "GET http://evil.example/pool HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
  ],
  [
    "a foreign port in the target",
    "GET http://localhost:81/pool HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
  ],
  [
    "a host in the target that is not that of Host",
    "GET http://localhost/pool HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
  ]
] as const) {
  add(name, head)
}
for (const [path, method] of [
  ["/requests/Echo", "POST"],
  ["/rpc", "POST"],
  ["/pool", "PATCH"],
  ["/pool/drain", "POST"],
  ["/session", "POST"]
] as const) {
  const bytes = post(path, '{"message":"hello"}', ["Content-Encoding: gzip"])
  add(`a packed body of ${path}`, Buffer.from(bytes.toString("latin1").replace("POST", method), "latin1"))
}
add("an Expect that is none", post("/requests/Echo", '{"message":"hello"}', ["Expect: 200-ok"]))
add("a body too large", post("/requests/Echo", `{"message":"${"x".repeat(70_000)}"}`))
const chunk = `${(65_536).toString(16)}\r\n${"x".repeat(65_536)}\r\n`
add(
  "chunks that are too large together",
  `POST /requests/Echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}${chunk}0\r\n\r\n`
)
add("a session that is too large", post("/session", `{"token":"${"x".repeat(70_000)}"}`))
for (const type of [
  "text/plain",
  "application/x-www-form-urlencoded",
  "multipart/form-data",
  "application/jsonx",
  "*/*",
  ""
]) {
  const bytes = post("/requests/Echo", '{"message":"hello"}').toString("latin1")
  add(`content type ${type}`, bytes.replace("application/json", type))
}
for (const key of ["", " ", "a b", "x".repeat(256), "\u00e4"]) {
  if (key.trim() !== "")
    add(`the key ${key.slice(0, 20)}`, post("/requests/Echo", '{"message":"hello"}', [`Idempotency-Key: ${key}`]))
}

it(`answers each of ${cases.length} malformed requests with a 4xx and no word of its insides, and goes on`, async () => {
  expect(cases.length).toBeGreaterThan(200)
  const wrong: Array<string> = []
  const statuses = new Set<string>()
  // Some wait for a timeout of the service: all at once, within what may be open.
  for (let from = 0; from < cases.length; from += 40) {
    await Promise.all(
      cases.slice(from, from + 40).map(async ([name, bytes]) => {
        const answer = await send(bytes)
        const status = /^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? "none"
        statuses.add(status)
        const body = answer.slice(answer.indexOf("\r\n\r\n"))
        const isProblem = answer.toLowerCase().includes("content-type: application/problem+json")
        const tells = /\n\s+at |node:|node_modules|\.ts:\d|undefined is not|Cannot read/.test(body)
        if (!/^4\d\d$/.test(status) || !isProblem || tells) wrong.push(`${name}: ${answer.slice(0, 400)}`)
      })
    )
  }
  expect(wrong).toEqual([])
  expect([...statuses].sort()).toEqual(["400", "401", "404", "405", "408", "413", "415", "417", "421", "431"])
  const { json, status } = await service.submit("Echo", { message: "still here" }, 5)
  expect([status, json.result]).toEqual([200, "still here"])
})

it.each([
  ["GET /pool HTTP/1.1\r\nHost: localhost\r\nhOST: localhost\r\n", 400],
  ["GET http://evil.example:99999/pool HTTP/1.1\r\nHost: localhost\r\n", 400],
  ["GET http://%zz/pool HTTP/1.1\r\nHost: localhost\r\n", 400],
  ["GET http://localhost:99999/health/live HTTP/1.1\r\nHost: localhost\r\n", 400],
  ["OPTIONS * HTTP/1.1\r\nHost: localhost\r\n", 404],
  ["GET http://evil.example/pool HTTP/1.1\r\nHost: localhost\r\n", 421],
  ["GET http://localhost:80/health/live HTTP/1.1\r\nHost: LOCALHOST\r\n", 200],
  ["GET http://localhost:8080/health/live HTTP/1.1\r\nHost: localhost:8080\r\n", 200],
  [
    "POST /requests/Echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Encoding: br\r\n",
    415
  ],
  ["POST /requests/Counted HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: identity\r\n", 202],
  ["GET /pool HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: gzip\r\n", 200]
])("%j is answered with %i", async (head, status) => {
  expect(await send(`${head}Connection: close\r\n\r\n`)).toContain(`HTTP/1.1 ${status} `)
})

it("a body that breaks off after another request leaves that one its answer", async () => {
  const first = post("/requests/Echo", '{"message":"first"}', ["Prefer: wait=5"]).toString("latin1")
  const broken = (path: string) =>
    post(path, "").toString("latin1").replace("Content-Length: 0", "Transfer-Encoding: chunked") + "zz\r\n"
  for (const path of ["/requests/Echo", "/session"]) {
    const answer = await send(first.replace("Connection: close\r\n", "") + broken(path))
    expect(answer.match(/HTTP\/1\.1 \d\d\d|"result":"\w+"/g)).toEqual([
      "HTTP/1.1 200",
      '"result":"first"',
      "HTTP/1.1 400"
    ])
  }
})

it("takes the whole address as a target, as a proxy sends it", async () => {
  const answer = await send(post("http://localhost/requests/Echo?retries=1", '{"message":"x"}', ["Prefer: wait=5"]))
  expect(answer).toMatch(/^HTTP\/1\.1 200 .*"result":"x"/s)
  expect(await send(get("http://localhost/health/live"))).toMatch(/^HTTP\/1\.1 200 /)
})

it("nonsense in the body of a request that has been answered without it gets no second answer", async () => {
  const head = post("/requests/Nobody", "")
    .toString("latin1")
    .replace(/Content-Length: 0/, "Transfer-Encoding: chunked")
  const answer = await send(head.replace("Connection: close\r\n", ""), (answer) =>
    answer === "" ? "" : "nonsense\r\n"
  )
  expect(answer.match(/HTTP\/1\.1 \d\d\d/g)).toEqual(["HTTP/1.1 404"])
})

it("who sends nonsense after a request has its answer first, and it is the last", async () => {
  const body = '{"name":"before nonsense"}'
  const asked = post("/requests/Gate", body, ["Prefer: wait=5"]).toString("latin1").replace("Connection: close\r\n", "")
  const answer = send(`${asked}NONSENSE\r\n\r\nmore of it\r\n\r\n`)
  const running = async () => (await service.ask("GET", "/requests?type=Gate&state=running")).json.requests
  while ((await running()).length === 0);
  open("before nonsense")
  const [head, json] = (await answer).split("\r\n\r\n")
  expect(head).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
  expect(head!.toLowerCase()).toContain("connection: close")
  expect(JSON.parse(json!)).toMatchObject({ state: "succeeded", result: "before nonsense" })
})
