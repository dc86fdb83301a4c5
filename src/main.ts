#!/usr/bin/env -S node --max-semi-space-size=8
/** The command line `worker-pool`. */
import { main } from "./program/command.ts"

main()
