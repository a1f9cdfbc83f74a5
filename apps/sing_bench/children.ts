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

export function* childProcesses(kernel: Kernel, service: Service<typeof singBenchContract>): Call<Row[]> {
  const processes = yield* kernel.bind(processManagerContract, "/service/processes");
  const rows: Row[] = [];
  const seen = new Set<string>();
  for (const [program, peer] of programs) {
    const child = yield* start(kernel, processes, service, program);
    if (child === undefined) continue;
    const isNew = !seen.has(child.kernel);
    seen.add(child.kernel);
    if (isNew) rows.push(...(yield* sendAndReceive(kernel, child.bench, { peer, kernel: child.kernel })));
    yield* end(processes, child);
    if (isNew) {
      rows.push(yield* timeStart(kernel, processes, service, program, { peer, kernel: child.kernel }));
    }
  }
  yield* processes.close();
  return rows;
}

/** From the request to the child's first sign of life, its placement and its bind included. */
function* timeStart(
  kernel: Kernel,
  processes: Processes,
  service: Service<typeof singBenchContract>,
  program: string,
  peer: Pick<Row, "peer" | "kernel">,
): Call<Row> {
  let nanoseconds = 0;
  for (let count = 0; count < repeats; count++) {
    const begin = yield* kernel.now();
    const child = yield* start(kernel, processes, service, program);
    nanoseconds += (yield* kernel.now()) - begin;
    if (child !== undefined) yield* end(processes, child);
  }
  return { operation: "process create", bytes: 0, ...peer, nanoseconds: nanoseconds / repeats };
}

function* start(
  kernel: Kernel,
  processes: Processes,
  service: Service<typeof singBenchContract>,
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
