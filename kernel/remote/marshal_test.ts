/**
 * Messages to records and back: every kind of field, at its limits and at random.
 *
 * Blocks and ends are stood in for by a departure that notes what left; that they really
 * travel is tested with two kernels, in endpoint_moves_test.ts and remote_messages_test.ts.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { ChannelEnd, type Message, type MessageValue } from "../channels/channel_end.ts";
import type { Contract, FieldType } from "../contracts/contract.ts";
import { compileContract, ContractError } from "../contracts/monitor.ts";
import { pipeContract } from "../contracts/pipe.ts";
import { Block } from "../memory/exchange_heap.ts";
import { Extent } from "../memory/extent.ts";
import { decodeFields, encodeMessage, type RawValue, type TravellingEnd } from "./marshal.ts";
import { PeerFault } from "./peer_fault.ts";
import { decodeText, inlineStringMax, recordKind, RecordReader, RecordWriter } from "./record.ts";

function contractWith(body: Readonly<Record<string, FieldType>>): Contract {
  return {
    name: "sample/1",
    contractName: "SampleContract",
    messages: { sample: { from: "client", doc: "Carries everything", body, uses: "sent" } },
    credits: { sent: { doc: "What is under way", user: "client", limit: 4, initial: 4 } },
    start: "open",
    states: { open: { sample: "open" } },
  };
}

const travelling: TravellingEnd = {
  channel: 0x0200_0010,
  end: "server",
  contract: pipeContract.name,
  digest: "de".repeat(32),
  credits: Int32Array.of(7, 0),
  state: 1,
  sendSequence: 0xffff_fffe,
  receiveSequence: 12,
  moves: 4,
  peerMoves: 0xffff_ffff,
  peerKernel: 3,
};

/** Encodes one message and decodes it again; texts in blocks are read back from them. */
function crossing(body: Readonly<Record<string, FieldType>>, values: readonly MessageValue[]) {
  const definition = compileContract(contractWith(body)).messages[0]!;
  const message: Message = { definition, values };
  const left: Block[] = [];
  const blockAt = new Map<number, Block>();
  let address = 0x1_0000_0000;
  const record = encodeMessage(0x0300_0020, 1, 77, message, {
    textBlock(text) {
      const block = new Block(new Extent(address += 0x10000, text.length), text.length);
      block.bytes.set(text);
      blockAt.set(block.address, block);
      return block;
    },
    blockLeaves: (block) => void left.push(block),
    endLeaves: () => travelling,
  });
  const reader = new RecordReader(record);
  assertEquals([reader.channel, reader.end, reader.sequence, reader.message], [0x0300_0020, 1, 77, 0]);
  const raw = decodeFields(reader, definition);
  return {
    raw,
    left,
    texts: raw.map((one) =>
      one.kind === "text" ? decodeText(blockAt.get(one.block.address)!.bytes) : plain(one)
    ),
  };
}

const plain = (raw: RawValue) => raw.kind === "value" ? raw.value : undefined;

const extremes: [FieldType, MessageValue[]][] = [
  ["bool", [false, true]],
  ["u8", [0, 255]],
  ["u16", [0, 65535]],
  ["u32", [0, 0xffffffff]],
  ["i32", [-0x80000000, -1, 0, 0x7fffffff]],
  ["u64", [0, 2 ** 32, Number.MAX_SAFE_INTEGER]],
  ["f64", [-0, 0.1, -1e308, Infinity, NaN]],
  [["yes", "no", "perhaps"], ["yes", "perhaps"]],
  ["string", ["", "x".repeat(inlineStringMax), "é€😀", "\uFEFFmark", "\0"]],
];

for (const [type, values] of extremes) {
  Deno.test(`a field of type ${Array.isArray(type) ? "words" : type} crosses with its smallest and largest values`, () => {
    for (const value of values) {
      const { texts, left } = crossing({ field: type }, [value]);
      assert(Object.is(texts[0], value), `${String(value)} became ${String(texts[0])}`);
      assertEquals(left, []);
    }
  });
}

Deno.test("a text in a record whose bytes are no UTF-8 throws, as a kernel only sends well-formed ones", () => {
  const definition = compileContract(contractWith({ field: "string" })).messages[0]!;
  const writer = new RecordWriter(recordKind.message, 0, 0, 0);
  writer.u16(2);
  writer.raw(Uint8Array.of(0xc3, 0x28));
  assertThrows(() => decodeFields(new RecordReader(writer.bytes), definition), PeerFault);
});

Deno.test("a text longer than the record takes in travels in a block of its own", () => {
  const text = "é".repeat(inlineStringMax);
  const { raw, texts, left } = crossing({ field: "string" }, [text]);
  assertEquals([raw[0]!.kind, texts[0], left.length], ["text", text, 1]);
  assertEquals(left[0]!.length, 2 * inlineStringMax);
});

Deno.test("a block is named by its address and its window, above 4 GiB too", () => {
  const block = new Block(new Extent(0x12_3456_7000, 4096), 4096);
  [block.offset, block.length] = [100, 200];
  const { raw, left } = crossing({ field: "bytes" }, [block]);
  assertEquals(raw, [{
    kind: "block",
    block: { address: 0x12_3456_7000, offset: 100, length: 200, isReadOnly: false },
  }]);
  assert(left[0] === block);
});

Deno.test("an endpoint crosses with all that the other kernel must know of it", () => {
  const end = new ChannelEnd(1, "server", compileContract(pipeContract));
  const { raw } = crossing({ field: { endpoint: pipeContract, end: "server" } }, [end]);
  assertEquals(raw, [{ kind: "end", end: travelling, contract: compileContract(pipeContract) }]);
});

Deno.test("texts that do not all fit into the record go into blocks, as many as must", () => {
  const body = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`f${index}`, "string" as const]));
  const values = Array.from(
    { length: 20 },
    (_, index) => String.fromCharCode(97 + index).repeat(inlineStringMax),
  );
  const { texts, left } = crossing(body, values);
  assertEquals(texts, values);
  assert(left.length > 10 && left.length < 20, `${left.length} texts went into blocks`);
});

Deno.test("a message that cannot fit into a record, even with its texts in blocks, is refused with its contract", () => {
  const blocks = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`f${index}`, "bytes" as const]));
  compileContract(contractWith(blocks(27)));
  assertThrows(
    () => compileContract(contractWith(blocks(28))),
    ContractError,
    `Contract "sample/1": message sample takes up to 448 bytes, at most 442 are allowed`,
  );
});

const anyField = fc.constantFrom<FieldType>("bool", "u8", "u16", "u32", "i32", "u64", "f64", "string");

const valueOf = (type: FieldType): fc.Arbitrary<MessageValue> => {
  switch (type) {
    case "bool":
      return fc.boolean();
    case "u8":
      return fc.nat(0xff);
    case "u16":
      return fc.nat(0xffff);
    case "u32":
      return fc.integer({ min: 0, max: 0xffffffff });
    case "i32":
      return fc.integer();
    case "u64":
      return fc.maxSafeNat();
    case "f64":
      return fc.double();
    default:
      return fc.string({ unit: "binary", maxLength: 200 });
  }
};

const anyMessage = fc.array(anyField, { maxLength: 12 })
  .chain((types) => fc.tuple(fc.constant(types), fc.tuple(...types.map(valueOf))));

Deno.test("whatever fields a message has, its values come back the same and in order", () => {
  fc.assert(fc.property(anyMessage, ([types, values]) => {
    const body = Object.fromEntries(types.map((type, index) => [`f${index}`, type]));
    const { texts } = crossing(body, values as MessageValue[]);
    values.forEach((value, index) => assert(Object.is(texts[index], value)));
  }));
});
