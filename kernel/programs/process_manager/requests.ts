/**
 * What clients of `/service/processes` ask, answered.
 *
 * Each client channel has a thread of its own, because `wait` takes as long as a
 * program runs; the 321st client at a time is turned away.
 * - What cannot be done is answered `failed` with the reason in words.
 * - Tables cover all kernels; one whose Controller does not answer is named in the log.
 */

import { reasonOf, unlessClosed } from "../../abi/errors.ts";
import type {
  Call,
  ChannelRow,
  Endpoint,
  MessageFrom,
  ProcessRow,
  Program,
  Service,
} from "../../abi/kernel.ts";
import { textBlock } from "../../abi/text.ts";
import type { processManagerContract } from "../../contracts/process_manager.ts";
import type { ConsolePipes } from "./console_pipes.ts";
import { tableOf } from "./controllers.ts";
import { restartKernel } from "./restart_kernel.ts";
import { shutDown } from "./shutdown.ts";
import type { Starter } from "./starter.ts";
import { mergeChannels } from "./tables.ts";

type Client = Endpoint<typeof processManagerContract, "server">;
type Request = MessageFrom<typeof processManagerContract, "client">;
type RequestOf<T extends Request["tag"]> = Extract<Request, { tag: T }>;

/** Each of the 256 processes that may live is waited for by somebody, and 64 more ask something. */
const clientsMax = 320;

export function* serveClients(
  starter: Starter,
  pipes: ConsolePipes,
  service: Service<typeof processManagerContract>,
): Program {
  let clients = 0;
  for (;;) {
    const client = yield* service.accept();
    if (clients >= clientsMax) {
      yield* client.close();
      continue;
    }
    clients++;
    yield* starter.kernel.createThread(function* () {
      yield* serve(starter, pipes, client);
      clients--;
    });
  }
}

function* serve(starter: Starter, pipes: ConsolePipes, client: Client): Program {
  for (;;) {
    const request = yield* client.receiveOrClosed();
    if (request === undefined) break;
    let isOpen: boolean;
    try {
      isOpen = yield* unlessClosed(answer(starter, pipes, client, request));
    } catch (error) {
      isOpen = yield* unlessClosed(client.send("failed", { reason: reasonOf(error) }));
    }
    if (!isOpen) break;
  }
  yield* client.close();
}

function* answer(starter: Starter, pipes: ConsolePipes, client: Client, request: Request): Call<void> {
  switch (request.tag) {
    case "run":
      return yield* run(starter, client, request);
    case "wait":
      return yield* wait(starter, client, request);
    case "kill":
      return yield* kill(starter, client, request);
    case "processes":
      return yield* sendRows(starter, client, yield* rowsOfAll(starter, "processes"));
    case "channels": {
      const rows = yield* rowsOfAll(starter, "channels");
      return yield* sendRows(starter, client, mergeChannels(rows as readonly ChannelRow[]));
    }
    case "transfers":
      return yield* sendRows(starter, client, yield* rowsOfAll(starter, "transfers"));
    case "scheduler":
      return yield* sendRows(starter, client, yield* rowsOfAll(starter, "scheduler"));
    case "heap":
      return yield* sendRows(starter, client, yield* rowsOfAll(starter, "heap"));
    case "kernels":
      return yield* sendRows(starter, client, yield* starter.system.kernels());
    case "restart": {
      const reason = yield* restartKernel(starter, pipes, request.kernel);
      if (reason === undefined) return yield* client.send("restarted");
      return yield* client.send("failed", { reason });
    }
    case "manifest":
      return yield* manifest(starter, client, request);
    case "explain":
      return yield* explain(starter, client, request);
    case "shutdown":
      return yield* shutDown(starter, request.status);
  }
}

function* run(starter: Starter, client: Client, request: RequestOf<"run">): Call<void> {
  const { stdin, stdout } = request;
  const program = yield* starter.find(request.program);
  const placement = typeof program === "string" ? program : yield* starter.place(program);
  if (typeof program === "string" || typeof placement === "string") {
    yield* stdin.close();
    yield* stdout.close();
    return yield* client.send("failed", { reason: String(placement) });
  }
  const place = { name: placement.kernel, path: placement.path };
  const how = { stdin, stdout, arguments: request.arguments, device: "" };
  const started = yield* starter.launch(program, place, "program", how);
  if (typeof started === "string") return yield* client.send("failed", { reason: started });
  yield* client.send("started", { pid: started.pid, kernel: started.place.name });
}

function* wait(starter: Starter, client: Client, { pid }: RequestOf<"wait">): Call<void> {
  const started = starter.processes.find(pid);
  if (started === undefined) {
    return yield* client.send("failed", { reason: `the process manager has started no process ${pid}` });
  }
  yield* client.send("exited", yield* starter.processes.outcomeOf(started));
}

function* kill(starter: Starter, client: Client, { pid }: RequestOf<"kill">): Call<void> {
  const started = starter.processes.find(pid);
  const reason = started === undefined
    ? yield* whyNotOurs(starter, pid)
    : yield* starter.processes.kill(started);
  if (reason === undefined) yield* client.send("killed");
  else yield* client.send("failed", { reason });
}

/** Controllers and this process itself are the kernels' own: they are in the tables and not to be ended. */
function* whyNotOurs(starter: Starter, pid: number): Call<string> {
  const rows = (yield* rowsOfAll(starter, "processes")) as readonly ProcessRow[];
  const row = rows.find((candidate) => candidate.pid === pid);
  return row === undefined
    ? `there is no process ${pid}`
    : `process ${pid} (${row.program}) belongs to the system`;
}

function* rowsOfAll(
  starter: Starter,
  table: "processes" | "channels" | "heap" | "scheduler" | "transfers",
): Call<unknown[]> {
  const rows: unknown[] = [];
  for (const place of yield* starter.system.kernels()) {
    if (place.state === "down") continue;
    const part = yield* tableOf(starter.kernel, place, table);
    if (typeof part === "string") yield* starter.log(`The table of ${table} lacks ${place.name}: ${part}`);
    else rows.push(...part);
  }
  return rows;
}

function* sendRows(starter: Starter, client: Client, rows: readonly unknown[]): Call<void> {
  yield* client.send("rows", { json: yield* textBlock(starter.kernel, JSON.stringify(rows)) });
}

function* manifest(starter: Starter, client: Client, request: RequestOf<"manifest">): Call<void> {
  const program = yield* starter.find(request.program);
  if (typeof program === "string") return yield* client.send("failed", { reason: program });
  yield* client.send("text", { text: yield* textBlock(starter.kernel, program.manifest) });
}

function* explain(starter: Starter, client: Client, request: RequestOf<"explain">): Call<void> {
  const program = yield* starter.find(request.program);
  const placement = typeof program === "string" ? program : yield* starter.place(program);
  if (typeof placement === "string") return yield* client.send("failed", { reason: placement });
  const json = yield* textBlock(starter.kernel, JSON.stringify(placement.steps));
  const unserved = placement.unserved.join("\n");
  yield* client.send("placement", { kernel: placement.kernel, json, unserved });
}
