/**
 * The boot archive: which programs it starts from, and what it says the volume should hold.
 */

import { assertEquals } from "@std/assert";
import { CompileError } from "../compiler/compile_error.ts";
import { BootArchive } from "./boot_archive.ts";

const system = { file: "system.xml", text: "<system/>" };

function manifest(name: string, inside = "") {
  return {
    file: `${name}.xml`,
    text: `<application name="${name}" source="${name}/main.ts">${inside}</application>`,
  };
}

const manifests = [
  manifest("FileSystem"),
  manifest("Driver", `<devices><device vendor="1" device="2"/></devices>`),
  manifest("Manager", `<privileges><privilege name="system"/></privileges>`),
  manifest("Shell"),
  manifest("Mail"),
];

const il = (source: string): string => `IL of ${source}`;
const decode = (bytes: Uint8Array | undefined) => new TextDecoder().decode(bytes);
const noneRefused = (name: string, error: CompileError) => {
  throw new Error(`${name}: ${error.message}`);
};

Deno.test("the archive starts the file system, drivers and privileged programs, and leaves the others to the volume", () => {
  const archive = new BootArchive(manifests, system, il);
  assertEquals(archive.names.filter((name) => archive.holds(name)), ["Driver", "FileSystem", "Manager"]);
  const files = archive.volumeFiles(noneRefused);
  assertEquals([...files.keys()], [
    "/bin/Mail.il",
    "/manifests/Mail.xml",
    "/bin/Shell.il",
    "/manifests/Shell.xml",
  ]);
  assertEquals(decode(files.get("/bin/Shell.il")), "IL of Shell/main.ts");
  assertEquals(decode(files.get("/manifests/Shell.xml")), manifest("Shell").text);
});

Deno.test("a program that phase one refuses is named, and keeps no other from the volume", () => {
  const place = { file: "Mail/main.ts", line: 3, column: 1 };
  const archive = new BootArchive(manifests, system, (source) => {
    if (source === "Mail/main.ts") throw new CompileError(place, "import", "there is no file");
    return il(source);
  });
  const refused: string[] = [];
  const files = archive.volumeFiles((name, error) => refused.push(`${name}: ${error.message}`));
  assertEquals([...files.keys()], ["/bin/Shell.il", "/manifests/Shell.xml"]);
  assertEquals(refused, ["Mail: Mail/main.ts:3:1: there is no file (rule import)"]);
});

Deno.test("manifests go before the volume's only in a run for which a person chose them", () => {
  const chosen = new BootArchive(manifests, system, il, true);
  assertEquals(chosen.manifestForThisRun("Shell"), manifest("Shell").text);
  assertEquals(chosen.manifestForThisRun("Nobody"), undefined);
  assertEquals(new BootArchive(manifests, system, il).manifestForThisRun("Shell"), undefined);
});
