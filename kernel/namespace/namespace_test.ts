/**
 * The namespace as programs meet it, from the coordinator and across kernels.
 *
 * Three kernels: the coordinator (0) and two satellites, whose requests cross to it.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Call, Endpoint, Kernel, KernelError, Program } from "../abi/kernel.ts";
import type { Contract } from "../contracts/contract.ts";
import type { nameWatchContract } from "../contracts/name_watch.ts";
import { Bench } from "../testing/bench.ts";
import { changesMax } from "./watches.ts";

const tickContract = {
  name: "tick/1",
  contractName: "TickContract",
  messages: {
    tick: { from: "client", doc: "A number", body: { number: "u32" } },
    tock: { from: "server", doc: "The same" },
  },
  start: "open",
  states: { open: { tick: "asked" }, asked: { tock: "open" } },
} as const satisfies Contract;

const otherContract = {
  name: "other/1",
  contractName: "OtherContract",
  messages: { hello: { from: "client", doc: "Nothing" } },
  start: "open",
  states: { open: { hello: "over" }, over: {} },
} as const satisfies Contract;

const nothingLeft = { blocks: 0, ends: 0, lent: 0 };

function* codeOf(call: () => Call<unknown>): Call<string> {
  try {
    yield* call();
    return "done";
  } catch (error) {
    return (error as KernelError).code ?? String(error);
  }
}

/** Answers so many ticks of one client. */
function server(path: string, seen: number[] = [], ticks = 1) {
  return function* serve(kernel: Kernel): Program {
    const service = yield* kernel.register(tickContract, path);
    const client = yield* service.accept();
    for (let count = 0; count < ticks; count++) {
      seen.push((yield* client.receive()).number);
      yield* client.send("tock");
    }
    yield* client.receiveOrClosed();
  };
}

function* tick(kernel: Kernel, path: string, number = 7): Call<void> {
  const end = yield* kernel.bind(tickContract, path);
  yield* end.send("tick", { number });
  yield* end.receive();
  yield* end.close();
}

function* shown(kernel: Kernel, path = "/", depth: "children" | "all" = "all"): Call<string[]> {
  return (yield* kernel.enumerate(path, depth)).map((entry) => `${entry.path} ${entry.kind}`);
}

// ---------------------------------------------------------------- binding

Deno.test("a bind whose ends share a satellite takes two remote hops, and the event log shows the local channel", () => {
  const bench = new Bench({ domains: 3 });
  const seen: number[] = [];
  bench.start(server("/tick", seen), { on: 2 });
  bench.settle();
  bench.log.length = 0;
  bench.run(function* client(kernel) {
    yield* tick(kernel, "/tick", 42);
  }, { on: 2 });
  assertEquals(seen, [42]);
  const name = bench.kernels.map((kernel) => kernel.name);
  const steps = [
    { who: name[2], what: /remote message bind on channel (\d+) to kernel 0/ },
    { who: name[0], what: /remote message bind on channel (\d+) from kernel 2/ },
    { who: name[0], what: /remote message connect on channel (\d+) to kernel 2/ },
    {
      who: name[2],
      what: /remote message connect on channel (\d+) from kernel 0|channel (\d+) became local/,
    },
    { who: name[2], what: /message tick\/1 tick to / },
  ];
  const places = steps.map(({ who, what }) =>
    bench.log.findIndex((line) => line.includes(`${who}`) && what.test(line))
  );
  assert(places.every((place) => place >= 0), `${places}\n${bench.log.join("\n")}`);
  assertEquals(places, places.toSorted((a, b) => a - b));
  assertEquals(bench.log.filter((line) => /channel \d+ became local/.test(line)).length, 1);
  // What the two say to each other does not cross.
  assertEquals(bench.log.filter((line) => /remote message (tick|tock)/.test(line)), []);
  assertEquals(bench.leftovers(), nothingLeft);
});

for (const on of [0, 1, 2]) {
  Deno.test(`a bind from kernel ${on} goes through links to a service on a satellite`, () => {
    const bench = new Bench({ domains: 3 });
    const seen: number[] = [];
    bench.start(server("/service/clock", seen, 1), { on: 1 });
    bench.run(function* links(kernel) {
      yield* kernel.link("/by-use/time", "/s/clock");
      yield* kernel.link("/s", "/service");
    }, { on: 2 });
    bench.run(function* client(kernel) {
      yield* tick(kernel, "/by-use/time", on);
      assertEquals(yield* shown(kernel, "/by-use"), ["/by-use/time link"]);
      assertEquals((yield* kernel.enumerate("/by-use"))[0]!.target, "/s/clock");
    }, { on });
    assertEquals(seen, [on]);
    assertEquals(bench.leftovers(), nothingLeft);
  });
}

Deno.test("a bind waits for the link as well as for what it leads to", () => {
  const bench = new Bench({ domains: 3 });
  const seen: number[] = [];
  let boundAt = 0;
  bench.start(function* client(kernel) {
    yield* tick(kernel, "/alias");
    boundAt = yield* kernel.now();
  }, { on: 2 });
  const start = bench.queue.now;
  bench.start(function* linker(kernel) {
    yield* kernel.sleep(1e6);
    yield* kernel.link("/alias", "/tick");
  }, { on: 0 });
  bench.start(function* late(kernel) {
    yield* kernel.sleep(3e6);
    yield* server("/tick", seen)(kernel);
  }, { on: 1 });
  bench.settle();
  assertEquals(seen, [7]);
  assert(boundAt - start > 3e6 && boundAt - start < 3.2e6, `${boundAt - start}`);
});

Deno.test("a bind that waits is refused when what appears speaks another contract", () => {
  const bench = new Bench({ domains: 2 });
  let code = "";
  bench.start(function* client(kernel) {
    code = yield* codeOf(() => kernel.bind(otherContract, "/tick"));
  }, { on: 1 });
  bench.run(function* late(kernel) {
    yield* kernel.sleep(1e6);
    yield* kernel.register(tickContract, "/tick");
    yield* kernel.sleep(1e6);
  });
  assertEquals(code, "BadArgument");
  assertEquals(bench.leftovers(), nothingLeft);
});

Deno.test("a bind that waits does not hold up the other requests of its kernel", () => {
  const bench = new Bench({ domains: 2 });
  const codes: string[] = [];
  for (let index = 0; index < 20; index++) {
    bench.start(function* waiter(kernel) {
      codes.push(yield* codeOf(() => kernel.bind(tickContract, `/none${index}`, 5e6)));
    }, { on: 1 });
  }
  bench.run(function* quick(kernel) {
    const start = yield* kernel.now();
    yield* kernel.sleep(1e6);
    assertEquals(yield* shown(kernel), []);
    assert((yield* kernel.now()) - start < 1.2e6);
  }, { on: 1 });
  assertEquals(codes, new Array<string>(20).fill("TimedOut"));
  assertEquals(bench.leftovers(), nothingLeft);
});

Deno.test("clients that come at once are offered one by one, and each is served in its turn", () => {
  const bench = new Bench({ domains: 3 });
  const seen: number[] = [];
  bench.start(function* serve(kernel) {
    const service = yield* kernel.register(tickContract, "/tick");
    for (let count = 0; count < 60; count++) {
      const client = yield* service.accept();
      seen.push((yield* client.receive()).number);
      yield* client.send("tock");
      yield* client.close();
    }
  }, { on: 1 });
  for (let index = 0; index < 60; index++) {
    bench.start((kernel) => tick(kernel, "/tick", index) as unknown as Program, { on: index % 3 });
  }
  bench.settle();
  assertEquals(seen.toSorted((a, b) => a - b), Array.from({ length: 60 }, (_, index) => index));
  assertEquals(bench.leftovers(), nothingLeft);
});

// ---------------------------------------------------------------- entries

Deno.test("a service carries what its kernel knows of it and what its program says", () => {
  const bench = new Bench({ domains: 2 });
  bench.run(function* serve(kernel) {
    yield* kernel.register(tickContract, "/dev/clock0", { unit: "ns", "made-by": "us" });
    const [directory, entry] = yield* kernel.enumerate("/");
    assertEquals([directory!.path, directory!.kind, directory!.kernel], ["/dev", "directory", "coordinator"]);
    const { process, ...attributes } = entry!.attributes;
    assertMatch(process!, /^serve:1\d+@numa1$/);
    assertEquals(attributes, {
      contract: "TickContract",
      kernel: "numa1",
      platform: "out-of-order-x86",
      unit: "ns",
      "made-by": "us",
    });
    assertEquals([entry!.contract, entry!.kernel, entry!.target], ["TickContract", "numa1", ""]);
    yield* kernel.setAttribute("/dev/clock0", "unit", "us");
    assertEquals((yield* kernel.enumerate("/dev/clock0"))[0]!.attributes.unit, "us");
  }, { on: 1 });
});

Deno.test("what the kernel says of a service no program can say, and only its process can say more", () => {
  const bench = new Bench({ domains: 2 });
  bench.start(function* serve(kernel) {
    yield* kernel.register(tickContract, "/tick");
    yield* kernel.sleep(1e9);
  });
  bench.run(function* other(kernel) {
    yield* kernel.sleep(1e6);
    for (const name of ["contract", "kernel", "process", "platform"]) {
      const register = () => kernel.register(tickContract, "/mine", { [name]: "x" });
      assertEquals(yield* codeOf(register), "NotPermitted", name);
    }
    assertEquals(yield* codeOf(() => kernel.setAttribute("/tick", "unit", "ns")), "NotPermitted");
    assertEquals(yield* codeOf(() => kernel.removeName("/tick")), "NotPermitted");
    assertEquals(yield* codeOf(() => kernel.setAttribute("/none", "unit", "ns")), "NotFound");
    for (const bad of [{ a: 1 }, { A: "x" }, { a: "x".repeat(129) }, 7, null].slice(0, 4)) {
      const register = () => kernel.register(tickContract, "/mine", bad as unknown as Record<string, string>);
      assertEquals(yield* codeOf(register), "BadArgument");
    }
    assertEquals(yield* shown(kernel), ["/tick service"]);
  }, { on: 1 });
});

Deno.test("directories are made, listed to either depth, and removed when they are empty", () => {
  new Bench({ domains: 2 }).run(function* maker(kernel) {
    yield* kernel.makeDirectory("/a/b");
    yield* kernel.link("/a/l", "/a/b");
    const service = yield* kernel.register(tickContract, "/a/b/c");
    assertEquals(yield* shown(kernel, "/a", "children"), ["/a/b directory", "/a/l link"]);
    assertEquals(yield* shown(kernel, "/a"), ["/a/b directory", "/a/b/c service", "/a/l link"]);
    assertEquals(yield* shown(kernel, "/a/b/c"), ["/a/b/c service"]);
    assertEquals(yield* codeOf(() => kernel.enumerate("/a/x")), "NotFound");
    assertEquals(yield* codeOf(() => kernel.enumerate("/", "some" as "all")), "BadArgument");
    assertEquals(yield* codeOf(() => kernel.removeName("/a/b")), "BadArgument");
    assertEquals(yield* codeOf(() => kernel.makeDirectory("/a/b/c")), "AlreadyRegistered");
    assertEquals(yield* codeOf(() => kernel.bind(tickContract, "/a/b")), "BadArgument");
    yield* service.deregister();
    assertEquals(yield* shown(kernel), ["/a directory", "/a/b directory", "/a/l link"]);
    yield* kernel.removeName("/a/b");
    yield* kernel.removeName("/a/l");
    assertEquals(yield* shown(kernel), []);
    assertEquals(yield* codeOf(() => kernel.removeName("/")), "BadArgument");
  }, { on: 1 });
});

Deno.test("a list of more names than fit one answer comes whole and in order", () => {
  const bench = new Bench({ domains: 2 });
  bench.run(function* many(kernel) {
    const wanted = Array.from({ length: 200 }, (_, index) => `/${"n".repeat(60)}/n${1000 + index}`);
    for (const path of wanted) yield* kernel.link(path, "/");
    assertEquals((yield* kernel.enumerate(wanted[0]!.slice(0, 61))).map(({ path }) => path), wanted);
  }, { on: 1 });
  assertEquals(bench.leftovers(), nothingLeft);
});

Deno.test("one process cannot fill the tree for all others", () => {
  const bench = new Bench();
  bench.start(function* greedy(kernel) {
    let made = 0;
    while ((yield* codeOf(() => kernel.link(`/g${made % 4}/n${made}`, "/"))) === "done") made++;
    assertEquals(made, 1024);
    yield* kernel.sleep(1e9);
  });
  bench.run(function* modest(kernel) {
    yield* kernel.sleep(5e8);
    assertEquals(yield* codeOf(() => kernel.register(tickContract, "/modest")), "done");
  });
});

// ---------------------------------------------------------------- the end of names

Deno.test("the services of a process go with it, and so does what they alone held", () => {
  const bench = new Bench({ domains: 3 });
  for (const on of [0, 1, 2]) {
    bench.start(function* mortal(kernel) {
      yield* kernel.register(tickContract, `/only${on}/tick`);
      yield* kernel.register(tickContract, `/shared/tick${on}`);
      yield* kernel.sleep((on + 1) * 1e6);
      if (on === 1) throw new Error("dies by a fault");
    }, { on });
  }
  bench.run(function* looks(kernel) {
    yield* kernel.sleep(5e5);
    assertEquals((yield* kernel.enumerate("/")).length, 10);
    yield* kernel.sleep(1e6);
    assertEquals((yield* kernel.enumerate("/")).length, 7);
    yield* kernel.sleep(1e6);
    assertEquals(yield* shown(kernel), [
      "/only2 directory",
      "/only2/tick service",
      "/shared directory",
      "/shared/tick2 service",
    ]);
    yield* kernel.sleep(1e6);
    assertEquals(yield* shown(kernel), []);
  });
  assertEquals(bench.leftovers(), nothingLeft);
});

Deno.test("with a satellite's way to the namespace go its services, links, directories, watches and waiting binds", () => {
  const bench = new Bench({ domains: 3 });
  let isBound = false;
  bench.start(function* doomed(kernel) {
    yield* kernel.register(tickContract, "/doomed/tick");
    yield* kernel.makeDirectory("/doomed/empty");
    yield* kernel.makeDirectory("/kept");
    yield* kernel.link("/doomed/link", "/other/tick");
    yield* kernel.watch("/");
    isBound = (yield* codeOf(() => kernel.bind(tickContract, "/later", 1e10))) === "done";
  }, { on: 1 });
  bench.start(function* other(kernel) {
    yield* kernel.register(tickContract, "/other/tick");
    yield* kernel.register(tickContract, "/kept/tick");
    yield* kernel.sleep(1e9);
    yield* kernel.register(tickContract, "/later");
  }, { on: 2 });
  bench.settle(0.1);
  const way = bench.kernels[1]!.channels.ends.find(({ contract, end }) =>
    contract.name === "namespace/2" && end === "client"
  );
  bench.kernels[1]!.channels.close(way!);
  bench.run(function* looks(kernel) {
    yield* kernel.sleep(1e8);
    assertEquals(yield* shown(kernel), [
      "/kept directory",
      "/kept/tick service",
      "/other directory",
      "/other/tick service",
    ]);
  });
  assertEquals(isBound, false);
});

Deno.test("a name is free again as soon as its deregistration has returned", () => {
  const bench = new Bench({ domains: 2 });
  bench.run(function* phoenix(kernel) {
    for (let count = 0; count < 5; count++) {
      const service = yield* kernel.register(tickContract, "/tick");
      yield* service.deregister();
    }
    assertEquals(yield* shown(kernel), []);
  }, { on: 1 });
  assertEquals(bench.leftovers(), nothingLeft);
});

// ---------------------------------------------------------------- watching

for (const on of [0, 1]) {
  Deno.test(`a watcher on kernel ${on} hears in order what comes and goes at or below its path, and nothing else`, () => {
    const bench = new Bench({ domains: 3 });
    const heard: string[] = [];
    bench.start(function* watcher(kernel) {
      const watch = yield* kernel.watch("/a");
      for (let count = 0; count < 8; count++) {
        const change = yield* watch.receive();
        heard.push(change.tag === "overflowed" ? change.tag : `${change.tag} ${change.path} ${change.kind}`);
        yield* watch.send("next");
      }
      yield* watch.close();
    }, { on });
    bench.run(function* changes(kernel) {
      yield* kernel.sleep(1e6);
      yield* kernel.link("/ab", "/a");
      const service = yield* kernel.register(tickContract, "/a/b/tick");
      yield* kernel.makeDirectory("/z");
      yield* kernel.link("/a/link", "/z");
      yield* kernel.removeName("/a/link");
      yield* service.deregister();
      yield* kernel.register(tickContract, "/a/again");
    }, { on: 2 });
    assertEquals(heard, [
      "appeared /a directory",
      "appeared /a/b directory",
      "appeared /a/b/tick service",
      "appeared /a/link link",
      "disappeared /a/link link",
      "disappeared /a/b/tick service",
      "disappeared /a/b directory",
      "disappeared /a directory",
    ]);
    assertEquals(bench.leftovers(), nothingLeft);
  });
}

Deno.test("a watcher that is slow is told to enumerate again, once, and then hears what is new", () => {
  const bench = new Bench({ domains: 2 });
  const heard: string[] = [];
  bench.start(function* slow(kernel) {
    const watch = yield* kernel.watch("/n");
    const first = yield* watch.receive();
    heard.push(first.tag);
    yield* kernel.sleep(1e9);
    yield* watch.send("next");
    heard.push((yield* watch.receive()).tag);
    yield* watch.send("next");
    heard.push(`${(yield* kernel.enumerate("/n")).length}`);
    const last = yield* watch.receive();
    heard.push(last.tag === "overflowed" ? last.tag : `${last.tag} ${last.path}`);
  }, { on: 1 });
  bench.run(function* busy(kernel) {
    yield* kernel.sleep(1e6);
    for (let index = 0; index < changesMax + 10; index++) yield* kernel.link(`/n/l${index}`, "/");
    yield* kernel.sleep(2e9);
    yield* kernel.link("/n/new", "/");
    yield* kernel.sleep(1e6);
  });
  assertEquals(heard, ["appeared", "overflowed", `${changesMax + 10}`, "appeared /n/new"]);
});

Deno.test("a watch ends with its channel and with its process, and one process has so many and no more", () => {
  const bench = new Bench({ domains: 2 });
  for (const on of [0, 1]) {
    bench.run(function* watcher(kernel) {
      let count = 0;
      const watches: Endpoint<typeof nameWatchContract, "client">[] = [];
      for (; count < 100; count++) {
        const code = yield* codeOf(function* () {
          watches.push(yield* kernel.watch("/"));
        });
        if (code !== "done") break;
      }
      assertEquals(count, 64);
      yield* watches[0]!.close();
      yield* kernel.sleep(1e6);
      yield* kernel.watch("/");
    }, { on });
  }
  assertEquals(bench.leftovers(), nothingLeft);
});

Deno.test("a watch is a source of select like every other endpoint", () => {
  new Bench({ domains: 2 }).run(function* watcher(kernel) {
    const watch = yield* kernel.watch("/x");
    assertEquals((yield* kernel.select({ watch }, 1e6)).on, "timeout");
    yield* kernel.link("/x", "/");
    const occurrence = yield* kernel.select({ watch }, 1e6);
    assertEquals(occurrence, {
      on: "watch",
      kind: "message",
      message: { tag: "appeared", path: "/x", kind: "link" },
    });
  }, { on: 1 });
});
