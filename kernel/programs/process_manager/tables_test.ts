/**
 * Merging the kernels' tables of channels, and naming the passes that decided.
 *
 * Pure functions: rows in, rows or words out.
 * - The order of what comes out is the order in which the kernels were asked.
 */

import { assertEquals } from "@std/assert";
import type { ChannelRow, PlacementRow } from "../../abi/kernel.ts";
import { decidedBy, mergeChannels } from "./tables.ts";

const local: ChannelRow = {
  id: "1",
  contract: "fat/1",
  client: "Shell:4@kernel0",
  server: "FileSystem:3@kernel0",
  kind: "local",
};

function remote(client: string, server: string): ChannelRow {
  return { id: "7", contract: "tcp/1", client, server, kind: "remote" };
}

Deno.test("a remote channel's two rows become one that names both ends", () => {
  const client = remote("Smtp:9@kernel0", "@card0");
  const server = remote("@kernel0", "NetStack:5@card0");
  const both = remote("Smtp:9@kernel0", "NetStack:5@card0");
  assertEquals(mergeChannels([client, local, server]), [both, local]);
  assertEquals(mergeChannels([server, local, client]), [both, local]);
});

Deno.test("an end on a kernel that did not answer keeps that kernel's name", () => {
  const client = remote("Smtp:9@kernel0", "@card0");
  assertEquals(mergeChannels([client]), [client]);
});

Deno.test("a placement was decided by every pass that dropped a kernel, in order", () => {
  const step = (pass: PlacementRow["pass"], kernel: string, kept: boolean) => ({
    pass,
    kernel,
    sum: 0,
    kept,
  });
  assertEquals(
    decidedBy([
      step("positive", "kernel0", false),
      step("positive", "card0", true),
    ]),
    "positive affinity",
  );
  assertEquals(
    decidedBy([
      step("platform", "card0", false),
      step("platform", "kernel0", true),
      step("platform", "kernel1", true),
      step("cpu", "kernel0", true),
      step("cpu", "kernel1", false),
    ]),
    "platform affinity, then CPU use",
  );
  assertEquals(
    decidedBy([
      step("negative", "kernel0", false),
      step("negative", "kernel1", true),
      step("negative", "card0", false),
      step("negative", "kernel2", true),
      step("cpu", "kernel1", false),
      step("cpu", "kernel2", true),
    ]),
    "negative affinity, then CPU use",
  );
  assertEquals(decidedBy([step("cpu", "kernel0", true)]), "the only kernel");
  assertEquals(decidedBy([]), "the only kernel");
});
