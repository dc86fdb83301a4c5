/** Pure rules for how many workers a pool should have. A policy sees counts, never a request, and knows no service. */
export { adaptive, type AdaptiveOptions } from "./policies/adaptive.ts"
export { clamp, cooldown, max, min, step } from "./policies/combine.ts"
export { gradient, type GradientOptions } from "./policies/gradient.ts"
export { type HeldBack, make, type Proposal, type ScalingPolicy, type ScalingSignals } from "./policies/policy.ts"
export { fixed, queueLength, type QueueLengthOptions } from "./policies/queueLength.ts"
export { schedule, type ScheduleEntry } from "./policies/schedule.ts"
