/**
 * Commands about the machine: kernels, processes, channels, names, placement, the end.
 *
 * Rows have the fields of DESIGN section 8; headings show the units.
 * - What the process manager refuses is passed on in its own words.
 */

import { reasonOf } from "../../kernel/abi/errors.ts";
import type { Call, NamespaceEntry } from "../../kernel/abi/kernel.ts";
import { takeText } from "../../kernel/abi/text.ts";
import { ipConfigContract } from "../../net/contracts/ip_config.ts";
import { type CommandDefinition, type Context, done, failure, type Result } from "./command.ts";
import { runForeground } from "./foreground.ts";
import { counters } from "./counters.ts";
import { ask, table, wantedProcess } from "./processes.ts";
import type { Column, Row } from "./table.ts";
import { wait } from "./wait.ts";

const networkTimeoutNs = 2e9;
const nsUsage = "ns [-r] [PATH]";

function columns(
  headings: Readonly<Record<string, string>>,
  decimals: Readonly<Record<string, number>> = {},
) {
  return Object.entries(headings).map(([field, heading]): Column => {
    const digits = decimals[field];
    return digits === undefined ? { field, heading } : { field, heading, decimals: digits };
  });
}

const processColumns = columns({
  pid: "PID",
  program: "PROGRAM",
  kernel: "KERNEL",
  state: "STATE",
  threads: "THREADS",
  cpuMs: "CPU (ms)",
  memoryKiB: "MEMORY (KiB)",
  allocatedKiB: "ALLOCATED (KiB)",
}, { cpuMs: 3, memoryKiB: 0, allocatedKiB: 0 });

const kernelColumns = columns({
  name: "NAME",
  role: "ROLE",
  isa: "ISA",
  cpus: "CPUS",
  memoryMiB: "MEMORY (MiB)",
  place: "PLACE",
  state: "STATE",
  reason: "REASON",
});

const schedulerColumns = columns({
  kernel: "KERNEL",
  balancer: "BALANCER",
  cpus: "CPUS",
  contextSwitches: "SWITCHES",
  quantumEnds: "QUANTUM ENDS",
  lockAcquisitions: "LOCKED",
  lockTransfers: "FETCHED",
  lockSpinCycles: "SPUN (cycles)",
  ipisSent: "IPIS",
  ipiWaitCycles: "IPI WAITS (cycles)",
}, { lockSpinCycles: 0, ipiWaitCycles: 0 });

const transferColumns = columns({
  kernel: "KERNEL",
  peer: "WITH",
  transport: "BY",
  sentMessages: "SENT",
  receivedMessages: "RECEIVED",
  blockBytes: "BLOCKS (bytes)",
  waiting: "WAITING",
  chains: "CHAINS",
  descriptors: "DESCRIPTORS",
  chainedWrites: "DOORBELLS",
  carriedBytes: "CARRIED (bytes)",
});

const channelColumns = columns({
  contract: "CONTRACT",
  client: "CLIENT",
  server: "SERVER",
  kind: "KIND",
});

const heapColumns: readonly Column[] = [
  ...columns({ kernel: "KERNEL", part: "PART", name: "NAME" }),
  {
    field: "blocks",
    heading: "BLOCKS",
    format: ({ part, blocks }) => part === "total" || part === "free" ? "" : `${blocks}`,
  },
  ...columns({ bytes: "BYTES" }),
];

const counterColumns = columns({
  pid: "PID",
  program: "PROGRAM",
  kernel: "KERNEL",
  state: "STATE",
  instructions: "INSTRUCTIONS",
  cycles: "CYCLES",
  ipc: "IPC",
  l1Misses: "L1 MISSES",
  l2Misses: "L2 MISSES",
}, { cycles: 0, ipc: 3 });

const nameColumns: readonly Column[] = [
  ...columns({ path: "PATH", kind: "KIND" }),
  {
    field: "contract",
    heading: "CONTRACT OR TARGET",
    format: ({ kind, contract, target }) => kind === "link" ? `-> ${target}` : `${contract}`,
  },
  ...columns({ kernel: "KERNEL", process: "PROCESS", platform: "PLATFORM", attributes: "ATTRIBUTES" }),
];

/** The sum of the last pass is a share of CPU time. */
const placementColumns: readonly Column[] = [
  ...columns({ pass: "PASS", kernel: "KERNEL" }),
  {
    field: "sum",
    heading: "SUM",
    format: ({ pass, sum }) => pass === "cpu" ? `${(Number(sum) * 100).toFixed(1)} %` : String(sum),
  },
  ...columns({ kept: "KEPT" }),
];

function tableCommand(
  name: string,
  doc: string,
  source: "processes" | "kernels" | "channels" | "heap" | "scheduler" | "transfers",
  shown: readonly Column[],
): CommandDefinition {
  return {
    name,
    usage: name,
    doc,
    words: [0, 0],
    *run({ kernel }) {
      const rows = yield* table(kernel, source);
      if (typeof rows === "string") return failure(`Cannot list ${source}: ${rows}`);
      return { status: 0, rows, columns: shown };
    },
  };
}

/** `ns` alone shows the whole tree, with a path one directory, with -r all that is below it. */
function* names({ kernel, words }: Context): Call<Result> {
  const isRecursive = words[1] === "-r";
  const path = words[isRecursive ? 2 : 1];
  if (!isRecursive && words.length > 2) {
    return failure(`Cannot list "${path}": "${words[2]}" is too much; usage: ${nsUsage}`);
  }
  try {
    const depth = isRecursive || path === undefined ? "all" : "children";
    const entries = yield* kernel.enumerate(path ?? "/", depth);
    return { status: 0, rows: entries.map(nameRow), columns: nameColumns };
  } catch (error) {
    return failure(`Cannot list "${path}": ${reasonOf(error)}`);
  }
}

function nameRow({ path, kind, contract, kernel, target, attributes }: NamespaceEntry): Row {
  const { contract: _contract, kernel: _kernel, process = "", platform = "", ...own } = attributes;
  const text = Object.entries(own).map(([name, value]) => `${name}=${value}`).join(" ");
  return { path, kind, contract, kernel, process, platform, target, attributes: text };
}

function* link({ kernel, words }: Context): Call<Result> {
  const [, target = "", path = ""] = words;
  try {
    yield* kernel.link(path, target);
    return done;
  } catch (error) {
    return failure(`Cannot make the link "${path}": ${reasonOf(error)}`);
  }
}

function* perf({ kernel, words }: Context): Call<Result> {
  const wanted = words[1];
  const rows = yield* counters(kernel);
  if (typeof rows === "string") return failure(`Cannot read the performance counters: ${rows}`);
  const chosen = wanted === undefined
    ? rows.filter(({ state }) => state === "running")
    : rows.filter(({ pid, program }) => program === wanted || String(pid) === wanted);
  if (chosen.length === 0) {
    return failure(`Cannot show counters of "${wanted}": no process is or was named so`);
  }
  return { status: 0, rows: chosen, columns: counterColumns };
}

function* kill({ kernel, words }: Context): Call<Result> {
  const pid = wantedProcess(words[1]);
  if (typeof pid === "string") return failure(`Cannot end process "${words[1]}": ${pid}`);
  const answer = yield* ask(kernel, (manager) => manager.send("kill", { pid }));
  return typeof answer === "string" ? failure(`Cannot end process ${pid}: ${answer}`) : done;
}

function* restart({ kernel, words }: Context): Call<Result> {
  const name = words[1]!;
  const answer = yield* ask(kernel, (manager) => manager.send("restart", { kernel: name }));
  return typeof answer === "string" ? failure(`Cannot start "${name}" again: ${answer}`) : done;
}

function* manifest({ kernel, words, output }: Context): Call<Result> {
  const program = words[1]!;
  const answer = yield* ask(kernel, (manager) => manager.send("manifest", { program }));
  if (typeof answer === "string") return failure(`Cannot show the manifest of "${program}": ${answer}`);
  if (answer.tag === "text") yield* output.block(answer.text);
  return done;
}

function* explain({ kernel, words }: Context): Call<Result> {
  const program = words[1]!;
  const answer = yield* ask(kernel, (manager) => manager.send("explain", { program }));
  if (typeof answer === "string") return failure(`Cannot place "${program}": ${answer}`);
  if (answer.tag !== "placement") return failure(`The process manager answered ${answer.tag}`);
  const rows = JSON.parse(yield* takeText(kernel, answer.json)) as readonly Row[];
  const unserved = answer.unserved.split("\n").filter((contract) => contract !== "");
  const notes = unserved.map((contract) =>
    `Nobody serves ${contract} now, so the affinity to it counts nowhere.\n`
  );
  return {
    status: 0,
    rows,
    columns: placementColumns,
    fields: { program, chosen: answer.kernel, unserved },
    footer: `${program} would run on ${answer.kernel}.\n${notes.join("")}`,
  };
}

function* shutdown({ kernel, words }: Context): Call<Result> {
  const status = Number(words[1] ?? 0);
  if (!Number.isInteger(status) || status < 0 || status > 255) {
    return failure(`Cannot shut down with status "${words[1]}": it must be 0 to 255`);
  }
  const answer = yield* ask(kernel, (manager) => manager.send("shutdown", { status }));
  return failure(`Cannot shut down: ${typeof answer === "string" ? answer : answer.tag}`);
}

function* ipConfig({ kernel, output }: Context): Call<Result> {
  try {
    const service = yield* kernel.bind(ipConfigContract, "/service/ip", networkTimeoutNs);
    yield* service.send("interfaces");
    const answer = yield* service.receive();
    yield* service.close();
    if (answer.tag === "failed") return failure("Cannot list the interfaces: too many ask at once");
    const rows = JSON.parse(yield* takeText(kernel, answer.json)) as readonly Row[];
    yield* output.text(rows.map(describeInterface).join(""));
    return { status: 0, rows };
  } catch (error) {
    return failure(`Cannot list the interfaces: ${reasonOf(error)}`);
  }
}

function describeInterface(row: Row): string {
  const hasLease = row.address !== "";
  const leaseLeft = row.leaseLeftNs === null
    ? "without end"
    : `${Math.ceil(Number(row.leaseLeftNs) / 1e9)} s left`;
  const lines = [
    ["Link", row.linkUp === true ? "up" : "down"],
    ["MAC address", row.mac],
    ["MTU", `${row.mtu} bytes`],
    ["IPv4 address", row.address === "" ? "none" : row.address],
    ["Subnet mask", row.mask === "" ? "none" : row.mask],
    ["Router", row.router === "" ? "none" : row.router],
    ["DHCP lease", hasLease ? `${row.lease}, ${leaseLeft}` : row.lease],
    [
      "Frames received",
      `${row.receivedFrames} (${row.missedFrames} missed, ${row.malformedFrames} malformed)`,
    ],
    ["Frames sent", `${row.transmittedFrames} (${row.droppedFrames} dropped)`],
  ];
  return `${row.name}\n${lines.map(([title, text]) => `  ${`${title}`.padEnd(16)} ${text}\n`).join("")}`;
}

export const machineCommands: readonly CommandDefinition[] = [
  tableCommand("ps", "lists the processes of all kernels", "processes", processColumns),
  tableCommand(
    "kernels",
    "lists the kernels of this machine, those that are down too",
    "kernels",
    kernelColumns,
  ),
  tableCommand("channels", "lists all channels and who is at their ends", "channels", channelColumns),
  tableCommand(
    "transfers",
    "tells what has crossed between kernels, and what the DMA of cards had to do for it",
    "transfers",
    transferColumns,
  ),
  tableCommand(
    "scheduler",
    "tells what the scheduler of each kernel has counted",
    "scheduler",
    schedulerColumns,
  ),
  tableCommand(
    "heap",
    "shows what is in use of each kernel's exchange heap, by size and by owner",
    "heap",
    heapColumns,
  ),
  {
    name: "ns",
    usage: nsUsage,
    doc: "lists the namespace: all of it, or a directory",
    words: [0, 2],
    run: names,
  },
  {
    name: "ln",
    usage: "ln TARGET NAME",
    doc: "makes a name that stands for another one",
    words: [2, 2],
    run: link,
  },
  {
    name: "perf",
    usage: "perf [NAME|PID]",
    doc: "shows instructions, cycles and cache misses of the running processes, or of one that runs or ran",
    words: [0, 1],
    run: perf,
  },
  {
    name: "run",
    usage: "run PROGRAM [ARGUMENT...]",
    doc: "runs a program; its name alone does, too",
    words: [1, Infinity],
    run: (context) => runForeground({ ...context, words: context.words.slice(1) }),
  },
  {
    name: "restart",
    usage: "restart KERNEL",
    doc: "starts a satellite kernel again, fresh; what ran there ends",
    words: [1, 1],
    run: restart,
  },
  { name: "kill", usage: "kill PID", doc: "ends a process", words: [1, 1], run: kill },
  {
    name: "wait",
    usage: "wait PID",
    doc: "waits until a program has ended, and takes its exit status",
    words: [1, 1],
    run: wait,
  },
  {
    name: "manifest",
    usage: "manifest PROGRAM",
    doc: "shows a program's manifest",
    words: [1, 1],
    run: manifest,
  },
  {
    name: "explain",
    usage: "explain PROGRAM",
    doc: "tells where a program would run now, and why",
    words: [1, 1],
    run: explain,
  },
  { name: "ipconfig", usage: "ipconfig", doc: "shows the network interfaces", words: [0, 0], run: ipConfig },
  {
    name: "ping",
    usage: "ping [-c COUNT] ADDRESS",
    doc: "sends echo requests (runs the program Ping)",
    words: [0, Infinity],
    program: "Ping",
    run: (context) => runForeground({ ...context, words: ["Ping", ...context.words.slice(1)] }),
  },
  {
    name: "shutdown",
    usage: "shutdown [STATUS]",
    doc: "ends everything in order and switches the machine off",
    words: [0, 1],
    run: shutdown,
  },
];
