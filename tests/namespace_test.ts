/**
 * The namespace of a whole machine: what the event log shows of a bind, and the shell's commands.
 */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { commandOf, succeed, TemporaryFolder } from "./command_line.ts";
import { BootedMachine } from "./machine_bench.ts";

Deno.test("the event log shows how the net stack's bind on the card takes two remote hops to a local channel", async () => {
  using folder = new TemporaryFolder();
  const trace = folder.file("trace.txt");
  const { stdout } = await succeed(["boot", "--json", "--trace", trace, "--exec", "channels"]);
  const lines = Deno.readTextFileSync(trace).split("\n");
  const nic = commandOf(stdout, "channels").rows.find((row) =>
    row.contract === "NicDeviceContract" && `${row.client}`.startsWith("NetStack")
  )!;
  assertEquals(nic.kind, "local");
  assertMatch(`${nic.client} ${nic.server}`, /^NetStack:\d+@card0 NicDriver:\d+@card0$/);
  // The steps in their order; each names who saw it.
  const became = lines.findIndex((line) =>
    line.includes(`card0`) && line.includes(`channel ${nic.id} became local`)
  );
  assert(became >= 0, `channel ${nic.id} never became local`);
  const before = (what: RegExp, from: number) => {
    const index = lines.slice(0, from).findLastIndex((line) => what.test(line));
    assert(index >= 0, `${what} is not in the event log`);
    return index;
  };
  const connect = before(/coordinator.* remote message connect on channel \d+ to kernel 2/, became);
  const arrived = before(/coordinator.* remote message bind on channel \d+ from kernel 2/, connect);
  before(/card0.* remote message bind on channel \d+ to kernel 0/, arrived);
});

Deno.test("in the shell a link made with ln leads to a service, is shown with its target, and goes with rm", () => {
  const machine = new BootedMachine();
  const paths = (line: string) => machine.command(line).rows.map(({ path }) => path);
  assertEquals(machine.command("ln /service/icmp /echo").rows, []);
  const shown = machine.command("ns").rows.find(({ path }) => path === "/echo")!;
  assertEquals([shown.kind, shown.target, shown.kernel], ["link", "/service/icmp", "coordinator"]);
  assertEquals(paths("ns /echo"), ["/service/icmp"]);
  machine.command("mkdir /made");
  machine.command("ln /service /made/all");
  assertEquals(paths("ns -r /made"), ["/made/all"]);
  assert(paths("ns /made/all").includes("/service/tcp"));
  for (const path of ["/made/all", "/made", "/echo"]) machine.command(`rm ${path}`);
  const left = paths("ns");
  assertEquals(left.filter((path) => `${path}`.startsWith("/made") || path === "/echo"), []);
});

Deno.test("a killed program's names vanish and the others stay", () => {
  const machine = new BootedMachine();
  const names = () => machine.command("ns").rows.map(({ path }) => `${path}`);
  const before = names();
  const pid = machine.command("ps").rows.find(({ program }) => program === "Antivirus")!.pid;
  machine.command(`kill ${pid}`);
  assertEquals(names(), before.filter((path) => path !== "/service/antivirus"));
});

Deno.test("ns shows for each service its contract, kernel, process and platform", () => {
  const rows = new BootedMachine().command("ns").rows;
  const { process, ...tcp } = rows.find(({ path }) => path === "/service/tcp")!;
  assertStringIncludes(`${process}`, "NetStack:");
  assertEquals(tcp, {
    path: "/service/tcp",
    kind: "service",
    contract: "TcpContract",
    kernel: "card0",
    platform: "xscale",
    target: "",
    attributes: "",
  });
  assertEquals(new Set(rows.map(({ kind }) => kind)), new Set(["directory", "kernel", "service"]));
});
