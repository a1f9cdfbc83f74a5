/**
 * One end of a channel by itself: order by number, closing, and what an end that moves takes along.
 */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { compileContract } from "../contracts/monitor.ts";
import { pipeContract } from "../contracts/pipe.ts";
import { type Arrival, ChannelEnd, type Message } from "./channel_end.ts";

const talk = compileContract({
  name: "talk/1",
  contractName: "TalkContract",
  messages: { say: { from: "client", doc: "A number", body: { number: "u32" }, uses: "talk" } },
  credits: { talk: { doc: "Numbers on their way", user: "client", limit: 64, initial: 64 } },
  start: "open",
  states: { open: { say: "open" } },
});
const pipe = compileContract(pipeContract);

const say = (number: number): Arrival => ({ message: { definition: talk.messages[0]!, values: [number] } });
const numbersIn = (end: ChannelEnd): unknown[] => [...end.inbox].map((message) => message.values[0]);

function receiveAll(end: ChannelEnd): unknown[] {
  const got: unknown[] = [];
  for (let message = end.receive(); message !== undefined; message = end.receive()) {
    got.push(message.values[0]);
  }
  return got;
}

Deno.test("messages that come in any order are received in the order of their numbers", () => {
  const order = fc.integer({ min: 0, max: 30 }).chain((count) => {
    const sequences = Array.from({ length: count }, (_, index) => index);
    return fc.shuffledSubarray(sequences, { minLength: count, maxLength: count });
  });
  fc.assert(fc.property(order, (sequences) => {
    const end = new ChannelEnd(1, "server", talk);
    let missing = 0;
    const come = new Set<number>();
    for (const sequence of sequences) {
      end.arrive(sequence, say(sequence));
      come.add(sequence);
      while (come.has(missing)) missing++;
      assertEquals(numbersIn(end), Array.from({ length: missing }, (_, index) => index));
    }
    assertEquals(receiveAll(end), Array.from({ length: sequences.length }, (_, index) => index));
  }));
});

Deno.test("a close that overtakes messages is seen after all of them", () => {
  const end = new ChannelEnd(1, "server", talk);
  end.arrive(2, "closed");
  assertEquals([end.ready, end.peerClosed], [false, false]);
  end.arrive(0, say(0));
  assertEquals([end.ready, end.peerClosed], [true, false]);
  end.arrive(1, say(1));
  assertEquals([numbersIn(end), end.peerClosed], [[0, 1], true]);
});

Deno.test("an end that moves takes along what was not received, each with its number, and starts again there", () => {
  const cut = fc.record({ count: fc.nat(10), received: fc.nat(10), gap: fc.nat(3), closes: fc.boolean() });
  fc.assert(fc.property(cut, ({ count, received, gap, closes }) => {
    const end = new ChannelEnd(1, "server", talk);
    for (let sequence = 0; sequence < count; sequence++) end.arrive(sequence, say(sequence));
    const early = count + gap;
    if (gap > 0) end.arrive(early, say(early));
    if (closes) end.arrive(gap > 0 ? early + 1 : count, "closed");
    const taken = Math.min(received, count);
    for (let index = 0; index < taken; index++) end.receive();
    const unread = end.takeUnread();
    const moved = new ChannelEnd(1, "server", talk);
    moved.receiveSequence = end.receiveSequence;
    for (const { sequence, arrival } of unread.reverse()) moved.arrive(sequence, arrival);
    for (let sequence = count; gap > 0 && sequence < early; sequence++) moved.arrive(sequence, say(sequence));
    const last = gap > 0 ? early + 1 : count;
    assertEquals(receiveAll(moved), Array.from({ length: last - taken }, (_, index) => taken + index));
    assertEquals([end.ready, moved.peerClosed], [false, closes]);
  }));
});

Deno.test("the contract's state follows what is sent, and what is received when it is received", () => {
  const end = new ChannelEnd(1, "client", pipe);
  const [write, written] = pipe.messages as [Message["definition"], Message["definition"]];
  assertEquals([end.stateAfter(write), end.stateAfter(written)], [1, -1]);
  end.send({ definition: write, values: [] }, end.stateAfter(write));
  assertEquals([end.state, end.stateAfter(write)], [1, -1]);
  end.arrive(0, { message: { definition: written, values: [] } });
  assertEquals(end.state, 1);
  end.receive();
  assertEquals([end.state, end.stateAfter(write)], [0, 1]);
});

Deno.test("only the end that a message is from may send it, whatever the state", () => {
  const server = new ChannelEnd(1, "server", pipe);
  assertEquals(pipe.messages.map((message) => server.stateAfter(message)), [-1, -1]);
});

Deno.test("an end closes once, with one number", () => {
  const end = new ChannelEnd(1, "client", talk);
  const closes: number[] = [];
  end.delivery = {
    kind: "local",
    describePeer: () => "",
    send() {},
    close: (sequence) => void closes.push(sequence),
  };
  end.send({ definition: talk.messages[0]!, values: [1] }, 0);
  end.close();
  end.close();
  assertEquals([closes, end.closed], [[1], true]);
});

Deno.test("an end with a receiver of its own queues nothing and tells it of the close last", () => {
  const end = new ChannelEnd(1, "server", talk);
  const seen: unknown[] = [];
  end.onMessage = (message) => void seen.push(message.values[0]);
  end.onClosed = () => void seen.push("closed");
  for (const sequence of [1, 2, 0]) end.arrive(sequence, sequence === 2 ? "closed" : say(sequence));
  assertEquals(seen, [0, 1, "closed"]);
  assert(end.inbox.length === 0);
});
