#!/usr/bin/env node
/** The command line `worker-pool`. */
import { main } from "./program/command.ts"

main()
