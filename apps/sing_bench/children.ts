/**
 * SingBench's child processes: the same echo under three manifests.
 *
 * Where each runs is decided by placement (Figure 3), from affinities that a person can
 * edit: near the benchmark, away from it on x86, and on a card.
 * - A child that has no kernel to run on, or lands where another one was, is left out.
 */

import type { Call, Endpoint, Kernel, Service } from "../../kernel/abi/kernel.ts";
import { pipeContract } from "../../kernel/contracts/pipe.ts";
import { processManagerContract } from "../../kernel/contracts/process_manager.ts";
import type { singBenchContract } from "../contracts/sing_bench.ts";
import type { Bench } from "./echo.ts";
import { sendAndReceive } from "./messages.ts";
import { repeats, type Row } from "./measure.ts";

const programs = [
  ["SingBenchNear", "near child"],
  ["SingBenchFar", "far child"],
  ["SingBenchCard", "card child"],
] as const;
const acceptTimeoutNs = 1e9;

type Processes = Endpoint<typeof processManagerContract, "client">;

interface Child {
  readonly pid: number;
  readonly kernel: string;
  readonly bench: Bench;
  readonly output: Endpoint<typeof pipeContract, "server">;
}

type Own = Service<typeof singBenchContract>;

/** Half round trips to each child. */
export function* childMessages(kernel: Kernel, service: Own): Call<Row[]> {
  return yield* forEachKernel(kernel, service, programs, function* (_processes, { program: _, peer, child }) {
    return yield* sendAndReceive(kernel, child.bench, { peer, kernel: child.kernel });
  });
}

/**
 * From the request to the child's first sign of life, its placement and its bind included; of those children that
 * have lines in `earlier` rows, since one that cannot be started takes its time to say so.
 */
export function* processCreate(kernel: Kernel, service: Own, earlier: readonly Row[]): Call<Row[]> {
  const known = programs.filter(([, name]) => earlier.some(({ peer }) => peer === name));
  return yield* forEachKernel(kernel, service, known, function* (processes, { program, peer, child }) {
    let last: Child | undefined;
    const time = { cycles: 0, nanoseconds: 0 };
    for (let count = 0; count < repeats; count++) {
      const begin = yield* kernel.now();
      const beginCycles = yield* kernel.cycleCount();
      last = yield* start(kernel, processes, service, program);
      time.cycles += ((yield* kernel.cycleCount()) - beginCycles) / repeats;
      time.nanoseconds += ((yield* kernel.now()) - begin) / repeats;
      if (last !== undefined) yield* end(processes, last);
    }
    return [{ operation: "process create", bytes: 0, peer, kernel: child.kernel, ...time }];
  });
}

interface Started {
  readonly program: string;
  readonly peer: Row["peer"];
  readonly child: Child;
}

/** Does something with the first child on each kernel that one gets to. */
function* forEachKernel(
  kernel: Kernel,
  service: Own,
  children: readonly (typeof programs)[number][],
  measure: (processes: Processes, started: Started) => Call<Row[]>,
): Call<Row[]> {
  const processes = yield* kernel.bind(processManagerContract, "/service/processes");
  const rows: Row[] = [];
  const seen = new Set<string>();
  for (const [program, peer] of children) {
    const child = yield* start(kernel, processes, service, program);
    if (child === undefined) continue;
    if (!seen.has(child.kernel)) rows.push(...(yield* measure(processes, { program, peer, child })));
    seen.add(child.kernel);
    yield* end(processes, child);
  }
  yield* processes.close();
  return rows;
}

function* start(
  kernel: Kernel,
  processes: Processes,
  service: Own,
  program: string,
): Call<Child | undefined> {
  const input = yield* kernel.createChannel(pipeContract);
  const output = yield* kernel.createChannel(pipeContract);
  yield* input.client.close();
  yield* processes.send("run", { program, arguments: "", stdin: input.server, stdout: output.client });
  const answer = yield* processes.receive();
  if (answer.tag === "started") {
    const connected = yield* kernel.select({ service }, acceptTimeoutNs);
    if (connected.on === "service") {
      return { pid: answer.pid, kernel: answer.kernel, bench: connected.endpoint, output: output.server };
    }
  }
  yield* output.server.close();
  return undefined;
}

function* end(processes: Processes, { pid, bench, output }: Child): Call<void> {
  yield* bench.send("end");
  yield* processes.send("wait", { pid });
  yield* processes.receive();
  yield* bench.close();
  yield* output.close();
}
