/**
 * Controller: how other kernels start and watch processes on this one.
 *
 * One runs on each kernel, beside the coordinator too. It registers at the path of
 * its kernel's row (`/kernels/<name>`); from then on the kernel takes part in placement. It serves the
 * kernel's performance counters too, at `/performance/<name>`.
 * - Each client channel has a thread of its own, because `wait` blocks.
 * - What cannot be done is answered with a reason; the Controller itself lives on.
 * - Arguments travel as one string, separated by line feeds; "" means none.
 *
 * Paper, section 3.3.
 */

import { reasonOf, unlessClosed } from "../../abi/errors.ts";
import type { Call, Endpoint, Kernel, MessageFrom, Program, SystemCalls } from "../../abi/kernel.ts";
import type { ProgramDeclaration } from "../../abi/program.ts";
import { takeText, textBlock, writeText } from "../../abi/text.ts";
import { kernelControlContract } from "../../contracts/kernel_control.ts";
import { serveCounters } from "./counters.ts";

export const program = {
  name: "Controller",
  doc: "Starts and watches processes on its kernel, for the other kernels",
  services: [
    // The path is that of its kernel, such as /kernels/card0.
    { contract: kernelControlContract },
  ],
  privileges: ["system"],
} as const satisfies ProgramDeclaration;

type Client = Endpoint<typeof kernelControlContract, "server">;
type Request = MessageFrom<typeof kernelControlContract, "client">;

/** The process manager holds one channel for each process that it started here. */
const clientsMax = 256;

export default function* main(kernel: Kernel): Program {
  const system = kernel.system;
  if (system === undefined) {
    yield* writeText(
      kernel,
      kernel.stdout,
      "Controller: cannot control this kernel without system privilege\n",
    );
    return 1;
  }
  const { name, path } = yield* system.thisKernel();
  const service = yield* kernel.register(kernelControlContract, path);
  yield* serveCounters(kernel, system, name);
  let clients = 0;
  for (;;) {
    const client = yield* service.accept();
    if (clients >= clientsMax) {
      yield* client.close();
      continue;
    }
    clients++;
    yield* kernel.createThread(function* () {
      yield* serve(kernel, system, client);
      clients--;
    });
  }
}

function* serve(kernel: Kernel, system: SystemCalls, client: Client): Program {
  for (;;) {
    const request = yield* client.receiveOrClosed();
    if (request === undefined) break;
    let isOpen: boolean;
    try {
      isOpen = yield* unlessClosed(answer(kernel, system, client, request));
    } catch (error) {
      isOpen = yield* unlessClosed(client.send("failed", { reason: reasonOf(error) }));
    }
    if (!isOpen) break;
  }
  yield* client.close();
}

function* answer(kernel: Kernel, system: SystemCalls, client: Client, request: Request): Call<void> {
  switch (request.tag) {
    case "launch":
      return yield* launch(kernel, system, client, request);
    case "wait":
      return yield* client.send("exited", yield* system.waitProcess(request.pid));
    case "kill":
      yield* system.kill(request.pid);
      return yield* client.send("killed");
    case "processes":
      return yield* sendRows(kernel, client, yield* system.processes());
    case "channels":
      return yield* sendRows(kernel, client, yield* system.channels());
    case "scheduler":
      return yield* sendRows(kernel, client, [yield* system.scheduler()]);
    case "heap":
      return yield* sendRows(kernel, client, yield* system.heap());
    case "transfers":
      return yield* sendRows(kernel, client, yield* system.transfers());
    case "devices":
      return yield* sendRows(kernel, client, yield* system.devices());
  }
}

function* launch(
  kernel: Kernel,
  system: SystemCalls,
  client: Client,
  request: Extract<Request, { tag: "launch" }>,
): Call<void> {
  const { il, stdin, stdout } = request;
  const source = { manifest: yield* takeText(kernel, request.manifest), il };
  let pid: number;
  try {
    pid = yield* system.spawn({
      source,
      arguments: request.arguments === "" ? [] : request.arguments.split("\n"),
      stdin,
      stdout,
      ...(request.device === "" ? {} : { device: request.device }),
    });
  } catch (error) {
    // Whoever holds the other ends is to see that no process will ever use these.
    yield* stdin.close();
    yield* stdout.close();
    throw error;
  } finally {
    yield* kernel.free(il);
  }
  yield* client.send("launched", { pid });
}

function* sendRows(kernel: Kernel, client: Client, rows: readonly unknown[]): Call<void> {
  yield* client.send("rows", { json: yield* textBlock(kernel, JSON.stringify(rows)) });
}
