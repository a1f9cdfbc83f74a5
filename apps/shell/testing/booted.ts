/**
 * A booted test machine with the shell on its terminal, and small programs for it to run.
 *
 * Process manager, Controllers, console driver and shell are the real programs; the file system is one in memory.
 * - `Upper` writes what it reads in capitals, `Doomed TIME` dies after so many ns, `Endless` runs on,
 *   `Ping` tells its arguments and ends with status 4.
 */

import { assertEquals, assertStringIncludes } from "@std/assert";
import type { Program } from "../../../kernel/abi/kernel.ts";
import { LineReader, writeText } from "../../../kernel/abi/text.ts";
import consoleDriver from "../../../kernel/programs/console_driver/main.ts";
import processManager from "../../../kernel/programs/process_manager/main.ts";
import { TestFiles } from "../../../kernel/programs/testing/test_files.ts";
import { TestMachine } from "../../../kernel/programs/testing/test_machine.ts";
import { TestUart } from "../../../kernel/programs/testing/test_uart.ts";
import shell from "../main.ts";

export class Booted {
  readonly machine = new TestMachine();
  readonly uart = new TestUart();
  readonly files = new TestFiles();

  constructor() {
    const { machine, uart } = this;
    machine.bench.start("Hardware", uart.drive);
    machine.addDevice("kernel0", uart.device, "ConsoleDriver");
    const services = [{ contract: "FileSystemContract", path: "/fs" }];
    machine.programs.set("ConsoleDriver", { main: consoleDriver });
    machine.programs.set("FileSystem", { main: this.files.main, description: { services } });
    machine.programs.set("Shell", { main: shell });
    machine.programs.set("Ping", {
      *main(kernel): Program {
        yield* writeText(kernel, kernel.stdout, `pinging ${kernel.arguments.join(" ")}\n`);
        return 4;
      },
    });
    machine.programs.set("Upper", {
      *main(kernel): Program {
        const lines = new LineReader(kernel, kernel.stdin);
        for (let line = yield* lines.next(); line !== undefined; line = yield* lines.next()) {
          yield* writeText(kernel, kernel.stdout, `${line.toUpperCase()}\n`);
        }
      },
    });
    machine.programs.set("Doomed", {
      *main(kernel): Program {
        yield* kernel.sleep(Number(kernel.arguments[0]));
        throw Object.assign(new Error("doomed"), { stack: "Error: doomed" });
      },
    });
    machine.programs.set("Endless", {
      *main(kernel): Program {
        yield* writeText(kernel, kernel.stdout, "endless\n");
        yield* kernel.sleep(1e15);
      },
    });
    machine.bootList = [{ program: "FileSystem", arguments: [] }];
  }

  /** Boots, and runs until the machine is off or `until` holds. */
  run(args: readonly string[], until: () => boolean = () => false): this {
    this.machine.boot(processManager, ["--shell", args.join("\n")], 300e9, until);
    assertEquals(this.machine.bugs, []);
    return this;
  }

  /** Boots to the prompt. */
  interactive(): this {
    return this.run([], () => this.uart.shown.includes("helios> "));
  }

  /** Runs until the terminal shows `text`. */
  until(text: string): this {
    this.machine.run(() => this.uart.shown.includes(text), 1e13);
    assertEquals(this.machine.bugs, []);
    assertStringIncludes(this.uart.shown, text);
    return this;
  }
}

/** What one line shows, and the exit status of the machine. */
export function runLine(line: string, ...options: string[]): { text: string; status: number | undefined } {
  const { uart, machine } = new Booted().run(["-c", line, ...options]);
  return { text: uart.shown, status: machine.exitStatus };
}
