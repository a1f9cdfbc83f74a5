/**
 * A kernel that breaks the rules of the rings is cut off: its channels close, the others go on.
 *
 * The test plays the broken kernel with that kernel's own side of the rings, and in the memory
 * that the two share.
 */

import { assert, assertEquals } from "@std/assert";
import type { Contract } from "../contracts/contract.ts";
import { pairAreaAddress } from "../memory/layout.ts";
import { Bench } from "../testing/bench.ts";
import { counter, counterLine, pairAreaSize } from "./pair_area.ts";
import { recordKind, RecordWriter } from "./record.ts";

const talkContract = {
  name: "talk/1",
  contractName: "TalkContract",
  messages: {
    say: { from: "client", doc: "A block", body: { data: "bytes" } },
    heard: { from: "server", doc: "It came" },
  },
  start: "open",
  states: { open: { say: "told" }, told: { heard: "open" } },
} as const satisfies Contract;

/** Kernel 0 serves; kernels 1 and 2 talk to it every millisecond, until their channel closes. */
function threeKernels() {
  const bench = new Bench({ domains: 3 });
  const heard = [0, 0, 0];
  const closed = [false, false, false];
  bench.start(function* server(kernel) {
    const service = yield* kernel.register(talkContract, "/talk");
    for (;;) {
      const client = yield* service.accept();
      yield* kernel.createThread(function* () {
        for (let said = yield* client.receiveOrClosed(); said; said = yield* client.receiveOrClosed()) {
          yield* kernel.free(said.data);
          yield* client.send("heard");
        }
        yield* client.close();
      });
    }
  });
  for (const on of [1, 2]) {
    bench.start(function* talker(kernel) {
      const server = yield* kernel.bind(talkContract, "/talk");
      for (;;) {
        yield* server.send("say", { data: yield* kernel.allocate(3000) });
        if ((yield* server.receiveOrClosed()) === undefined) break;
        heard[on]!++;
        yield* kernel.sleep(1e6);
      }
      closed[on] = true;
      yield* server.close();
    }, { on });
  }
  bench.settle(0.1);
  assert(heard[1]! > 50 && heard[2]! > 50, `${heard}`);
  const [first, second] = bench.kernels;
  return { bench, heard, closed, taker: first!.peers[0]!.transport, broken: second!.peers[0]!.transport };
}

type Broken = ReturnType<typeof threeKernels>;

const breaches: Readonly<Record<string, (kernels: Broken) => void>> = {
  "a record of no known kind": ({ broken }) => broken.post(new RecordWriter(200, 0, 0, 0).bytes),
  "a release of a block that it was not lent": ({ broken }) => broken.postRelease(0x1234_0000),
  "a counter that is further ahead than there are slots": ({ bench, taker }) => {
    const { complex, options } = bench.kernels[0]!;
    const area = pairAreaAddress(options.memory.messages, 1, pairAreaSize);
    const head = area + counterLine("b").offset + counter.messageHead;
    complex.space.write32(head, complex.space.read32(head) + 5000);
    taker.poke();
  },
  "word that a kernel is gone, which is the coordinator's to say": ({ bench }) =>
    bench.kernels[1]!.peer(0).sendGone(2),
  "an introduction of a card, which is the coordinator's to make": ({ bench }) =>
    bench.kernels[1]!.peer(0).sendMeet({ index: 9, station: 9, name: "card9", address: 0xd000_0000 }),
  "more messages for ends that never come than may wait": ({ broken }) => {
    for (let count = 0; count < 4200; count++) {
      broken.post(new RecordWriter(recordKind.message, 0x7f_0000 + count, 0, 0).bytes);
    }
  },
};

for (const [breach, make] of Object.entries(breaches)) {
  Deno.test(`a kernel that sends ${breach} is cut off: its channels close on both sides, other kernels go on`, () => {
    const kernels = threeKernels();
    const { bench, heard, closed } = kernels;
    make(kernels);
    bench.settle(0.1);
    const [peer] = bench.kernels[0]!.peers;
    assertEquals([peer!.index, peer!.isCutOff], [1, true]);
    assertEquals(closed, [false, true, false]);
    const before = [...heard];
    bench.settle(0.1);
    assertEquals(heard[1], before[1]);
    assert(heard[2]! > before[2]! + 50, `${heard} after ${before}`);
    assert(bench.log.some((line) => line.includes("coordinator cuts numa1 off: ")));
    // What was lent to the kernel that is gone, and by it, is free again.
    assertEquals(bench.kernels.map(({ peers }) => peers[0]!.lent.length), [0, 0, 0]);
  });
}
