/**
 * The other side of SingBench's message lines: sends back what comes, turned over if asked.
 *
 * The same code is a thread of the benchmark, and the child process.
 */

import type { Endpoint, Kernel, Program } from "../../kernel/abi/kernel.ts";
import { singBenchContract } from "../contracts/sing_bench.ts";

export type Bench = Endpoint<typeof singBenchContract, "server">;
export type Echo = Endpoint<typeof singBenchContract, "client">;

export function* echo(bench: Echo): Program {
  for (;;) {
    const message = yield* bench.receiveOrClosed();
    if (message === undefined || message.tag === "end") break;
    if (message.tag === "ping") {
      yield* bench.send("pong");
      continue;
    }
    if (message.tag === "invert") invert(message.data.bytes);
    yield* bench.send("back", { data: message.data });
  }
  yield* bench.close();
}

/** The same for empty messages, by switch-receive over a set. */
export function* switchingEcho(kernel: Kernel, bench: Echo): Program {
  const questions = kernel.endpointSet<typeof singBenchContract, "client", undefined>(
    singBenchContract,
    "client",
  );
  questions.add(bench, undefined);
  for (;;) {
    const event = yield* kernel.select({ questions });
    if (event.on !== "questions" || event.kind === "closed") return;
    if (event.message.tag === "end") break;
    yield* event.endpoint.send("pong");
  }
  questions.remove(bench);
  yield* bench.close();
}

function invert(bytes: Uint8Array): void {
  for (let index = 0; index < bytes.length; index++) bytes[index] = ~bytes[index]!;
}
