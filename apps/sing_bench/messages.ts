/**
 * SingBench's message lines, to whatever answers: a thread, a child process, another kernel.
 *
 * Each figure is half a round trip, as Figure 5 of the paper reports it: the time to send
 * and receive one message.
 * - What comes back must be what was sent, turned over, else the benchmark ends with a fault.
 */

import type { Block, Call, Kernel } from "../../kernel/abi/kernel.ts";
import { singBenchContract } from "../contracts/sing_bench.ts";
import { type Bench, echo, switchingEcho } from "./echo.ts";
import { half, meanOf, type Row } from "./measure.ts";

/** Powers of four from 1 B to 256 KiB, 32 KiB, where Figure 5's lines cross, and 128 KiB. */
export const messageSizes: readonly number[] = [
  1,
  4,
  16,
  64,
  256,
  1024,
  4096,
  8192,
  16_384,
  32_768,
  65_536,
  131_072,
  262_144,
];

/** Who answers, and where. */
type Peer = Pick<Row, "peer" | "kernel">;

/** Half round trips of an empty message and of blocks of all sizes. */
export function* sendAndReceive(kernel: Kernel, bench: Bench, peer: Peer): Call<Row[]> {
  const operation = "send and receive";
  const empty = yield* meanOf(kernel, function* () {
    yield* bench.send("ping");
    yield* bench.receive();
  });
  const rows: Row[] = [{ operation, bytes: 0, ...peer, ...half(empty) }];
  for (const bytes of messageSizes) {
    let data = yield* patterned(kernel, bytes);
    const roundTrip = yield* meanOf(kernel, function* () {
      yield* bench.send("data", { data });
      const answer = yield* bench.receive();
      if (answer.tag === "back") data = answer.data;
    });
    // Once unmeasured with a look at all bytes, here and there.
    yield* bench.send("invert", { data });
    const answer = yield* bench.receive();
    if (answer.tag === "back") data = answer.data;
    if (!isInverted(data.bytes, bytes)) {
      throw new Error(`A block of ${bytes} bytes came back from ${peer.peer} with other bytes in it`);
    }
    yield* kernel.free(data);
    rows.push({ operation, bytes, ...peer, ...half(roundTrip) });
  }
  return rows;
}

/** Bytes that tell where they belong, and differ from size to size. */
const patternAt = (index: number, size: number): number => index * 31 + (index >> 8) + size * 7 & 0xff;

function* patterned(kernel: Kernel, size: number): Call<Block> {
  const block = yield* kernel.allocate(size);
  const view = block.bytes;
  for (let index = 0; index < size; index++) view[index] = patternAt(index, size);
  return block;
}

function isInverted(view: Uint8Array, size: number): boolean {
  if (view.length !== size) return false;
  for (let index = 0; index < size; index++) if (view[index] !== 255 - patternAt(index, size)) return false;
  return true;
}

const ownThread = { peer: "thread", kernel: "" } as const;

/** The same to a thread of this process. */
export function* sendWithin(kernel: Kernel): Call<Row[]> {
  const { client, server } = yield* kernel.createChannel(singBenchContract);
  const thread = yield* kernel.createThread(() => echo(client));
  const rows = yield* sendAndReceive(kernel, server, ownThread);
  yield* server.send("end");
  yield* thread.join();
  yield* server.close();
  return rows;
}

/** An empty message where both sides wait for any member of a set of endpoints. */
export function* switchReceive(kernel: Kernel): Call<Row[]> {
  const { client, server } = yield* kernel.createChannel(singBenchContract);
  const thread = yield* kernel.createThread(() => switchingEcho(kernel, client));
  const answers = kernel.endpointSet<typeof singBenchContract, "server", undefined>(
    singBenchContract,
    "server",
  );
  answers.add(server, undefined);
  const turn = yield* meanOf(kernel, function* () {
    yield* server.send("ping");
    yield* kernel.select({ answers });
  });
  answers.remove(server);
  yield* server.send("end");
  yield* thread.join();
  yield* server.close();
  return [{ operation: "send and switch-receive", bytes: 0, ...ownThread, ...half(turn) }];
}
