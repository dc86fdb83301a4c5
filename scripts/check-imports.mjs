// Proves that `src` is built as drawn: who may import whom, and no file itself by way of others; type imports included. The
// table is the architecture.
import { dirname, join } from "node:path"
import { allFiles, sourceFiles } from "./source-files.mjs"

// A line is a room: the files (or folder) on the left may import those on the right. `effect` is meant everywhere.
const table = {
  "internal/checks": "PoolError",
  ConfigError: "",
  PoolError: "ConfigError",
  Defect: "",
  Outcome: "PoolError",
  Capacity: "PoolError internal/checks",
  Limit: "Capacity internal/checks PoolError",
  NotBefore: "internal/checks",
  Selection: "CircuitBreaker PoolError Outcome",
  PoolSnapshot: "Capacity Limit Outcome",
  DrainReport: "Outcome PoolError",
  "policies/policy": "PoolError PoolSnapshot",
  "policies/figures": "",
  "policies/staffing": "",
  "policies/bursts": "",
  "policies/forecast": "",
  "policies/handlerLoad": "PoolSnapshot policies/forecast",
  "policies/queueLength": "internal/checks policies/figures policies/policy",
  "policies/measure": "policies/forecast policies/handlerLoad policies/policy policies/staffing",
  "policies/adaptive":
    "internal/checks PoolError policies/bursts policies/figures policies/measure policies/policy policies/staffing",
  "policies/gradient": "internal/checks PoolSnapshot policies/figures policies/handlerLoad policies/policy",
  "policies/combine": "internal/checks PoolError policies/policy",
  "policies/schedule": "internal/checks PoolError policies/combine policies/policy",
  ScalingPolicy: "policies/*",
  ScalingDecision: "policies/policy",
  CircuitBreaker: "internal/checks PoolError",
  RetryBudget: "internal/checks PoolError",
  Discipline: "CircuitBreaker internal/checks Limit PoolError",
  PoolEvent: "Capacity CircuitBreaker DrainReport Outcome Selection",
  RetryPolicy: "internal/checks PoolError",
  RequestPolicy: "CircuitBreaker internal/checks PoolError RetryPolicy",
  PoolConfig: "CircuitBreaker Discipline internal/checks Limit PoolError RequestPolicy RetryBudget",
  Call: "RequestPolicy",

  "internal/asyncContext": "",
  "internal/inside": "",
  "internal/suspension": "internal/inside",
  "internal/exitOf": "internal/inside",
  "internal/runtime": "internal/asyncContext",
  // Who runs next: it knows requests and time, never workers.
  "queue/ring": "",
  "queue/heap": "",
  "queue/byCount": "",
  "queue/bench": "queue/heap",
  "queue/shares": "queue/bench",
  "queue/tokens": "Limit internal/deadlines",
  "queue/gate": "Capacity Limit PoolSnapshot internal/deadlines queue/bench queue/heap queue/shares queue/tokens",
  "queue/breaker": "CircuitBreaker Limit PoolSnapshot internal/deadlines queue/bench queue/gate",
  "queue/verdict": "CircuitBreaker NotBefore PoolError",
  "queue/tagState": "queue/breaker queue/gate",
  "queue/batching": "internal/deadlines internal/request queue/flow queue/gate queue/ranked",
  "queue/flow": "queue/breaker internal/request queue/bench queue/gate queue/heap queue/ring queue/tagState",
  "queue/flows": "Discipline queue/flow queue/ring internal/request",
  "queue/fattest": "internal/request queue/byCount queue/flow queue/flows",
  "queue/ranked": "internal/request queue/flow",
  "queue/limits": "Limit queue/flow queue/gate queue/ranked queue/tagState",
  "queue/parking": "internal/deadlines queue/bench queue/flow queue/gate queue/heap queue/ranked queue/shares",
  "queue/breakers": "CircuitBreaker Limit queue/breaker queue/limits queue/ranked",
  "queue/gates":
    "Discipline Limit queue/breaker queue/breakers queue/flow queue/gate queue/limits queue/parking queue/ranked queue/tagState queue/verdict queue/batching",
  "queue/order": "internal/request queue/ring",
  "queue/shedding/crowd": "internal/request queue/heap queue/ring",
  "queue/shedding/overload":
    "Discipline internal/deadlines internal/request queue/shedding/crowd queue/heap queue/parking",
  "queue/shedding/shedding": "internal/request queue/shedding/crowd queue/order queue/shedding/overload",
  "queue/shedding/sheddingLane": "internal/request queue/shedding/crowd queue/flow queue/gate queue/tagState",
  "queue/heldBack": "queue/flow queue/gate queue/gates queue/ranked",
  "queue/fairQueue":
    "Discipline internal/deadlines internal/request queue/bench queue/byCount queue/flow queue/flows queue/gate queue/gates queue/heldBack queue/order queue/parking queue/ranked queue/fattest queue/shedding/overload queue/shedding/sheddingLane",
  "queue/door": "internal/request queue/ring",
  "queue/early": "internal/request",
  "queue/keyDoor": "internal/request queue/byCount queue/door queue/flows queue/ranked queue/ring",

  "internal/retrySpending": "RetryBudget",
  "internal/counters": "Outcome PoolSnapshot internal/retrySpending",
  "internal/buckets": "",
  "internal/series": "Capacity Outcome PoolSnapshot Limit",
  Latencies: "internal/buckets",
  "internal/histogram": "Latencies internal/buckets",
  "internal/time": "",
  "internal/idOwner": "",
  "internal/runnable": "PoolError",
  "internal/payload": "",
  "internal/deadlines": "internal/runtime internal/time",
  "internal/events": "PoolEvent internal/recorder",
  "internal/spans": "Outcome",
  "internal/request":
    "PoolError Outcome RequestPolicy internal/asyncContext internal/counters internal/deadlines internal/spans queue/ring internal/suspension",
  "internal/refusals": "PoolError internal/runtime",
  "internal/refused": "internal/counters internal/events internal/request",
  "internal/origin": "internal/asyncContext internal/request internal/runtime internal/spans",
  "internal/deadLetterBox": "internal/request",
  "internal/recorder": "PoolError internal/request",
  "internal/recordedPools": "PoolConfig internal/events",
  "internal/ticking": "internal/recordedPools",
  "internal/settle":
    "Outcome PoolError RequestQueue internal/counters internal/deadLetterBox internal/deadlines internal/events internal/histogram internal/request internal/runtime",
  "internal/unheard": "Defect internal/request internal/runtime",
  "internal/retry": "RetryPolicy internal/request",
  "internal/batch/answers": "PoolError",
  "internal/batch/batch": "internal/request",
  "internal/batch/batchAttempt":
    "NotBefore Outcome PoolError RequestQueue internal/batch/answers internal/batch/batch internal/counters internal/deadlines internal/request internal/retry internal/runtime internal/settle internal/worker",
  "internal/startTime": "Call PoolError internal/checks",
  "internal/scheduled": "RequestQueue internal/deadlines internal/request internal/exits internal/settle",
  "internal/attempt":
    "NotBefore Outcome PoolError queue/gate internal/asyncContext internal/counters internal/events internal/request internal/retry internal/runtime internal/worker internal/scheduled internal/batch/answers internal/batch/batchAttempt internal/exits",
  // A worker knows neither pool nor scaler, only its attempts and what it asks of an employer.
  "internal/worker": "internal/deadlines internal/hosting internal/request internal/runtime internal/batch/batch",
  "internal/fiberWorker":
    "internal/asyncContext internal/exitOf internal/origin internal/request internal/runtime internal/worker",
  "internal/crew":
    "RequestQueue internal/attempt internal/counters internal/deadlines internal/events internal/request internal/runtime internal/worker",
  "internal/shortages": "internal/crew",
  "internal/gauges": "RequestQueue internal/crew",
  "queue/replacing": "RequestQueue internal/counters internal/request queue/fairQueue queue/order queue/ranked",
  "internal/exits": "PoolError internal/request internal/runtime queue/ranked",
  "internal/identity/identity": "internal/request internal/worker",
  "internal/identity/share": "RequestPolicy internal/request queue/ranked",
  "internal/identity/sharing": "internal/request internal/runtime internal/identity/share",
  "internal/identity/latest":
    "RequestQueue internal/admission internal/deadlines internal/identity/identity internal/request internal/runtime internal/identity/sharing internal/worker",
  "internal/identity/identities":
    "PoolError internal/admission internal/counters internal/exits internal/identity/identity internal/identity/latest internal/origin internal/request internal/runtime internal/identity/share internal/identity/sharing internal/worker internal/events internal/refused",
  "internal/groups/group": "Outcome Selection internal/request",
  "internal/groups/groups": "internal/groups/group",
  "internal/circuitOpen": "PoolError RequestQueue internal/request internal/runtime queue/breaker queue/ranked",
  "internal/admission":
    "internal/circuitOpen PoolError RequestQueue internal/attempt internal/counters internal/crew internal/deadlines internal/request internal/runtime internal/settle internal/worker queue/ranked internal/shedding internal/exits queue/replacing queue/early internal/events internal/scheduled internal/refusals internal/refused",
  "internal/shedding":
    "PoolError RequestQueue internal/counters internal/crew internal/deadlines internal/events internal/request internal/runtime internal/settle",
  "internal/breaking":
    "CircuitBreaker Discipline Handlers Limit PoolConfig PoolError RequestQueue internal/admission internal/checks internal/circuitOpen internal/crew internal/events internal/request internal/runtime internal/settle queue/breaker queue/flow queue/ranked",
  "internal/hosting": "internal/deadlines internal/request",
  "internal/nesting":
    "PoolError RequestQueue internal/counters internal/crew internal/deadlines internal/hosting internal/origin internal/request internal/runtime internal/worker",
  "internal/drain":
    "DrainReport Outcome PoolError PoolSnapshot RequestQueue internal/admission internal/counters internal/crew internal/deadlines internal/events internal/nesting internal/request internal/runtime internal/worker",
  "internal/task": "Outcome internal/asyncContext internal/origin internal/request",
  "internal/taskWorker": "internal/asyncContext internal/request internal/task internal/worker",
  "internal/capacity":
    "internal/breaking Discipline Handlers Limit PoolConfig PoolError RequestQueue internal/checks internal/crew internal/events internal/runtime queue/gate",
  "internal/routes":
    "Handlers PoolConfig PoolError RequestPolicy internal/counters internal/request internal/retrySpending internal/runtime",
  "internal/core":
    "DrainReport Handlers PoolConfig PoolError RequestPolicy RequestQueue internal/admission internal/attempt internal/breaking internal/capacity internal/counters internal/crew internal/deadLetterBox internal/deadlines internal/drain internal/events internal/fiberWorker internal/histogram internal/nesting internal/request internal/retry internal/routes internal/runnable internal/runtime internal/settle internal/time internal/unheard internal/worker internal/shedding internal/groups/groups internal/identity/identities internal/identity/latest",
  "internal/processing": "Call Outcome PoolError internal/origin internal/request internal/runtime",
  "internal/callOptions":
    "Call PoolError RequestPolicy internal/checks internal/core internal/idOwner internal/request internal/startTime",
  "internal/intake":
    "Call Handlers PoolError RequestPolicy internal/callOptions internal/checks internal/asyncContext internal/core internal/origin internal/payload internal/request internal/runtime queue/ranked internal/idOwner",
  "internal/calls":
    "Call Outcome PoolError Ticket internal/core internal/intake internal/origin internal/processing internal/request internal/runtime internal/suspension",
  "internal/signals": "PoolError internal/checks",
  "internal/fiberless":
    "Call PoolError internal/asyncContext internal/calls internal/checks internal/core internal/intake internal/request internal/runtime internal/signals",
  "internal/cancelling": "internal/core internal/request",
  "internal/groups/grouping": "PoolError Selection internal/cancelling internal/core",
  "internal/filters": "PoolError Selection internal/checks",
  "internal/countsBy": "RequestQueue Selection internal/worker queue/ranked",
  "internal/selection":
    "Limit PoolError Selection internal/checks internal/core internal/countsBy internal/filters internal/request queue/breaker queue/flow queue/gate queue/ranked internal/cancelling internal/worker queue/batching internal/scheduled",
  "internal/controls": "DrainReport PoolError PoolSnapshot queue/heldBack internal/checks internal/core internal/drain",

  "queue/waiting": "PoolConfig internal/counters internal/deadlines internal/request queue/* queue/shedding/*",
  RequestQueue: "Discipline PoolConfig internal/counters queue/parking queue/waiting",
  Handlers: "Capacity PoolError RequestPolicy internal/request internal/runnable internal/batch/answers",
  Ticket:
    "Outcome PoolError RequestPolicy internal/checks internal/asyncContext internal/request internal/runtime queue/ranked internal/scheduled",
  "internal/jsonText": "",
  OutcomeJson: "Handlers Outcome PoolError internal/jsonText",
  DeadLetters: "Outcome PoolError Ticket internal/deadLetterBox internal/request",
  PoolClient: "Call PoolError",
  WorkerPool:
    "Call DeadLetters DrainReport Handlers Latencies Limit Outcome PoolClient PoolConfig PoolError PoolEvent PoolSnapshot RequestQueue Selection Ticket internal/calls internal/controls internal/core internal/crew internal/intake internal/recurringPools internal/selection internal/shortages internal/groups/grouping internal/gauges internal/recordedPools internal/fiberless",
  // What recurs is a producer beside a pool: it knows the door alone.
  "internal/recurringPools": "PoolEvent",
  "recurring/ticks": "",
  "recurring/options": "Call PoolError internal/checks recurring/ticks",
  "recurring/fitting": "Call PoolError internal/checks internal/payload internal/recurringPools",
  "recurring/clockwork": "Outcome PoolEvent Ticket WorkerPool internal/recurringPools recurring/options",
  Recurring: "PoolError WorkerPool internal/checks internal/recurringPools recurring/*",
  // The scaler sees counts, never a request.
  Scaler:
    "PoolConfig PoolError PoolSnapshot ScalingDecision ScalingPolicy WorkerPool internal/asyncContext internal/shortages internal/ticking policies/policy",
  PoolMetrics: "Handlers Latencies PoolConfig PoolSnapshot WorkerPool internal/series",
  ElasticPool:
    "Handlers Limit PoolConfig PoolError PoolMetrics RequestQueue RetryPolicy Scaler ScalingPolicy WorkerPool",
  // Limits that processes share, by way of a store: a pool knows of it no more than a limit.
  "sharing/leases": "",
  SharedLimit: "internal/checks Limit PoolError sharing/leases",
  TestPool: "ElasticPool Handlers PoolConfig PoolError RequestQueue WorkerPool Scaler",

  "simulation/virtualTime": "",
  "simulation/random": "",
  "simulation/histogram": "",
  "simulation/arrivals": "internal/checks PoolError RequestPolicy simulation/random",
  "simulation/labels": "internal/checks PoolError RequestPolicy simulation/arrivals",
  "simulation/loads": "simulation/arrivals simulation/labels",
  "simulation/serviceTimes": "internal/checks PoolError simulation/random",
  "simulation/workload": "Handlers simulation/arrivals simulation/random simulation/serviceTimes",
  "simulation/report": "ScalingDecision",
  "simulation/good": "simulation/report simulation/workload",
  "simulation/groups": "simulation/histogram simulation/report simulation/workload",
  "simulation/meter":
    "PoolSnapshot simulation/groups simulation/histogram simulation/report simulation/workload simulation/good",
  "recording/recorded": "Outcome internal/recorder",
  "recording/load": "internal/checks recording/recorded simulation/arrivals simulation/random simulation/serviceTimes",
  "recording/hashing": "",
  "recording/errors": "",
  "recording/header": "Discipline PoolConfig RetryPolicy",
  "recording/notes": "PoolError internal/recorder internal/request queue/ranked recording/recorded",
  "recording/chunks": "recording/notes recording/recorded",
  "recording/workerMinutes": "",
  "recording/recent":
    "PoolError internal/recorder internal/request recording/chunks recording/notes recording/workerMinutes",
  "recording/hearing": "WorkerPool internal/recordedPools internal/recorder recording/recent",
  "recording/lines": "",
  "recording/rows": "recording/lines recording/notes recording/recorded",
  "recording/parse": "recording/errors recording/header recording/recorded recording/rows",
  "recording/read": "recording/errors recording/files recording/parse",
  "recording/timeline": "",
  "recording/figures": "recording/recorded recording/timeline",
  "recording/stats":
    "recording/figures recording/header recording/parse recording/recorded recording/timeline simulation/histogram",
  "recording/reality": "recording/recorded recording/rows simulation/meter simulation/report simulation/workload",
  "recording/files": "recording/errors recording/header",
  "recording/writer": "internal/recordedPools recording/files recording/lines recording/notes recording/rows",
  "recording/options": "internal/checks PoolError",
  "recording/early": "internal/recordedPools internal/recorder internal/request recording/notes",
  "recording/begin":
    "internal/recordedPools recording/early recording/errors recording/files recording/hashing recording/header recording/notes recording/options recording/writer",
  "recording/onDisk": "internal/recordedPools recording/begin recording/errors",
  Recording: "internal/checks internal/recordedPools PoolError Scaler WorkerPool recording/*",
  Simulation:
    "ElasticPool Handlers PoolConfig PoolError ScalingDecision ScalingPolicy internal/asyncContext internal/checks internal/gauges internal/ticking simulation/*",

  // What settings a load needs: it tries them as anybody could, by simulation.
  "tuning/target": "",
  "tuning/load": "Simulation simulation/arrivals simulation/random simulation/serviceTimes",
  "tuning/settings": "Limit PoolConfig ScalingPolicy",
  "tuning/demand": "simulation/histogram simulation/workload tuning/load tuning/target",
  "tuning/measure":
    "PoolError ScalingPolicy Simulation simulation/histogram simulation/labels tuning/load tuning/settings tuning/target",
  "tuning/scores": "simulation/histogram tuning/measure tuning/target",
  "tuning/parts": "tuning/demand tuning/load tuning/measure",
  "tuning/space": "tuning/demand tuning/settings tuning/target",
  "tuning/search": "tuning/*",
  "tuning/judge": "tuning/*",
  "tuning/obstacles": "tuning/scores tuning/space tuning/target",
  "tuning/report": "simulation/report tuning/judge tuning/load tuning/scores tuning/settings tuning/target",
  "tuning/outlook": "tuning/*",
  "tuning/wanted": "internal/checks PoolConfig PoolError tuning/demand tuning/measure tuning/scores tuning/target",
  Tuning: "PoolError tuning/*",

  "promise/errors": "PoolError",
  "promise/publicError": "PoolError promise/errors",
  "promise/hostClock": "",
  "promise/log": "",
  "promise/nestedPromise": "",
  "promise/task": "Outcome PoolError RetryPolicy internal/task promise/publicError RequestPolicy CircuitBreaker",
  "promise/batchedCall": "internal/request internal/task promise/task",
  "promise/callOptions":
    "Call Limit PoolError RequestPolicy RetryPolicy internal/checks internal/signals promise/publicError promise/task",
  "promise/notBefore": "NotBefore internal/checks promise/publicError",
  "promise/group": "Selection internal/core internal/task promise/door promise/publicError",
  "promise/selection":
    "Limit PoolError Selection WorkerPool internal/checks internal/filters promise/callOptions promise/publicError internal/core promise/group",
  "promise/outcome": "Capacity CircuitBreaker DrainReport Outcome PoolEvent Selection promise/publicError",
  "promise/threads":
    "Capacity Limit PoolError RequestPolicy internal/core threads/functions threads/settings promise/door promise/publicError promise/task",
  "promise/threadsOption":
    "PoolError RequestPolicy internal/checks threads/settings promise/callOptions promise/doors promise/threads",
  "promise/recording":
    "internal/core internal/recordedPools PoolError recording/early recording/onDisk recording/options WorkerPool",
  "promise/functionDoors": "promise/door promise/threads",
  "promise/door":
    "Call PoolError internal/callOptions internal/core internal/intake internal/request internal/runtime internal/task internal/taskWorker promise/batchedCall promise/callOptions promise/hostClock promise/nestedPromise promise/outcome promise/publicError promise/task internal/identity/share internal/signals",
  "promise/ticket":
    "PoolError RequestPolicy internal/request internal/task promise/door promise/outcome promise/publicError promise/task",
  "promise/entries": "internal/request promise/door",
  "promise/map":
    "internal/checks internal/request internal/task promise/door promise/entries promise/outcome promise/publicError promise/task",
  "promise/doors":
    "internal/request promise/functionDoors promise/threads promise/door promise/map promise/outcome promise/task promise/ticket",
  "promise/hearing": "PoolEvent internal/asyncContext internal/core promise/outcome",
  "promise/quiet": "internal/core promise/hostClock",
  "promise/pool":
    "DrainReport Latencies PoolSnapshot Scaler WorkerPool internal/task promise/door promise/doors promise/hearing promise/hostClock promise/outcome promise/publicError promise/quiet promise/selection",
  "promise/createPool":
    "CircuitBreaker internal/checks Handlers Limit PoolConfig PoolError PoolMetrics RequestPolicy RequestQueue Scaler ScalingPolicy WorkerPool internal/taskWorker promise/*",
  "promise/index":
    "threads/move DrainReport Latencies Limit NotBefore PoolSnapshot ScalingPolicy Selection promise/* CircuitBreaker RetryBudget",

  index: "any public file",
  "threads/messages": "threads/thrown",
  "threads/words": "",
  "threads/each": "",
  "threads/backlog": "",
  "threads/host": "threads/messages",
  "threads/living": "",
  "threads/within": "",
  // The pool's side knows the public surface alone; the thread's as little of it as can be: a thread starts with that.
  // Nor does it know Node: a pool of promises reads it where there may be none.
  "threads/start": "index internal/checks threads/*",
  "threads/settings": "PoolError internal/checks threads/host",
  "threads/*": "index threads/*",
  "threads/move": "",
  "threads/thrown": "",
  "threads/runFunctions": "threads/runner/functions threads/runner/port",
  "threads/ThreadRunner": "Handlers threads/messages threads/runner/* threads/words",
  "threads/runner/*":
    "Handlers internal/batch/answers threads/ThreadRunner threads/backlog threads/codec threads/each threads/host threads/messages threads/move threads/start threads/thrown threads/within threads/words threads/runner/*",
  // It knows the public surface alone, and PostgreSQL only where a store is built.
  // What asks and what works know each other by what is held alone; the store is known by its contract.
  "durable/Store": "index",
  "durable/service": "index durable/Store",
  "durable/exits": "index durable/Store",
  "durable/signal": "index",
  "durable/recent": "",
  "durable/link": "index durable/Store",
  "durable/transactions": "index durable/Store",
  "durable/settings": "index internal/checks",
  "durable/asking/*":
    "index internal/callOptions internal/checks internal/filters internal/idOwner internal/payload internal/signals durable/Store durable/exits durable/service durable/recent durable/settings durable/signal durable/asking/* durable/feeder/held internal/startTime",
  "durable/feeder/*":
    "index internal/checks durable/Store durable/exits durable/recent durable/settings durable/signal durable/asking/calls durable/feeder/*",
  "durable/pool": "index internal/recurringPools durable/* durable/asking/* durable/feeder/* internal/recordedPools",
  "durable/stores":
    "index durable/Store durable/link durable/embedded/cluster durable/memory/store durable/postgres/store",
  "durable/Durable": "index durable/* durable/feeder/delivery",
  "durable/postgres/*": "index durable/Store durable/exits durable/embedded/* durable/postgres/*",
  "durable/embedded/*": "durable/embedded/*",
  "durable/memory/*": "index durable/Store durable/exits durable/memory/* queue/heap queue/ring",
  "http/RemotePool":
    "index internal/idOwner internal/jsonText http/body http/crashes http/logCause http/problem http/rpcAnswers http/rpcMessages http/rpcOptions",
  "http/rpcAnswers": "index internal/jsonText http/rpcOptions",
  "http/rpcOptions": "index http/keys internal/checks internal/startTime",
  "http/logCause": "index",
  "http/rpcMessages": "",
  "http/problem": "",
  "http/send": "http/problem",
  "http/body": "internal/jsonText http/problem http/send",
  "http/guard": "http/problem http/tenants",
  "http/tenants": "http/keys http/problem",
  "http/keys": "",
  "http/headers": "index http/keys http/problem internal/startTime",
  "http/byNumber": "",
  "http/crashes": "index",
  "http/ended": "index http/crashes",
  "http/ledger": "index http/byNumber http/ended",
  "http/resource": "index http/ended http/ledger http/problem",
  "http/deadLetterBytes": "index http/ended",
  "http/pauses": "index durable/Store durable/service",
  "http/service":
    "index durable/service http/advisor http/deadLetterBytes http/ended http/ledger http/logCause http/pauses http/stored/room http/tenants",
  "http/refusals": "index http/problem",
  "http/asked": "index http/problem http/resource http/send",
  "http/submit":
    "index http/asked http/body http/ended http/headers http/ledger http/logCause http/problem http/refusals http/resource http/send http/service http/stored/submit internal/idOwner",
  "http/lists": "index http/problem",
  // What a service knows of requests that are stored. It knows the durable pool by what it promises, and no store.
  "http/stored/*":
    "index internal/idOwner durable/Store durable/exits durable/asking/ids durable/service http/api http/asked http/client http/ended http/headers http/lists http/logCause http/problem http/refusals http/resource http/send http/service http/stored/* internal/startTime",
  "http/shapes": "index",
  "http/adviceShapes": "http/shapes",
  "http/advisor": "http/adviceShapes",
  "http/api": "http/adviceShapes http/shapes",
  "http/contract": "index http/api http/shapes",
  "http/client": "",
  "http/limits": "index http/points",
  "http/example": "",
  "http/points": "",
  "http/monitor": "index http/limits http/points http/service",
  "http/eventHub": "index http/ended http/monitor http/service",
  "http/events": "http/eventHub http/monitor http/problem http/send http/service",
  "http/requests":
    "index http/api http/client http/headers http/ledger http/lists http/problem http/refusals http/resource http/service",
  "http/recurring": "index",
  "http/pool":
    "index http/api http/client http/example http/headers http/limits http/problem http/recurring http/refusals http/service http/shapes http/stored/view",
  "http/advice": "http/advisor http/api http/headers http/problem http/service",
  "http/turns": "index http/api http/client http/limits http/problem http/refusals http/service http/shapes",
  "http/operations": "http/api http/events http/guard http/problem http/refusals http/service",
  "http/docsFixes": "",
  "http/docs": "http/docsFixes http/problem",
  "http/methods": "http/api http/problem",
  "http/routes":
    "http/advice http/api http/contract http/docs http/eventHub http/events http/guard http/logCause http/methods http/monitor http/operations http/pool http/problem http/requests http/send http/service http/stored/requests http/turns",
  "http/unreadable": "http/problem http/send",
  "http/patience": "",
  "http/pipeline": "",
  "http/server":
    "http/guard http/patience http/pipeline http/problem http/routes http/send http/submit http/target http/unreadable",
  "http/target": "http/problem",
  "dashboard/assets": "http/problem",
  "program/errors": "index",
  "program/version": "",
  "program/handlersModule": "index program/errors program/settings/threads threads/Threads",
  "program/arguments": "",
  "program/output/*": "index program/errors program/output/*",
  "program/process/*": "index program/errors program/process/* threads/living",
  "program/settings/*": "index program/errors program/output/* program/settings/* Recording tuning/target",
  // A folder for each command; `config` stands with `serve`, whose settings it prints. No command knows another.
  // On a store, or not; what is durable is loaded only where there is one.
  "program/durable/*":
    "index durable/Durable durable/Store durable/embedded/cluster durable/service program/durable/* program/errors program/handlersModule program/output/* program/settings/* Recording",
  // What a process does that serves until a signal.
  "program/daemon/*":
    "index http/guard program/daemon/* program/errors program/output/* program/process/* program/settings/* program/version",
  "program/run/*":
    "index durable/service program/durable/* program/errors program/handlersModule program/output/* program/process/* program/run/* program/settings/* internal/startTime Recording",
  // The searches of `tune`, for a service that asks for it.
  "program/advice/*":
    "index Tuning http/advisor program/advice/* program/errors program/settings/* program/tune/yaml recording/chunks recording/hearing recording/load recording/reality recording/recent recording/recorded tuning/measure tuning/parts tuning/scores",
  // Several processes on one port; loaded only where they are asked for, but for what checks the settings.
  "program/processes/*":
    "index http/eventHub http/guard http/lists http/points http/problem http/resource http/send http/server http/service http/tenants program/daemon/* program/errors program/output/* program/process/* program/processes/* program/processes/all/all program/processes/all/kept program/settings/*",
  "program/processes/all/*":
    "http/eventHub http/lists http/points http/problem http/send http/shapes program/processes/all/* program/processes/ask program/processes/crew program/processes/forward program/processes/gate program/processes/member program/processes/messages program/processes/places program/processes/shares program/settings/policyFlag",
  "program/serve/*":
    "index program/advice/* dashboard/assets http/* program/daemon/* program/durable/* program/errors program/handlersModule program/output/* program/process/* program/processes/one program/processes/serve program/processes/settings program/serve/* program/settings/* program/version",
  "program/work/*":
    "index durable/service http/guard http/logCause http/problem http/refusals http/send http/server http/stored/metrics program/daemon/* program/durable/* program/errors program/handlersModule program/output/* program/settings/* program/work/*",
  "program/jobs/*":
    "index durable/Store durable/service program/durable/* program/errors program/jobs/* program/output/* program/process/* program/settings/*",
  "program/store/*":
    "index durable/embedded/cluster durable/postgres/migrations program/durable/* program/errors program/process/* program/settings/* program/store/*",
  "program/simulate/*":
    "index Simulation program/errors program/output/* program/process/* program/settings/* program/simulate/* threads/Threads recording/header recording/load recording/read recording/reality recording/recorded",
  "program/record/*":
    "index recording/read recording/stats program/errors program/output/* program/process/* program/record/* program/settings/* program/simulate/charts program/simulate/html",
  // It tries what `simulate` simulates: its loads are that command's, and so are its pictures.
  "program/tune/*":
    "index Simulation Tuning program/errors program/output/* program/process/* program/settings/* program/simulate/* program/tune/*",
  "program/command":
    "program/arguments program/errors program/jobs/command program/process/* program/run/command program/serve/command program/serve/configCommand program/simulate/command program/store/command program/tune/command program/version program/work/command program/record/command",
  main: "program/command"
}

// The program may use what Node gives, and a recording its hash and its files; the library `effect` alone, and of its unstable modules only `effect/rpc`.
const packages = (file) =>
  file.startsWith("durable/postgres/")
    ? /^(effect(\/[\w-]+)*|node:[\w/]+|pg|pg-boss)$/
    : /^(program|http|dashboard|threads|durable)\//.test(file) || file === "main"
      ? /^(effect(\/[\w-]+)*|@effect\/platform-node(\/\w+)?|node:[\w/]+)$/
      : file === "TestPool"
        ? /^effect(\/rpc|\/testing)?$/
        : file === "recording/hashing"
          ? /^node:crypto$/
          : file === "recording/onDisk"
            ? /^effect$|^@effect\/platform-node\/NodeFileSystem$/
            : file === "SharedLimit" || file.startsWith("sharing/")
              ? /^effect(\/persistence)?$/
              : /^effect(\/rpc)?$/

const importsOf = (text) => {
  // Examples in doc comments are programs of a reader's.
  const code = text.replaceAll(/^ *\*.*$/gm, "")
  return [...code.matchAll(/(?<!")(?:\bfrom|\bimport)\s*\(?\s*"([^"]+)"/g)].map(([, from]) => from)
}
const room = (file) => (file in table ? file : `${dirname(file)}/*`)
const problems = []
for (const { path, text } of sourceFiles) {
  const file = path.replace(/\.ts$/, "")
  const line = table[room(file)]
  if (line === undefined) {
    problems.push(`${path} has no line in the table`)
    continue
  }
  for (const from of importsOf(text)) {
    if (!from.startsWith(".")) {
      if (!packages(file).test(from)) problems.push(`${path} imports the package ${from}`)
      continue
    }
    const target = join(dirname(file), from).replace(/\.ts$/, "")
    const allowed = line.split(" ")
    const fits =
      line === "any public file"
        ? !target.includes("/")
        : [target, room(target), `${dirname(target)}/*`].some((name) => allowed.includes(name))
    if (!fits) problems.push(`${path} imports ${target}`)
  }
}

const graph = new Map(
  allFiles.map(({ path, text }) => {
    const own = importsOf(text).filter((from) => from.startsWith("."))
    return [path, own.map((from) => join(dirname(path), from))]
  })
)
const followed = new Set()
const follow = (path, before) => {
  const at = before.indexOf(path)
  if (at >= 0) problems.push(`a circle of imports: ${[...before.slice(at), path].join(" -> ")}`)
  if (at >= 0 || followed.has(path)) return
  for (const next of graph.get(path) ?? []) follow(next, [...before, path])
  followed.add(path)
}
for (const path of graph.keys()) follow(path, [])

for (const problem of problems) console.error(problem)
console.log(`${sourceFiles.length} files, ${problems.length} imports that are not as drawn`)
process.exit(problems.length === 0 ? 0 : 1)
