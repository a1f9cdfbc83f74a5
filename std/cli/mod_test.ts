/**
 * Tests of the stand-in for `@std/cli`: what `parseArgs` makes of the arguments that we read.
 *
 * They hold for the real package too, so they also guard the day when `links` is removed.
 */
import { assertEquals } from "@std/assert";
import { parseArgs } from "@std/cli";

Deno.test("parseArgs tells flags, values, lists and plain arguments apart", () => {
  const args = parseArgs(
    [
      "boot",
      "--json",
      "--disk",
      "007",
      "--publish",
      "8080:80",
      "--publish=25:25",
      "-m",
      "helios",
      "--",
      "--x",
    ],
    {
      boolean: ["json", "headless"],
      string: ["disk", "publish", "machine"],
      collect: ["publish"],
      alias: { machine: "m" },
    },
  );
  const disk: string | undefined = args.disk;
  const publish: string[] = args.publish;
  const json: boolean = args.json;
  assertEquals([disk, publish, json, args.headless], ["007", ["8080:80", "25:25"], true, false]);
  assertEquals(args.machine, "helios");
  assertEquals(args._, ["boot", "--x"]);
});

Deno.test("parseArgs gives an empty list for a collected flag that is absent, and no key for a string", () => {
  const args = parseArgs([], { string: ["disk", "publish"], collect: ["publish"] });
  assertEquals({ ...args }, { _: [], publish: [] });
});

Deno.test("parseArgs keeps the last value of a repeated flag that is not collected", () => {
  assertEquals(parseArgs(["--disk", "a", "--disk", "b"], { string: ["disk"] }).disk, "b");
});

Deno.test("parseArgs negates only what is negatable", () => {
  const options = { boolean: ["trace"], negatable: ["trace"], default: { trace: true } } as const;
  assertEquals(parseArgs(["--no-trace"], options).trace, false);
  assertEquals(parseArgs([], options).trace, true);
  assertEquals(parseArgs(["--no-log"], options)["no-log"], true);
});

Deno.test("parseArgs reports each unknown flag once, with its name", () => {
  const unknown: (string | undefined)[][] = [];
  parseArgs(["--disk", "d", "--dsik=e", "plain"], {
    string: ["disk"],
    unknown: (arg, key) => {
      unknown.push([arg, key]);
      return false;
    },
  });
  assertEquals(unknown, [["--dsik=e", "dsik"], ["plain", undefined]]);
});

Deno.test("parseArgs reads numbers, except where a flag is declared as text", () => {
  const args = parseArgs(["--for", "1.5", "--seed", "7", "--", "9"], { string: ["seed"], "--": true });
  assertEquals([args.for, args.seed, args["--"]], [1.5, "7", ["9"]]);
});
