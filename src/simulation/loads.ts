/** Loads: the simple ones, and those that are made of others. */
export * from "./arrivals.ts"
export * from "./labels.ts"
