/**
 * What a check costs on the machine's CPUs: the scanner compiled as a kernel does it, with cycles counted.
 *
 * A mail with a large attachment once spent the budget of one burst, because walking its lines was charged
 * the whole message for each line.
 * - The bounds leave room for a third more than was measured (25 cycles a byte on x86-k8, 41 on armv5te).
 */

import { assert, assertEquals } from "@std/assert";
import { readSource } from "../../hw/host/program_files.ts";
import { armv5te } from "../../hw/cpu/isa_armv5te.ts";
import { x86K8 } from "../../hw/cpu/isa_x86_k8.ts";
import { createProgramLoader } from "../../kernel/boot/program_loader.ts";
import { harden } from "../../kernel/compiler/lockdown.ts";
import { buildSample } from "../../kernel/compiler/sample_programs.ts";

const entry = "apps/antivirus/cost.ts";
const program = `
  import { Scanner } from "./scanner.ts";
  import { builtInSignatures } from "./signature.ts";
  export default function* main(kernel) {
    const scanner = new Scanner(builtInSignatures(), () => kernel.call("pause"));
    const message = yield* kernel.call("ready");
    return yield* scanner.check(message);
  }`;
const { il } = buildSample(program, entry, readSource);
const load = createProgramLoader();

/** A mail as swaks makes it: a line of text, and bytes without a pattern in base64. */
function mailWithAttachment(size: number): Uint8Array {
  const attached = new Uint8Array(size);
  for (let index = 0, word = 1; index < size; index++) {
    word = Math.imul(word, 1103515245) + 12345 | 0;
    attached[index] = word >>> 16;
  }
  const boundary = "----=_MIME_BOUNDARY_000_1";
  return new TextEncoder().encode([
    ...["Subject: test", `Content-Type: multipart/mixed; boundary="${boundary}"`, "", `--${boundary}`],
    ...["Content-Type: text/plain", "", "This is a test mailing", `--${boundary}`],
    ...["Content-Type: application/octet-stream; name=file", "Content-Transfer-Encoding: BASE64", ""],
    ...[attached.toBase64().replace(/.{76}/g, "$&\r\n"), `--${boundary}--`, ""],
  ].join("\r\n"));
}

function plainMail(size: number): Uint8Array {
  return new TextEncoder().encode(`Subject: test\r\n\r\n${`${"x".repeat(70)}\r\n`.repeat(size / 72)}`);
}

for (
  const { isa, plainMax, encodedMax } of [
    { isa: x86K8, plainMax: 10, encodedMax: 34 },
    { isa: armv5te, plainMax: 16, encodedMax: 55 },
  ]
) {
  Deno.test(`on ${isa.name} a mail of 5 MB costs cycles in proportion to its size, in bursts of milliseconds`, () => {
    for (
      const { message, cyclesPerByteMax } of [
        { message: plainMail(5e6), cyclesPerByteMax: plainMax },
        { message: mailWithAttachment(5e6), cyclesPerByteMax: encodedMax },
      ]
    ) {
      const instance = load(il, isa);
      const thread = instance.start(harden({
        *call(name: string): Generator<string, unknown, unknown> {
          return yield name;
        },
      }));
      assertEquals(thread.next().value, "ready");
      const before = instance.readCycles();
      let longest = 0;
      for (let burstStart = before, step = thread.next(message); !step.done; step = thread.next()) {
        longest = Math.max(longest, instance.readCycles() - burstStart);
        burstStart = instance.readCycles();
      }
      const cyclesPerByte = (instance.readCycles() - before) / message.length;
      assert(cyclesPerByte < cyclesPerByteMax, `${cyclesPerByte} cycles a byte`);
      assert(longest < 12e6, `a burst of ${longest} cycles`);
    }
  });
}
