/**
 * Processes and satellites are killed at random moments while all kernels talk to each other.
 *
 * Each seed is a machine of four domains and a card, whose processes serve names, ask, pass blocks (those to and
 * from the card by DMA) and hand channel ends on to each other, over as many kernels as relay. It takes
 * `killsPerSeed` kills, of which one in eight is a satellite's, by a panic or by a silent stop, and starts the
 * satellite again.
 * - After each seed: nobody died who was not killed, no block and no end is left, the names are those of
 *   the living, and a request through what was killed is answered by its replacement.
 * - What happened is counted too: a load that lends nothing over the card, or whose ends stay at home, shows nothing.
 * - `deno task kills` takes 1,000 kills for each of 4 seeds: `deno test -A FILE -- KILLS SEEDS`.
 */

import { assert, assertEquals } from "@std/assert";
import type { Call, Endpoint, Kernel as ProgramKernel, Program } from "./abi/kernel.ts";
import type { Contract } from "./contracts/contract.ts";
import type { Kernel } from "./kernel.ts";
import type { Process } from "./process/process.ts";
import { Bench } from "./testing/bench.ts";
import { answerAll, echoContract, serveSome } from "./testing/block_echo.ts";
import { attempt, randomWords } from "./testing/random_load.ts";

const relayContract = {
  name: "relay/1",
  contractName: "RelayContract",
  messages: {
    give: {
      from: "client",
      doc: "A channel to serve, or to hand on",
      body: { end: { endpoint: echoContract, end: "server" } },
    },
    taken: { from: "server", doc: "It is elsewhere now" },
  },
  start: "open",
  states: { open: { give: "given" }, given: { taken: "open" } },
} as const satisfies Contract;

const [killsPerSeed = 20, seeds = 3] = Deno.args.map(Number);
const domains = 4;
/** The domains' and the card's. */
const kernels = domains + 1;
const users = 20;

type Server = Endpoint<typeof echoContract, "server">;

/** Takes ends from others; serves each, or hands it on to the next who relays. */
function* relays(kernel: ProgramKernel, path: string, next: string, hands: boolean): Call<void> {
  const service = yield* kernel.register(relayContract, path);
  for (let count = 0; count < 4; count++) {
    const event = yield* kernel.select({ service }, 4e5);
    if (event.on !== "service") break;
    const giver = event.endpoint;
    const given = yield* giver.receiveOrClosed();
    if (given !== undefined) {
      yield* giver.send("taken");
      if (hands) yield* gives(kernel, next, given.end);
      else yield* answerAll(given.end);
    }
    yield* giver.close();
  }
  yield* service.deregister();
}

function* gives(kernel: ProgramKernel, path: string, end: Server): Call<void> {
  let isGiven = false;
  yield* attempt(function* () {
    const relay = yield* kernel.bind(relayContract, path, 1e5);
    isGiven = true;
    yield* relay.send("give", { end });
    yield* relay.receiveOrClosed();
    yield* relay.close();
  });
  if (!isGiven) yield* end.close();
}

function* talks(
  kernel: ProgramKernel,
  end: Endpoint<typeof echoContract, "client">,
  size: number,
): Call<void> {
  for (let count = 0; count < 3; count++) {
    yield* end.send("ask", { bytes: yield* kernel.allocate(size), text: "x".repeat(size % 300) });
    const answer = yield* end.receiveOrClosed();
    if (answer === undefined) break;
    yield* kernel.free(answer.bytes);
  }
  yield* end.close();
}

/** Does one thing after the other until it is killed. */
const user = (random: (below: number) => number) =>
  function* user(kernel: ProgramKernel): Program {
    for (;;) {
      const number = random(4);
      const choice = random(8);
      const size = 1 + random(20_000);
      yield* attempt(function* () {
        if (choice < 2) yield* serveSome(kernel, `/echo/${number}`);
        else if (choice < 4) {
          yield* relays(kernel, `/relay/${number}`, `/relay/${(number + 1) % 4}`, choice === 3);
        } else if (choice < 6) {
          yield* talks(kernel, yield* kernel.bind(echoContract, `/echo/${number}`, 2e5), size);
        } else {
          const { client, server } = yield* kernel.createChannel(echoContract);
          yield* gives(kernel, `/relay/${number}`, server);
          yield* talks(kernel, client, size);
        }
      });
      yield* kernel.sleep(1 + random(20_000));
    }
  };

/** What all kills have met. */
const met = { named: 0, overThreeKernels: 0, lentOverCard: 0 };

for (let seed = 0; seed < seeds; seed++) {
  Deno.test(`${killsPerSeed} kills under load, seed ${seed}: nothing else dies, nothing is left, and all is served again`, () => {
    const random = randomWords(seed);
    const bench = new Bench({ domains, hasCard: true, keepsLog: false });
    const load = { named: 0, overThreeKernels: 0, lentOverCard: 0 };
    const killed = new Set<Process>();
    const started: { process: Process; kernel: Kernel }[] = [];
    const start = () => {
      const on = random(kernels);
      const kernel = bench.kernelAt(on);
      if (!kernel.isHalted) started.push({ process: bench.start(user(random), { on }), kernel });
    };
    const living = () =>
      started.filter(({ process, kernel }) => process.state === "running" && !kernel.isHalted);
    for (let count = 0; count < users; count++) start();
    let restarts = 0;
    for (let kills = 0; kills < killsPerSeed; kills++) {
      bench.settle((1 + random(1000)) * 1e-6);
      lookAt(bench, load);
      if (random(8) === 0) {
        const kernel = bench.kernelAt(1 + random(kernels - 1));
        if (kernel.isHalted) continue;
        if (random(2) === 0) bench.panic(kernel);
        else bench.stopCpus(kernel);
        bench.settle((1 + random(60)) * 1e-3);
        bench.restart(kernel);
        restarts++;
      } else {
        const { process, kernel } = living()[random(living().length)]!;
        killed.add(process);
        kernel.processes.end(process, 137, "");
      }
      while (living().length < users) start();
    }
    bench.settle(0.2);
    console.log(
      `seed ${seed}: ${restarts} satellites died; found by ${killsPerSeed} looks: ${JSON.stringify(load)}`,
    );
    for (const what of ["named", "overThreeKernels", "lentOverCard"] as const) met[what] += load[what];
    const unexpected = started.filter(({ process, kernel }) =>
      process.state === "ended" && !killed.has(process) && !kernel.isHalted
    );
    assertEquals(unexpected.map(({ process }) => `${process.label}: ${process.fault}`), []);
    const { namespace } = bench.kernels[0]!.coordinator!;
    const labels = new Set(living().map(({ process }) => process.label));
    assertEquals(namespace.services.filter(({ process }) => !labels.has(process)), []);
    for (const { process, kernel } of living()) kernel.processes.end(process, 137, "");
    // Longer than it takes to find out what was lost on its way.
    bench.settle(3);
    assertEquals(bench.leftovers(), { blocks: 0, ends: 0, lent: 0 });
    assertEquals(namespace.services, []);
    assertEquals(bench.living.length, kernels);
    for (let on = 1; on < kernels; on++) answersAgain(bench, on);
  });
}

Deno.test("the kills met named services, ends on their third kernel, and loans over the card", () => {
  assert(
    Object.values(met).every((count) => count > 0),
    `the load leaves something out: ${JSON.stringify(met)}`,
  );
});

/** Counts what there is to break at this moment: names, ends that are on their third kernel or further, loans by DMA. */
function lookAt(bench: Bench, load: { named: number; overThreeKernels: number; lentOverCard: number }): void {
  load.named += bench.kernels[0]!.coordinator!.namespace.services.length;
  for (const { channels, peers, index } of bench.living) {
    load.overThreeKernels += channels.ends.filter(({ moves }) => moves >= 2).length;
    const { card } = bench;
    for (const peer of peers) {
      if (index === card!.index || peer.index === card!.index) load.lentOverCard += peer.lent.length;
    }
  }
}

/** What a kernel's successor serves is served to all others. */
function answersAgain(bench: Bench, on: number): void {
  const server = bench.start(function* (kernel) {
    yield* serveSome(kernel, "/again");
  }, { on, name: "again" });
  bench.run(function* (kernel) {
    const end = yield* kernel.bind(echoContract, "/again", 1e8);
    yield* end.send("ask", { bytes: yield* kernel.allocate(9000), text: "" });
    const answer = yield* end.receive();
    assertEquals(answer.bytes.length, 9000);
    yield* kernel.free(answer.bytes);
    yield* end.close();
  }, { on: (on + 1) % kernels, name: "asker" });
  assert(server.fault === "");
}
