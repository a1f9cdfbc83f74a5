/**
 * What the compiler refuses: wrong messages, arguments and ends.
 *
 * Each `@ts-expect-error` line is an assertion that `deno check` makes: were the line to compile, the
 * check of this file would fail. None of these programs runs.
 */

import { assertEquals } from "@std/assert";
import { asBase } from "../abi/derived.ts";
import type { Block, Endpoint, Kernel, MessageFrom, MessageName, Program } from "../abi/kernel.ts";
import type { Contract } from "./contract.ts";
import { kernelControlContract } from "./kernel_control.ts";
import { pipeContract } from "./pipe.ts";
import type { processControlContract } from "./process_control.ts";

const orderContract = {
  name: "order/1",
  contractName: "OrderContract",
  messages: {
    order: {
      from: "client",
      doc: "Wants something",
      body: {
        count: { scalar: "u16", min: 1, max: 12 },
        size: ["small", "large"],
        note: "string",
        gift: "bool",
        data: "bytes",
        out: { endpoint: pipeContract, end: "client" },
      },
    },
    ready: { from: "server", doc: "It is ready" },
  },
  start: "idle",
  states: { idle: { order: "cooking" }, cooking: { ready: "idle" } },
} as const satisfies Contract;

/** Adds a message of the client to the base's states, and states of its own. */
const clientMore = {
  name: "order-more/1",
  contractName: "OrderMoreContract",
  base: orderContract,
  messages: {
    hurry: { from: "client", doc: "Asks how long it takes" },
    minutes: { from: "server", doc: "So long", body: { count: "u8" } },
  },
  start: "idle",
  states: { idle: { hurry: "asked" }, asked: { minutes: "idle" } },
} as const satisfies Contract;

/** Adds a message of the server to the base's states. */
const serverMore = {
  name: "order-late/1",
  contractName: "OrderLateContract",
  base: orderContract,
  messages: { soldOut: { from: "server", doc: "There is none left" } },
  start: "idle",
  states: { cooking: { soldOut: "idle" } },
} as const satisfies Contract;

/** Takes endpoints of the base. */
const carrierContract = {
  name: "carrier/1",
  contractName: "CarrierContract",
  messages: {
    takeClient: {
      from: "client",
      doc: "Takes it",
      body: { end: { endpoint: orderContract, end: "client" } },
    },
    takeServer: {
      from: "client",
      doc: "Takes it",
      body: { end: { endpoint: orderContract, end: "server" } },
    },
  },
  start: "ready",
  states: { ready: { takeClient: "over", takeServer: "over" }, over: {} },
} as const satisfies Contract;

export function* wrongArguments(kernel: Kernel, data: Block): Program {
  const { client, server } = yield* kernel.createChannel(orderContract);
  const pipe = yield* kernel.createChannel(pipeContract);
  const good = { count: 3, size: "small", note: "", gift: true, data, out: pipe.client } as const;
  yield* client.send("order", good);
  // @ts-expect-error a message that the contract does not have
  yield* client.send("pay");
  // @ts-expect-error a message that is the other end's
  yield* client.send("ready");
  // @ts-expect-error the exporter does not order
  yield* server.send("order", good);
  // @ts-expect-error no body at all
  yield* client.send("order");
  // @ts-expect-error a body for a message that has none
  yield* server.send("ready", {});
  // @ts-expect-error a field is missing
  yield* client.send("order", { count: 3, size: "small", note: "", gift: true, data });
  // @ts-expect-error a text for a number
  yield* client.send("order", { ...good, count: "3" });
  // @ts-expect-error a word that is not in the list
  yield* client.send("order", { ...good, size: "medium" });
  // @ts-expect-error a number for a truth value
  yield* client.send("order", { ...good, gift: 1 });
  // @ts-expect-error bytes that are no block
  yield* client.send("order", { ...good, data: new Uint8Array(1) });
  // @ts-expect-error the wrong end of a pipe
  yield* client.send("order", { ...good, out: pipe.server });
  // @ts-expect-error an endpoint of another contract
  yield* client.send("order", { ...good, out: client });
}

export function* wrongAnswers(kernel: Kernel): Program {
  const { client } = yield* kernel.createChannel(orderContract);
  const answer = yield* client.receive();
  // @ts-expect-error the client never hears this
  if (answer.tag === "order") return;
  // @ts-expect-error the message has no fields
  return answer.count;
}

export function* derivedEnds(kernel: Kernel): Program {
  const more = yield* kernel.createChannel(clientMore);
  const late = yield* kernel.createChannel(serverMore);
  const carrier = yield* kernel.createChannel(carrierContract);
  // Messages of the base, and its own.
  yield* more.client.send("hurry");
  const heard: MessageFrom<typeof clientMore, "server"> = yield* more.client.receive();
  if (heard.tag === "minutes") yield* kernel.sleep(heard.count);
  // @ts-expect-error the base does not have it
  yield* (yield* kernel.createChannel(orderContract)).client.send("hurry");
  // A client that does not use what only it could say more.
  yield* carrier.client.send("takeClient", { end: more.client });
  yield* carrier.client.send("takeClient", { end: asBase(more.client) });
  // A server that does not use what only it could say more.
  yield* carrier.client.send("takeServer", { end: late.server });
  // @ts-expect-error its peer could hurry it, which a server of the base does not understand
  yield* carrier.client.send("takeServer", { end: more.server });
  // @ts-expect-error its peer could be sold out, which a client of the base does not understand
  yield* carrier.client.send("takeClient", { end: late.client });
  // @ts-expect-error the same without a message
  asBase(late.client);
  // @ts-expect-error a contract without a base
  asBase(carrier.client);
}

export function* controllersAreProcessControl(kernel: Kernel): Program {
  const control = yield* kernel.bind(kernelControlContract, "/kernels/numa1");
  const any: Endpoint<typeof processControlContract, "client"> = asBase(control);
  yield* any.send("kill", { pid: 7 });
  // @ts-expect-error what only a controller can do
  yield* any.send("devices");
}

Deno.test("the names that an end may send are those of its contract and of the contract's bases", () => {
  const names: Record<MessageName<typeof clientMore, "client">, true> = { order: true, hurry: true };
  assertEquals(Object.keys(names), ["order", "hurry"]);
  assertEquals(serverMore.base, orderContract);
});
