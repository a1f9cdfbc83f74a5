/**
 * The other side of SingBench's message lines: sends back what comes, turned over if asked.
 *
 * The same code is a thread of the benchmark, and the child process.
 */

import type { Endpoint, Program } from "../../kernel/abi/kernel.ts";
import type { singBenchContract } from "../contracts/sing_bench.ts";

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

function invert(bytes: Uint8Array): void {
  for (let index = 0; index < bytes.length; index++) bytes[index] = ~bytes[index]!;
}
