/**
 * Messages between programs and kernel: checking what is sent, building what is received.
 *
 * `packMessage` reads a program's body once, field by field, checks it against the
 * contract, and takes blocks and endpoints out of the sender's hands; only when all of
 * it is right. `unpackMessage` gives the receiver a frozen record with its own handles.
 */

import { type ChannelEnd, type Message, type MessageValue } from "../channels/channel_end.ts";
import type { CompiledField, CompiledMessage } from "../contracts/monitor.ts";
import type { Kernel } from "../kernel.ts";
import type { Block } from "../memory/exchange_heap.ts";
import type { Process } from "../process/process.ts";
import { BlockHandle, blockOf, takeBlock } from "./block_handle.ts";
import { endOf, releaseEnd } from "./endpoint_handle.ts";
import { ContractViolation } from "./errors.ts";

const textMax = 65_536;

const ranges: Readonly<Record<string, readonly [number, number]>> = {
  u8: [0, 0xff],
  u16: [0, 0xffff],
  u32: [0, 0xffff_ffff],
  i32: [-0x8000_0000, 0x7fff_ffff],
  u64: [0, Number.MAX_SAFE_INTEGER],
};

/** Checks a body and takes what it carries; throws ContractViolation and takes nothing if it is wrong. */
export function packMessage(
  kernel: Kernel,
  process: Process,
  definition: CompiledMessage,
  body: unknown,
  where: () => string,
): Message {
  const given = (typeof body === "object" && body !== null ? body : {}) as Record<string, unknown>;
  const { fields } = definition;
  const raw: unknown[] = [];
  for (let index = 0; index < fields.length; index++) raw.push(given[fields[index]!.name]);
  for (let index = 0; index < fields.length; index++) {
    const field = fields[index]!;
    const reason = reasonAgainst(field, raw[index], process);
    if (reason !== undefined) {
      throw new ContractViolation(`${where()}: field "${field.name}" of "${definition.tag}" ${reason}`);
    }
  }
  checkNothingTwice(definition, raw, where);
  for (let index = 0; index < fields.length; index++) {
    const { kind } = fields[index]!;
    if (kind === "bytes") raw[index] = takeSentBlock(kernel, raw[index]);
    else if (kind === "endpoint") raw[index] = takeSentEnd(process, raw[index]);
    // UTF-8 has no lone surrogates: a text must not arrive differently on another kernel.
    else if (kind === "string") raw[index] = (raw[index] as string).toWellFormed();
  }
  return { definition, values: raw as MessageValue[] };
}

function takeSentBlock(kernel: Kernel, value: unknown): Block {
  const block = takeBlock(value)!;
  kernel.heap.setOwner(block, undefined);
  return block;
}

function takeSentEnd(process: Process, value: unknown): ChannelEnd {
  const end = endOf(value)!;
  process.ends.delete(end);
  end.holder = undefined;
  end.group?.remove(end);
  releaseEnd(value);
  return end;
}

/** What is wrong with a field's value, or undefined. */
function reasonAgainst(field: CompiledField, value: unknown, process: Process): string | undefined {
  switch (field.kind) {
    case "bool":
      return typeof value === "boolean" ? undefined : `is ${describe(value)}, not a truth value`;
    case "f64":
      return typeof value === "number" ? undefined : `is ${describe(value)}, not a number`;
    case "string":
      if (typeof value !== "string") return `is ${describe(value)}, not a string`;
      return value.length <= textMax
        ? undefined
        : `has ${value.length} characters, at most ${textMax} are allowed`;
    case "enum":
      return field.words.includes(value as string)
        ? undefined
        : `is ${describe(value)}, not one of ${field.words.join(", ")}`;
    case "bytes": {
      const block = blockOf(value);
      if (block === undefined) return "is no block, or one that was sent or freed";
      return block.owner === process ? undefined : "is another process's block";
    }
    case "endpoint":
      return reasonAgainstEnd(field, endOf(value), process);
    default: {
      const [low, high] = ranges[field.kind]!;
      const fits = typeof value === "number" && Number.isInteger(value) && value >= low && value <= high;
      return fits ? undefined : `is ${describe(value)}, not a ${field.kind}`;
    }
  }
}

function reasonAgainstEnd(
  field: CompiledField & { kind: "endpoint" },
  end: ChannelEnd | undefined,
  process: Process,
): string | undefined {
  if (end === undefined || end.closed || end.holder !== process) return "is no endpoint of this process";
  if (end.waiters.size > 0) return "is waited on by a thread";
  if (field.contract !== undefined && field.contract.digest !== end.contract.digest) {
    return `is an endpoint of "${end.contract.name}", not of "${field.contract.name}"`;
  }
  return field.end !== undefined && field.end !== end.end
    ? `is the ${end.end}'s end, not the ${field.end}'s`
    : undefined;
}

function checkNothingTwice(definition: CompiledMessage, raw: readonly unknown[], where: () => string): void {
  if (definition.carries < 2) return;
  const carried = raw.filter((_, index) => ["bytes", "endpoint"].includes(definition.fields[index]!.kind));
  if (new Set(carried).size < carried.length) {
    throw new ContractViolation(`${where()}: "${definition.tag}" carries the same block or endpoint twice`);
  }
}

function describe(value: unknown): string {
  if (typeof value === "number" || typeof value === "boolean" || value === undefined || value === null) {
    return `${value}`;
  }
  if (typeof value === "string") return JSON.stringify(value.slice(0, 32));
  return typeof value;
}

/** The message as its receiver sees it; blocks and ends are the receiver's from here on. */
export function unpackMessage(
  kernel: Kernel,
  process: Process,
  message: Message,
): Readonly<Record<string, unknown>> {
  const unpacked: Record<string, unknown> = { tag: message.definition.tag };
  const { fields } = message.definition;
  for (let index = 0; index < fields.length; index++) {
    const field = fields[index]!;
    const value = message.values[index]!;
    if (field.kind === "bytes") {
      kernel.heap.setOwner(value as Block, process);
      unpacked[field.name] = new BlockHandle(value as Block);
    } else if (field.kind === "endpoint") {
      unpacked[field.name] = kernel.handOver(value as ChannelEnd, process);
    } else {
      unpacked[field.name] = value;
    }
  }
  return unpacked;
}
