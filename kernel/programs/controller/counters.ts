/**
 * The kernel's performance counters as a service: the second thing that a Controller offers.
 *
 * It stands beside kernel control because reading counters needs no trust: any program may bind to it,
 * where launching and killing is for the process manager.
 * - One thread serves all clients, a question at a time; each client keeps its channel as long as it likes.
 */

import { reasonOf, unlessClosed } from "../../abi/errors.ts";
import type { Call, Endpoint, EndpointSet, Kernel, Program, Service, SystemCalls } from "../../abi/kernel.ts";
import { textBlock } from "../../abi/text.ts";
import { performanceCountersContract } from "../../contracts/performance_counters.ts";

type Counters = typeof performanceCountersContract;
type Clients = EndpointSet<Counters, "server", undefined>;

/** More clients than this are turned away. */
const clientsMax = 64;

/** Registers the counters of a kernel by its name and starts the thread that serves them. */
export function* serveCounters(kernel: Kernel, system: SystemCalls, kernelName: string): Call<void> {
  const service = yield* kernel.register(performanceCountersContract, `/performance/${kernelName}`);
  yield* kernel.createThread(() => serve(kernel, system, service));
}

function* serve(kernel: Kernel, system: SystemCalls, service: Service<Counters>): Program {
  const clients: Clients = kernel.endpointSet(performanceCountersContract, "server");
  for (;;) {
    const event = yield* kernel.select({ service, clients });
    if (event.on === "timeout") continue;
    if (event.on === "unsatisfiable") return;
    if (event.on === "service") yield* admit(clients, event.endpoint);
    else if (event.kind === "message") yield* unlessClosed(answer(kernel, system, event.endpoint));
    else yield* event.endpoint.close();
  }
}

function* admit(clients: Clients, client: Endpoint<Counters, "server">): Call<void> {
  if (clients.size < clientsMax) clients.add(client, undefined);
  else yield* client.close();
}

function* answer(kernel: Kernel, system: SystemCalls, client: Endpoint<Counters, "server">): Call<void> {
  let json: string;
  try {
    json = JSON.stringify(yield* system.counters());
  } catch (error) {
    return yield* client.send("failed", { reason: reasonOf(error) });
  }
  yield* client.send("rows", { json: yield* textBlock(kernel, json) });
}
