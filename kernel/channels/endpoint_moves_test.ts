/**
 * Endpoints that move between kernels, while messages are under way to them.
 *
 * Programs on three kernels hand the two ends of a channel around by plans; whatever the
 * plans, each end receives all that the other sent, in order, and nothing is left over.
 */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Endpoint, Kernel, MessageFrom, Program } from "../abi/kernel.ts";
import type { Contract } from "../contracts/contract.ts";
import { Bench } from "../testing/bench.ts";

const talkContract = {
  name: "talk/1",
  contractName: "TalkContract",
  messages: {
    say: {
      from: "client",
      doc: "A number, in the message and in a block",
      body: { number: "u32", data: "bytes" },
      uses: "said",
    },
    tell: {
      from: "server",
      doc: "A number, in the message and in a block",
      body: { number: "u32", data: "bytes" },
      uses: "told",
    },
    sayLast: { from: "client", doc: "That was all", uses: "said" },
    tellLast: { from: "server", doc: "That was all", uses: "told" },
  },
  credits: {
    said: { doc: "What the client has to say", user: "client", limit: 64, initial: 64 },
    told: { doc: "What the server has to say", user: "server", limit: 64, initial: 64 },
  },
  start: "open",
  states: { open: { say: "open", tell: "open", sayLast: "open", tellLast: "open" } },
} as const satisfies Contract;

const journey = { hops: "string", sent: "u32", got: "u32", over: "bool" } as const;

const travelContract = {
  name: "travel/1",
  contractName: "TravelContract",
  messages: {
    takeClient: {
      from: "client",
      doc: "Goes on with the client's end",
      body: { end: { endpoint: talkContract, end: "client" }, ...journey },
      uses: "handing",
    },
    takeServer: {
      from: "client",
      doc: "Goes on with the server's end",
      body: { end: { endpoint: talkContract, end: "server" }, ...journey },
      uses: "handing",
    },
  },
  credits: { handing: { doc: "Ends to hand on", user: "client", limit: 1, initial: 1 } },
  start: "open",
  states: { open: { takeClient: "open", takeServer: "open" } },
} as const satisfies Contract;

/** What an end does on a kernel: send so many, receive up to so many, wait, and go on to the next. */
interface Hop {
  readonly kernel: number;
  readonly sends: number;
  readonly receives: number;
  readonly waitUs: number;
}

interface End {
  readonly side: "client" | "server";
  readonly end: Endpoint<typeof talkContract, "client"> | Endpoint<typeof talkContract, "server">;
  sent: number;
  got: number;
  /** It has heard the other's last message. */
  over: boolean;
}

interface Result {
  readonly sent: number;
  readonly got: number;
}

const kernels = 3;

/** Sends what a hop asks for; each block holds its number, so that a mixed-up block shows. */
function* sendSome(kernel: Kernel, holder: End, count: number): Program {
  for (let index = 0; index < count; index++) {
    const data = yield* kernel.allocate(8);
    data.bytes[0] = holder.sent & 0xff;
    const body = { number: holder.sent++, data };
    if (holder.side === "client") {
      yield* (holder.end as Endpoint<typeof talkContract, "client">).send("say", body);
    } else yield* (holder.end as Endpoint<typeof talkContract, "server">).send("tell", body);
  }
}

type Heard = MessageFrom<typeof talkContract, "client"> | MessageFrom<typeof talkContract, "server">;

function* hear(kernel: Kernel, holder: End, message: Heard): Program {
  if (message.tag === "sayLast" || message.tag === "tellLast") {
    holder.over = true;
    return;
  }
  assertEquals([message.number, message.data.bytes[0]], [holder.got, holder.got & 0xff]);
  holder.got++;
  yield* kernel.free(message.data);
}

function* visit(kernel: Kernel, holder: End, hops: readonly Hop[], results: Map<string, Result>): Program {
  const { side, end } = holder;
  const [hop, ...rest] = hops;
  if (hop !== undefined) {
    yield* sendSome(kernel, holder, hop.sends);
    for (let index = 0; index < hop.receives && !holder.over; index++) {
      const occurrence = yield* kernel.select({ end: end as Endpoint<typeof talkContract, "client"> }, 500);
      if (occurrence.on !== "end" || occurrence.kind === "closed") break;
      yield* hear(kernel, holder, occurrence.message);
    }
    yield* kernel.sleep(hop.waitUs * 1000);
  }
  const next = rest[0];
  if (next !== undefined) {
    const way = yield* kernel.bind(travelContract, `/holder${next.kernel}`);
    const body = { hops: JSON.stringify(rest), sent: holder.sent, got: holder.got, over: holder.over };
    if (side === "client") {
      yield* way.send("takeClient", { end: end as Endpoint<typeof talkContract, "client">, ...body });
    } else yield* way.send("takeServer", { end: end as Endpoint<typeof talkContract, "server">, ...body });
    yield* way.close();
    return;
  }
  if (side === "client") yield* (end as Endpoint<typeof talkContract, "client">).send("sayLast");
  else yield* (end as Endpoint<typeof talkContract, "server">).send("tellLast");
  while (!holder.over) {
    yield* hear(kernel, holder, yield* (end as Endpoint<typeof talkContract, "client">).receive());
  }
  results.set(side, { sent: holder.sent, got: holder.got });
  yield* end.close();
}

/** A program that takes ends and treats each in a thread of its own. */
const holderProgram = (kernelIndex: number, results: Map<string, Result>) =>
  function* holder(kernel: Kernel): Program {
    const service = yield* kernel.register(travelContract, `/holder${kernelIndex}`);
    const ways = kernel.endpointSet<typeof travelContract, "server", undefined>(travelContract, "server");
    for (;;) {
      const occurrence = yield* kernel.select({ service, ways });
      if (occurrence.on === "timeout" || occurrence.on === "unsatisfiable") continue;
      if (occurrence.on === "service") ways.add(occurrence.endpoint, undefined);
      else if (occurrence.kind === "message") {
        const { tag, end, hops, sent, got, over } = occurrence.message;
        const side = tag === "takeClient" ? "client" : "server";
        yield* kernel.createThread(() =>
          visit(kernel, { side, end, sent, got, over }, JSON.parse(hops), results)
        );
      }
    }
  };

const fresh = { sent: 0, got: 0, over: false };

/** Sends the two ends on their ways from kernel `start`; gives what arrived in the end. */
function travel(start: number, client: readonly Hop[], server: readonly Hop[]) {
  const bench = new Bench({ domains: kernels });
  const results = new Map<string, Result>();
  for (let index = 0; index < kernels; index++) bench.start(holderProgram(index, results), { on: index });
  const starter = bench.start(function* starter(kernel) {
    const ends = yield* kernel.createChannel(talkContract);
    const first = yield* kernel.createThread(() =>
      visit(
        kernel,
        { side: "client", end: ends.client, ...fresh },
        [{ ...stay, kernel: start }, ...client],
        results,
      )
    );
    yield* visit(kernel, { side: "server", end: ends.server, ...fresh }, [
      { ...stay, kernel: start },
      ...server,
    ], results);
    yield* first.join();
  }, { on: start });
  bench.settle(20);
  assertEquals([starter.state, starter.fault], ["ended", ""]);
  const holders = bench.kernels.flatMap((kernel) => kernel.processes.running);
  assertEquals(holders.length, kernels, "a holder ended");
  return { bench, results };
}

const stay: Hop = { kernel: 0, sends: 3, receives: 1, waitUs: 0 };
const to = (kernel: number, change: Partial<Hop> = {}): Hop => ({ ...stay, kernel, ...change });

function assertAllArrived({ bench, results }: ReturnType<typeof travel>): void {
  const [client, server] = [results.get("client"), results.get("server")];
  assert(client !== undefined && server !== undefined, `only ${[...results.keys()]} came to the end`);
  assertEquals([client.got, server.got], [server.sent, client.sent]);
  const talks = bench.kernels.flatMap((kernel) => kernel.channels.ends).filter((end) =>
    end.contract.name === "talk/1"
  );
  assertEquals(talks.length, 0, "ends of the channel are left");
  const { blocks, lent } = bench.leftovers();
  assertEquals([blocks, lent], [0, 0]);
}

const silently = { sends: 0, receives: 0 };
const journeys: [string, number, Hop[], Hop[]][] = [
  ["stay together on one kernel", 0, [], []],
  ["part: the client leaves for another kernel", 0, [to(1)], []],
  ["part: the server leaves for another kernel", 1, [], [to(0)]],
  [
    "part and meet again where they were, and the channel is local again",
    0,
    [to(1, { waitUs: 50 }), to(0)],
    [],
  ],
  ["part and meet on the other kernel", 0, [to(1)], [to(1, { waitUs: 50 })]],
  ["change places at the same time", 0, [to(1), to(0)], [to(2), to(1)]],
  ["end on two kernels that neither was on at first", 0, [to(1)], [to(2)]],
  [
    "hear of two moves in the wrong order",
    0,
    [to(1, silently), to(2, silently), to(1, silently)],
    [to(0, { ...silently, waitUs: 40 }), to(0, silently)],
  ],
  ["chase each other round three kernels", 0, [to(1), to(2), to(0), to(1)], [to(2), to(0), to(1), to(2)]],
];

for (const [what, start, client, server] of journeys) {
  Deno.test(`two ends that ${what} get all messages in order`, () => {
    assertAllArrived(travel(start, client, server));
  });
}

Deno.test("a channel whose ends meet on one kernel becomes local", () => {
  const { bench } = travel(0, [to(1, { waitUs: 100 }), to(0)], [to(0, { waitUs: 1000 })]);
  const count = (text: string) => bench.log.filter((line) => line.includes(text)).length;
  assert(bench.log.some((line) => / coordinator channel \d+ became local$/.test(line)));
  assert(
    count("remote message say") > 0 && count("message talk/1 say") > 0,
    "it was remote and local in turn",
  );
});

const hop = fc.record({
  kernel: fc.nat(kernels - 1),
  sends: fc.nat(5),
  receives: fc.nat(5),
  waitUs: fc.constantFrom(0, 0, 1, 3, 10, 40),
});

Deno.test("however the two ends wander over three kernels, all messages arrive in order and nothing is left", () => {
  const wander = fc.array(hop, { maxLength: 6 });
  fc.assert(
    fc.property(fc.nat(kernels - 1), wander, wander, (start, client, server) => {
      assertAllArrived(travel(start, client, server));
    }),
    { numRuns: 60 },
  );
});
