/**
 * Runs the command line as a person does: a process of its own, with files and ports of its own.
 *
 * `helios` runs a command to its end; `serve` gives a machine that serves, to be ended by a signal.
 * - Every run has a time limit, after which it is killed and the test fails with its output.
 * - Folders from `temporaryFolder` are removed by the `await using` that holds them.
 * - A port from `freePort` was free a moment ago; nobody reserves it.
 */

import { assertEquals, fail } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { shippedMachines } from "../hw/machines/machines.ts";

export const projectFolder = fromFileUrl(new URL("..", import.meta.url));
const decoder = new TextDecoder();

export interface Finished {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly hostSeconds: number;
}

export interface RunOptions {
  /** What it reads; without it standard input is empty. */
  readonly stdin?: string;
  readonly timeoutSeconds?: number;
  /** A folder to run in, with an environment that knows nothing of this process's. */
  readonly alone?: string;
}

/** Runs `main.ts` with these words to its end. */
export async function helios(words: readonly string[], options: RunOptions = {}): Promise<Finished> {
  return await run(Deno.execPath(), ["run", "-A", join(projectFolder, "main.ts"), ...words], options);
}

/** Runs any program to its end. */
export async function run(
  program: string,
  words: readonly string[],
  { stdin = "", timeoutSeconds = 60, alone }: RunOptions = {},
): Promise<Finished> {
  const started = performance.now();
  const child = new Deno.Command(program, {
    args: [...words],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    ...(alone === undefined
      ? { env: { NO_COLOR: "1", MTOOLS_SKIP_CHECK: "1" } }
      : { env: { NO_COLOR: "1", HOME: alone, DENO_DIR: join(alone, "cache") }, clearEnv: true, cwd: alone }),
  }).spawn();
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    kill(child);
  }, timeoutSeconds * 1000);
  const writing = feed(child.stdin, stdin);
  const { code, stdout, stderr } = await child.output();
  clearTimeout(timer);
  await writing;
  const finished = {
    status: code,
    stdout: decoder.decode(stdout),
    stderr: decoder.decode(stderr),
    hostSeconds: (performance.now() - started) / 1000,
  };
  if (isLate) {
    fail(`${program} ${words.join(" ")} ran longer than ${timeoutSeconds} s:\n${describe(finished)}`);
  }
  return finished;
}

/** Ends a child at once, if it has not ended. */
function kill(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
}

/** A program that ends without reading what it was given is no error of the test's. */
async function feed(stream: WritableStream<Uint8Array>, text: string): Promise<void> {
  const writer = stream.getWriter();
  try {
    await writer.write(new TextEncoder().encode(text));
    await writer.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}

export function describe({ status, stdout, stderr }: Finished): string {
  return `status ${status}\n--- standard output\n${stdout}\n--- standard error\n${stderr}`;
}

/** The run's output, after a check that it ended with status 0. */
export async function succeed(words: readonly string[], options: RunOptions = {}): Promise<Finished> {
  const finished = await helios(words, options);
  assertEquals(finished.status, 0, `helios ${words.join(" ")}: ${describe(finished)}`);
  return finished;
}

export type JsonRow = Readonly<Record<string, unknown>>;
export interface JsonCommand extends JsonRow {
  readonly command: string;
  readonly rows: readonly JsonRow[];
  readonly eventLogHash: string;
  readonly virtualSeconds: number;
  readonly hostSeconds: number;
}

/** The objects of a run with `--json`, one per line. */
export function jsonLines(text: string): JsonCommand[] {
  return text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line) as JsonCommand);
}

/** The object of one command of a `--json` run. */
export function commandOf(text: string, command: string): JsonCommand {
  const found = jsonLines(text).find((object) => object.command === command);
  return found ?? fail(`there is no command "${command}" in ${text}`);
}

/** What `boot --exec` prints at its end: the hash of the event log. */
export function hashOf({ stdout, stderr }: Finished): string {
  const found = /event log ([0-9a-f]{64})\n|"eventLogHash":"([0-9a-f]{64})"/.exec(stdout + stderr);
  return found?.[1] ?? found?.[2] ?? fail(`no event-log hash in:\n${stdout}\n${stderr}`);
}

/** A machine that runs, to be ended by a signal. */
export interface Serving {
  /** Host seconds from the start of the process to its readiness. */
  readonly readySeconds: number;
  /** Sends a signal, so many times in a row, and waits for the end. */
  end(signal: Deno.Signal, times?: number): Promise<Finished>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Boots headless with these options; resolves when the services are up. */
export async function serve(
  words: readonly string[],
  timeoutSeconds = 60,
  launcher: readonly string[] = [],
): Promise<Serving> {
  const readiness = /^ready at |^\{"command":"ready"/m;
  return await start(["boot", "--headless", ...words], readiness, timeoutSeconds, launcher);
}

/**
 * Runs `main.ts` with these words; resolves when its standard output matches `readiness`. A `launcher` is
 * the words of a program that becomes the one it is given, such as `ip netns exec NAME`.
 */
export async function start(
  words: readonly string[],
  readiness: RegExp,
  timeoutSeconds = 60,
  launcher: readonly string[] = [],
): Promise<Serving> {
  const started = performance.now();
  const since = () => (performance.now() - started) / 1000;
  const main = join(projectFolder, "main.ts");
  const [program, ...args] = [...launcher, Deno.execPath(), "run", "-A", main, ...words];
  const child = new Deno.Command(program!, {
    args,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1" },
  }).spawn();
  const texts = { stdout: "", stderr: "" };
  const timer = setTimeout(() => kill(child), timeoutSeconds * 1000);
  let sayReady: (() => void) | undefined;
  const ready = new Promise<void>((resolve) => sayReady = resolve);
  const read = async (stream: ReadableStream<Uint8Array>, name: "stdout" | "stderr") => {
    const text = new TextDecoder();
    for await (const bytes of stream) {
      texts[name] += text.decode(bytes, { stream: true });
      if (readiness.test(texts.stdout)) sayReady?.();
    }
  };
  const reading = Promise.all([read(child.stdout, "stdout"), read(child.stderr, "stderr")]);
  const ended = (async (): Promise<Finished> => {
    const { code } = await child.status;
    await reading;
    clearTimeout(timer);
    return { status: code, ...texts, hostSeconds: since() };
  })();
  const first = await Promise.race([ready, ended]);
  if (first !== undefined) fail(`the machine ended before it was ready: ${describe(first)}`);
  return {
    readySeconds: since(),
    end: async (signal, times = 1) => {
      child.kill(signal);
      for (let time = 1; time < times; time++) {
        // Far enough apart to be two signals, near enough to be one Ctrl-C.
        await new Promise((resolve) => setTimeout(resolve, 5));
        child.kill(signal);
      }
      return await ended;
    },
    [Symbol.asyncDispose]: async () => {
      kill(child);
      await ended;
    },
  };
}

/** A port of loopback on which nobody listens now. */
export function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  return port;
}

/** An empty folder, until the end of the block that holds it. */
export class TemporaryFolder {
  readonly path = Deno.makeTempDirSync({ prefix: "helios_test_" });

  /** The path of a file in it. */
  file(name: string): string {
    return join(this.path, name);
  }

  write(name: string, text: string): string {
    Deno.writeTextFileSync(this.file(name), text);
    return this.file(name);
  }

  /** The names of all files, sorted. */
  get names(): string[] {
    return [...Deno.readDirSync(this.path)].map(({ name }) => name).sort();
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

type Json = Record<string, unknown>;

/** The JSON of a shipped machine, changed. */
export function changedMachine(name: string, change: (machine: Machine) => void): string {
  const machine = structuredClone(shippedMachines.get(name)) as Machine;
  change(machine);
  return JSON.stringify(machine);
}

/** The fields of a machine file that tests change. */
export interface Machine extends Json {
  acpi: { srat: boolean };
  host: Json & { cpus: Json[]; memory: Json; interrupts: Record<string, { value: number; source: string }> };
  devices: (Json & { model: string })[];
  lan: Record<string, { value: number; source: string }>;
}

/** The board of a machine file. */
export function boardOf(machine: Machine): Json {
  return machine.devices.find(({ model }) => model === "iop348") ?? fail("the machine has no board");
}

/** A copy of the shipped manifests in `folder`, with one of them edited. */
export function editedManifests(
  folder: TemporaryFolder,
  edits: Readonly<Record<string, (text: string) => string>>,
): string {
  const target = folder.file("manifests");
  Deno.mkdirSync(target);
  const source = join(projectFolder, "manifests");
  for (const { name } of Deno.readDirSync(source)) {
    const text = Deno.readTextFileSync(join(source, name));
    Deno.writeTextFileSync(join(target, name), edits[name]?.(text) ?? text);
  }
  return target;
}

/** The edit that gives the net stack another affinity to the driver of its card, and changes nothing else. */
export function netStackAffinity(affinity: number): (text: string) => string {
  const attribute = /affinity="[-0-9]+"( contractName="NicDeviceContract")/;
  return (text) => {
    if (!attribute.test(text)) fail("NetStack.xml has no affinity to NicDeviceContract");
    return text.replace(attribute, `affinity="${affinity}"$1`);
  };
}

/** Whether a program of Debian's is here; prints what is missing when it is not. */
export async function hasProgram(...programs: readonly string[]): Promise<boolean> {
  for (const program of programs) {
    const { code } = await new Deno.Command("sh", { args: ["-c", `command -v ${program}`], stdout: "null" })
      .output();
    if (code === 0) continue;
    console.log(`SKIPPED: ${program} is not installed (apt-get install swaks mtools dosfstools)`);
    return false;
  }
  return true;
}
