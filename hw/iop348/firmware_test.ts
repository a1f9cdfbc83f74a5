/**
 * The board's ROM, seen from the host: which images it starts and which it refuses.
 */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { bars, boardOnABench, boot, cardMemorySize, read32, write32 } from "./testing/bench_board.ts";
import { goCommand } from "./firmware.ts";
import { interruptSources } from "./interrupt_controller.ts";
import { messagingHostRegisters } from "./messaging_registers.ts";
import { crc32, firmwareAnswer, imageHeaderSize } from "./satellite_image_check.ts";

/** Made by an independent program: ISA 3, load address 0x100000, payload "satellite kernel". */
const knownHeader = "48454c49400000000300000010000000f8b3424d400000000000100000f73226";
const knownPayload = Uint8Array.from("satellite kernel", (letter) => letter.charCodeAt(0));
const loadAddress = 0x100000;

function knownImage(): Uint8Array {
  const image = new Uint8Array(imageHeaderSize + knownPayload.length);
  for (let index = 0; index < knownHeader.length / 2; index++) {
    image[index] = parseInt(knownHeader.slice(2 * index, 2 * index + 2), 16);
  }
  image.set(knownPayload, imageHeaderSize);
  return image;
}

/** The known image with header words changed and the header's sum made right again. */
function imageWith(words: Readonly<Record<number, number>>): Uint8Array {
  const image = knownImage();
  const view = new DataView(image.buffer);
  for (const [offset, value] of Object.entries(words)) view.setUint32(Number(offset), value, true);
  view.setUint32(28, 0, true);
  view.setUint32(28, crc32(image.subarray(0, imageHeaderSize)), true);
  return image;
}

function hostOnABench() {
  const bench = boardOnABench();
  boot(bench);
  const register = (name: keyof typeof messagingHostRegisters) =>
    bars.messagingUnit + messagingHostRegisters[name].offset;
  const go = (address: number) => {
    write32(bench.hostWindow, register("IMR1"), address);
    write32(bench.hostWindow, register("IMR0"), goCommand);
    bench.run(20);
    const answered = (read32(bench.hostWindow, register("OISR")) & 1) === 1;
    write32(bench.hostWindow, register("OISR"), 1);
    return answered ? read32(bench.hostWindow, register("OMR0")) : undefined;
  };
  return {
    ...bench,
    go,
    /** Copies an image through BAR2 and asks for its start. */
    load: (image: Uint8Array, address = loadAddress) => {
      bench.hostWindow.write(bars.memory + address, image);
      return go(address);
    },
    message: (word: number) => write32(bench.hostWindow, register("IMR0"), word),
  };
}

Deno.test("the ROM starts a good image and hands the core over with every interrupt masked", () => {
  const { load, started, board } = hostOnABench();
  const cpu = board.complex.cpus[0]!;
  assertEquals(load(knownImage()), firmwareAnswer.started);
  assertEquals(started, [loadAddress]);
  assertEquals(cpu.interruptHandler, undefined);
  assertEquals(cpu.coprocessors.get(6)!.read(0, 4), 0);
});

Deno.test("the ROM moves an image to its load address before it starts it", () => {
  const { load, started, board } = hostOnABench();
  assertEquals(load(knownImage(), loadAddress - 8), firmwareAnswer.started);
  assertEquals(started, [loadAddress]);
  assertEquals(board.complex.space.read(loadAddress, knownImage().length), knownImage());
});

const damaged: readonly [what: string, image: Uint8Array, answer: number][] = [
  ["a wrong magic", imageWith({ 0: 0x464c457f }), firmwareAnswer.badMagic],
  ["an x86 ISA", imageWith({ 8: 2 }), firmwareAnswer.wrongIsa],
  ["a header that its sum does not cover", flipped(knownImage(), 25), firmwareAnswer.badHeaderChecksum],
  ["an entry outside the payload", imageWith({ 20: 80 }), firmwareAnswer.badHeaderChecksum],
  ["a header of another size", imageWith({ 4: 128 }), firmwareAnswer.badHeaderChecksum],
  ["a payload with one bit wrong", flipped(knownImage(), 70), firmwareAnswer.badPayloadChecksum],
  ["a payload longer than memory", imageWith({ 12: cardMemorySize }), firmwareAnswer.doesNotFit],
  ["a load address too high for it", imageWith({ 24: cardMemorySize - 64 }), firmwareAnswer.doesNotFit],
];

function flipped(image: Uint8Array, index: number): Uint8Array {
  image[index]! ^= 1;
  return image;
}

for (const [what, image, answer] of damaged) {
  Deno.test(`the ROM refuses an image with ${what}, and then starts a good one`, () => {
    const { load, started, logLines } = hostOnABench();
    assertEquals(load(image), answer);
    assertEquals(started, []);
    assert(logLines.some((line) => line.includes("refuses the image at 0x100000")));
    assertEquals(load(knownImage()), firmwareAnswer.started);
    assertEquals(started, [loadAddress]);
  });
}

Deno.test("the ROM refuses an address that is not in its memory", () => {
  const { go } = hostOnABench();
  assertEquals(go(cardMemorySize - 32), firmwareAnswer.doesNotFit);
  assertEquals(go(0xff00_0000), firmwareAnswer.doesNotFit);
});

Deno.test("the ROM ignores a message that is no go", () => {
  const { message, run, load, started } = hostOnABench();
  message(0x55);
  run(1);
  assertEquals(started, []);
  assertEquals(load(knownImage()), firmwareAnswer.started);
});

Deno.test("a go that comes while the ROM verifies is taken up after the refusal", () => {
  const { message, load, started } = hostOnABench();
  // IMR1 is 0, where no image is.
  message(goCommand);
  assertEquals(load(knownImage()), firmwareAnswer.started);
  assertEquals(started, [loadAddress]);
});

Deno.test("verifying takes the core 8 cycles a byte", () => {
  const { hostWindow, board, go } = hostOnABench();
  const payload = new Uint8Array(1_000_000).fill(0x5a);
  const image = imageWith({ 12: payload.length, 16: crc32(payload) });
  hostWindow.write(bars.memory + loadAddress, image.subarray(0, imageHeaderSize));
  hostWindow.write(bars.memory + loadAddress + imageHeaderSize, payload);
  const cpu = board.complex.cpus[0]!;
  const before = cpu.busyCycles;
  assertEquals(go(loadAddress), firmwareAnswer.started);
  const cycles = cpu.busyCycles - before;
  assert(cycles > 8 * payload.length && cycles < 8 * payload.length + 10_000, `${cycles} cycles`);
});

Deno.test("any single damaged byte of an image is refused", () => {
  const image = knownImage();
  fc.assert(
    fc.property(fc.nat(image.length - 1), fc.integer({ min: 1, max: 255 }), (index, change) => {
      const { load, started } = hostOnABench();
      const broken = image.slice();
      broken[index]! ^= change;
      const answer = load(broken);
      assert(answer !== undefined && answer !== firmwareAnswer.started && started.length === 0);
    }),
    { numRuns: 40 },
  );
});

Deno.test("a message after the hand-over waits, masked, for the kernel's own driver", () => {
  const { load, message, board, hostWindow } = hostOnABench();
  assertEquals(load(knownImage()), firmwareAnswer.started);
  message(0x99);
  assertEquals(read32(hostWindow, bars.messagingUnit + messagingHostRegisters.IISR.offset), 1);
  const icu = board.complex.cpus[0]!.coprocessors.get(6)!;
  assertEquals(icu.read(0, 3) >>> interruptSources.messagingUnit & 1, 0);
});
