/**
 * Tests of port publishing: real sockets on the host's side, an emulated guest on the other.
 *
 * The machine is driven in small steps of virtual time as long as a test waits, so host and
 * emulation go on side by side as in a paced run.
 * - Each wait ends with an error after 5 s, so a hang shows as what was waited for.
 */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { connect } from "node:net";
import type { TcpConnection } from "../../net/protocol/tcp/connection.ts";
import type { TcpSettings } from "../../net/protocol/tcp/control_block.ts";
import { EventQueue } from "../time/event_queue.ts";
import { later, milliseconds } from "../time/time.ts";
import { type BenchGuest, lanOnABench } from "./testing/bench_guest.ts";
import type { LanHost } from "./lan_host.ts";
import { Publisher } from "./publisher.ts";
import { parsePublish, PublishError } from "./publish_option.ts";

const guestPort = 25;
const waitMsMax = 5000;

interface Bench {
  readonly queue: EventQueue;
  readonly lan: LanHost;
  readonly guest: BenchGuest;
  readonly publisher: Publisher;
  /** Connections that the guest accepted. */
  readonly accepted: TcpConnection[];
  wakes: number;
  /** What happens when the publisher wakes the machine. */
  onWake: () => void;
  connect(): Promise<Deno.TcpConn>;
  /** Runs the machine until `condition` holds. */
  until(what: string, condition: () => boolean): Promise<void>;
}

async function withBench(
  body: (bench: Bench) => Promise<void>,
  { settings = {}, hasAddress = true }: { settings?: Partial<TcpSettings>; hasAddress?: boolean } = {},
): Promise<void> {
  const queue = new EventQueue();
  const { lan, guest } = lanOnABench(queue, settings);
  if (hasAddress) guest.start();
  queue.runUntil(later(queue.now, milliseconds(10)));
  const accepted: TcpConnection[] = [];
  const listener = guest.tcp.listen(guestPort, 300);
  assert(listener !== "PortInUse");
  guest.onStep = () => {
    for (let next = listener.accept(); next !== undefined; next = listener.accept()) accepted.push(next);
  };
  const option = { hostAddress: "127.0.0.1", hostPort: 0, guestPort };
  const publisher = await Publisher.open(option, lan, () => {
    bench.wakes++;
    bench.onWake();
  });
  const sockets: Deno.TcpConn[] = [];
  const bench: Bench = {
    ...{ queue, lan, guest, publisher, accepted, wakes: 0, onWake: () => {} },
    async connect() {
      const socket = await Deno.connect({ hostname: "127.0.0.1", port: publisher.hostPort });
      sockets.push(socket);
      return socket;
    },
    async until(what, condition) {
      const end = performance.now() + waitMsMax;
      while (!condition()) {
        assert(performance.now() < end, `waited too long for ${what}`);
        queue.runUntil(later(queue.now, milliseconds(1)));
        await new Promise((resolve) => setTimeout(resolve, 0));
      }
    },
  };
  try {
    await body(bench);
  } finally {
    await publisher.close();
    for (const socket of sockets) {
      try {
        socket.close();
      } catch {
        // A test closed it.
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}

/** Reads in the background: what came, and how it ended. */
function reader(socket: Deno.TcpConn): { readonly bytes: number[]; end: string | undefined } {
  const state: { bytes: number[]; end: string | undefined } = { bytes: [], end: undefined };
  const loop = async () => {
    const into = new Uint8Array(65_536);
    for (;;) {
      const count = await socket.read(into);
      if (count === null) break;
      for (let index = 0; index < count; index++) state.bytes.push(into[index]!);
    }
    state.end = "end of stream";
  };
  loop().catch((error: Error) => state.end = error.name);
  return state;
}

const text = (letters: string) => new TextEncoder().encode(letters);

function received(connection: TcpConnection): string {
  const into = new Uint8Array(connection.available);
  connection.receive(into);
  return new TextDecoder().decode(into);
}

Deno.test("a publication names host and guest port, and an IP if it is not for loopback alone", () => {
  assertEquals(parsePublish("2525:25"), { hostAddress: "127.0.0.1", hostPort: 2525, guestPort: 25 });
  assertEquals(parsePublish("0.0.0.0:8080:80"), { hostAddress: "0.0.0.0", hostPort: 8080, guestPort: 80 });
});

Deno.test("a publication that cannot be understood is refused with the value and the reason", () => {
  const bad = [
    ["25", "expected [IP:]HOST:GUEST"],
    ["1:2:3:4", "expected [IP:]HOST:GUEST"],
    ["x:25", 'host port is "x", must be a number from 1 to 65535'],
    ["2525:0", 'guest port is "0", must be a number from 1 to 65535'],
    ["65536:25", 'host port is "65536", must be a number from 1 to 65535'],
    ["local:2525:25", 'IP is "local", must be an IPv4 address such as 0.0.0.0'],
  ];
  for (const [value, reason] of bad) {
    assertThrows(() => parsePublish(value!), PublishError, `Cannot publish "${value}": ${reason}`);
  }
});

Deno.test("a host port that is in use is refused with IP and port", async () => {
  await withBench(async ({ lan, publisher }) => {
    const option = { hostAddress: "127.0.0.1", hostPort: publisher.hostPort, guestPort };
    await assertRejects(
      () => Publisher.open(option, lan, () => {}),
      PublishError,
      `Cannot publish 127.0.0.1:${publisher.hostPort}: the port is in use`,
    );
  });
});

Deno.test("bytes go both ways between a host socket and a guest's connection", async () => {
  await withBench(async (bench) => {
    const socket = await bench.connect();
    const answer = reader(socket);
    await socket.write(text("HELO example\r\n"));
    await bench.until("the guest to have bytes", () => (bench.accepted[0]?.available ?? 0) === 14);
    assert(bench.wakes > 0, "nobody was woken");
    const guest = bench.accepted[0]!;
    assertEquals(received(guest), "HELO example\r\n");
    guest.send(text("250 hello\r\n"));
    bench.guest.flush();
    await bench.until("the answer", () => answer.bytes.length === 11);
    assertEquals(new TextDecoder().decode(Uint8Array.from(answer.bytes)), "250 hello\r\n");
  });
});

Deno.test("the machine is woken before something of the host's goes in, so that it is stamped with the present", async () => {
  await withBench(async (bench) => {
    const { queue, guest } = bench;
    let present: number | undefined;
    bench.onWake = () => {
      if (present !== undefined) return;
      queue.runUntil(later(queue.now, milliseconds(500)));
      present = queue.now;
    };
    let arrived: number | undefined;
    guest.onFrame = () => arrived ??= queue.now;
    await bench.connect();
    await bench.until("the first frame", () => arrived !== undefined);
    assert(present !== undefined && arrived! >= present, `${arrived} is before ${present}`);
  });
});

Deno.test("the host's end of stream reaches the guest, which may go on sending, and the other way round", async () => {
  await withBench(async (bench) => {
    const socket = await bench.connect();
    const answer = reader(socket);
    await socket.write(text("question"));
    await socket.closeWrite();
    await bench.until("the end of stream", () => bench.accepted[0]?.state === "CLOSE-WAIT");
    const guest = bench.accepted[0]!;
    assertEquals([received(guest), guest.endOfStream], ["question", true]);
    guest.send(text("late answer"));
    guest.finish();
    bench.guest.flush();
    await bench.until("the end of the answer", () => answer.end !== undefined);
    assertEquals([answer.end, answer.bytes.length], ["end of stream", 11]);
    assertEquals(bench.publisher.connectionCount, 0);

    const other = await bench.connect();
    const nothing = reader(other);
    await bench.until("the second connection", () => bench.accepted.length === 2);
    const second = bench.accepted[1]!;
    second.finish();
    bench.guest.flush();
    await bench.until("the guest's end of stream", () => nothing.end !== undefined);
    await other.write(text("still here"));
    await bench.until("what the host still sends", () => second.available === 10);
    assertEquals([nothing.end, received(second)], ["end of stream", "still here"]);
  });
});

Deno.test("a guest that resets its connection resets the host's", async () => {
  await withBench(async (bench) => {
    const socket = await bench.connect();
    const answer = reader(socket);
    await bench.until("the connection", () => bench.accepted.length === 1);
    bench.accepted[0]!.abort();
    bench.guest.flush();
    await bench.until("the reset", () => answer.end !== undefined);
    assertEquals([answer.end, bench.publisher.connectionCount], ["ConnectionReset", 0]);
  });
});

Deno.test("a host that resets its connection resets the guest's", async () => {
  await withBench(async (bench) => {
    // Deno's own sockets can't be closed with a RST.
    const socket = connect(bench.publisher.hostPort, "127.0.0.1");
    await bench.until("the connection", () => bench.accepted.length === 1);
    socket.resetAndDestroy();
    const guest = bench.accepted[0]!;
    await bench.until("the reset", () => guest.state === "CLOSED");
    assertEquals([guest.failure, bench.publisher.connectionCount], ["Reset", 0]);
  });
});

Deno.test("a host connection to a guest port where nobody listens is closed", async () => {
  await withBench(async (bench) => {
    const option = { hostAddress: "127.0.0.1", hostPort: 0, guestPort: 81 };
    const closed = await Publisher.open(option, bench.lan, () => {});
    const socket = await Deno.connect({ hostname: "127.0.0.1", port: closed.hostPort });
    const answer = reader(socket);
    await bench.until("the end", () => answer.end !== undefined);
    assertEquals([answer.bytes.length, closed.connectionCount], [0, 0]);
    await closed.close();
    socket.close();
  });
});

Deno.test("a host connection is closed while no guest has an address", async () => {
  await withBench(async (bench) => {
    const answer = reader(await bench.connect());
    await bench.until("the end", () => answer.end !== undefined);
    assertEquals(bench.accepted.length, 0);
  }, { hasAddress: false });
});

Deno.test("a guest that does not read stops the host from writing, and loses nothing", async () => {
  await withBench(async (bench) => {
    const socket = await bench.connect();
    const size = 20_000_000;
    let writtenCount = 0;
    const chunk = Uint8Array.from({ length: 100_000 }, (_, index) => index % 251);
    const writing = (async () => {
      while (writtenCount < size) {
        const count = await socket.write(chunk.subarray(writtenCount % chunk.length));
        writtenCount += count;
      }
      await socket.closeWrite();
    })();
    writing.catch(() => {});
    await bench.until("the connection", () => bench.accepted.length === 1);
    for (let steps = 0; steps < 200; steps++) {
      await bench.until("a step", () => steps >= 0);
      bench.queue.runUntil(later(bench.queue.now, milliseconds(1)));
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    const guest = bench.accepted[0]!;
    // What is left of the window is smaller than a segment.
    assert(guest.available > 60_000 && guest.available <= 65_536, `${guest.available} bytes wait`);
    assert(writtenCount < size, "the host wrote everything although nobody read");
    let readCount = 0;
    const into = new Uint8Array(65_536);
    const accept = bench.guest.onStep;
    bench.guest.onStep = () => {
      accept();
      for (let count = guest.receive(into); count > 0; count = guest.receive(into)) {
        for (let index = 0; index < count; index += 97) {
          assertEquals(into[index], (readCount + index) % chunk.length % 251);
        }
        readCount += count;
      }
    };
    bench.guest.flush();
    await bench.until("all bytes", () => guest.endOfStream);
    await writing;
    assertEquals(readCount, size);
  });
});

Deno.test("a host that does not read closes the guest's window, and gets everything later", async () => {
  await withBench(async (bench) => {
    const socket = await bench.connect();
    await bench.until("the connection", () => bench.accepted.length === 1);
    const guest = bench.accepted[0]!;
    const size = 20_000_000;
    let sentCount = 0;
    const chunk = new Uint8Array(65_536).fill(7);
    const accept = bench.guest.onStep;
    bench.guest.onStep = () => {
      accept();
      for (;;) {
        const count = guest.send(chunk.subarray(0, Math.min(chunk.length, size - sentCount)));
        sentCount += count;
        if (count === 0) break;
      }
      if (sentCount === size) guest.finish();
    };
    bench.guest.flush();
    let before = -1;
    await bench.until("the guest to be stopped", () => {
      const isStopped = sentCount === before && guest.sendSpace === 0;
      before = sentCount;
      return isStopped;
    });
    assert(sentCount < size, "the guest sent everything although nobody read");
    const answer = { count: 0, isOver: false };
    const into = new Uint8Array(1 << 20);
    const reading = (async () => {
      for (let count = await socket.read(into); count !== null; count = await socket.read(into)) {
        answer.count += count;
      }
      answer.isOver = true;
    })();
    await bench.until("all bytes", () => answer.isOver);
    await reading;
    assertEquals(answer.count, size);
  });
});

Deno.test("the 257th connection is closed at once, and there is room again when one ends", async () => {
  await withBench(async (bench) => {
    const sockets: Deno.TcpConn[] = [];
    for (let count = 0; count < 256; count++) sockets.push(await bench.connect());
    await bench.until("256 connections", () => bench.publisher.connectionCount === 256);
    const answer = reader(await bench.connect());
    await bench.until("the end", () => answer.end !== undefined);
    assertEquals(bench.publisher.connectionCount, 256);
    sockets[0]!.close();
    await bench.until("the guest to see the end", () => bench.accepted.some((one) => one.endOfStream));
    bench.accepted.find((one) => one.endOfStream)!.finish();
    bench.guest.flush();
    await bench.until("room", () => bench.publisher.connectionCount === 255);
  });
});

Deno.test("closing the publisher ends every connection on both sides and frees the port", async () => {
  await withBench(async (bench) => {
    const answer = reader(await bench.connect());
    await bench.until("the connection", () => bench.accepted.length === 1);
    const closed = bench.publisher.close();
    await bench.until("both ends", () => answer.end !== undefined && bench.accepted[0]!.state === "CLOSED");
    await closed;
    const again = Deno.listen({ hostname: "127.0.0.1", port: bench.publisher.hostPort });
    again.close();
    assertEquals([bench.accepted[0]!.failure, bench.publisher.connectionCount], ["Reset", 0]);
  });
});
